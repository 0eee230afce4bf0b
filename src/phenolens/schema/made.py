"""Files about the run: settings, versions, times, figures and the page."""

from __future__ import annotations

from phenolens.schema.kinds import Document, File, Key

LAYOUT = Document(
    "layout.json",
    "the version of these files",
    text="A folder of another layout, or one with results and without it, is refused, not mixed "
    "with.",
    keys=(Key("layout", "int", "4"),),
)

STEPS = Document(
    "files.json",
    "which step wrote what",
    text="A step that is taken again takes away what it wrote before and does not write now, and "
    "touches no other file.",
    keys=(Key("<step>", "list of strings", "files and folders"),),
)

ANSWERS = Document(
    "answers.json",
    "the report's answers",
    text="A list, one entry a question, in the order of the report. The data of a finding are in "
    "`code`, `severity`, `about` and `values`; the rest is their words.",
    keys=(
        Key(
            "key",
            "string",
            "the question: `active`, `similar`, `doubts`, `best`, `fusion`, `cells`, `limits`",
        ),
        Key("state", "string", "`answered`, `doubtful`, or `open`: there is no answer"),
        Key("question", "string", "in words"),
        Key("short", "string", "the answer in words"),
        Key("sentences", "list of strings", "what supports or limits it, in words"),
        Key("headline", "list of objects", "the findings that carry the answer"),
        Key("details", "list of objects", "the findings that support or limit it"),
        Key("evidence", "list of strings", "sections of the report that show it"),
    ),
)

PROVENANCE = Document(
    "provenance.json",
    "what the numbers were made with",
    keys=(
        Key("lead", "string", "the representation that the report leads with"),
        Key("phenolens", "string", "version"),
        Key("python", "string", "version"),
        Key("machine", "string", "its type"),
        Key("libraries", "object", "versions"),
        Key("seed", "int", "the seed that all others derive from"),
        Key("blas_threads", "string", "threads of linear algebra"),
        Key("wells", "int", "wells of the screen"),
        Key("cards", "object", "by representation and fold: what it learned from, and its digest"),
    ),
)

TIMINGS = Document(
    "timings.json",
    "seconds of each step",
    text='Not part of the "same bytes" promise.',
)

ANSWERS = Document(
    "answers.json",
    "the report's answers",
    text="One entry a question, in the order of the report. `headline` and `details` are "
    "findings: `code`, `severity`, `about` and `values` are the data, and `what`, `consequence` "
    "and `remedy` their words.",
    keys=(
        Key("key", "string", "name of the question"),
        Key("state", "string", "`answered`, `doubtful` or `open`"),
        Key("question", "string", "as the report asks it"),
        Key("short", "string", "the answer in one or two sentences"),
        Key("sentences", "list of strings", "what follows from it, and what supports or limits it"),
        Key("headline", "list of objects", "the findings that carry the answer"),
        Key("details", "list of objects", "findings that support or limit it"),
        Key("evidence", "list of strings", "sections of the report"),
    ),
)

RESOLVED = File("study.resolved.toml", "the study with every default written out")
FIGURES = File("figures/<figure>.<ending>", "every figure, as PNG and as SVG")
REPORT = File("report.html", "one self-contained page")

FILES: tuple[File, ...] = (
    ANSWERS,
    PROVENANCE,
    TIMINGS,
    LAYOUT,
    STEPS,
    RESOLVED,
    FIGURES,
    REPORT,
)
