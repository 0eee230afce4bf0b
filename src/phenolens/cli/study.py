"""Verbs of a study: design, init, one a step, run, and audit."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from phenolens.cli.options import given, options_of
from phenolens.cli.pages import Positional, Setting, Verb
from phenolens.cli.questions import refuse_overwriting
from phenolens.cli.signatures import Signature, read_signature
from phenolens.cli.values import FORMS, Here, Output, as_typed
from phenolens.errors import either

STEPS = {
    "check": "Join the screen's tables, read the headers of its images, and audit its design.",
    "splits": "Make the folds and control roles that every score shares.",
    "prepare": "Read the original images once into the study's store.",
    "measure": "Segment the images and measure CellProfiler-type features of every cell.",
    "represent": "Make every representation of the wells, fold by fold where it learns.",
    "normalize": "Calibrate wells on their own plate's controls.",
    "evaluate": "Score every representation beside its baselines.",
    "interpret": "Find the features, wells and cells behind the results.",
    "report": "Write figures and report.html.",
    "run": "Take all steps; what an earlier run finished is kept.",
}


def _set() -> Setting:
    """The option that changes settings of a study file; each verb has its own."""
    return Setting(
        ["changes", "--set"],
        multiple=True,
        metavar="KEY=VALUE",
        help="A setting of the study file, in the place of what it says: a dotted key and a value "
        "as in TOML, such as data.images.nuclei=DNA. [repeatable]",
    )


def _quiet() -> Setting:
    return Setting(["quiet", "-q", "--quiet"], is_flag=True, help="Print errors only.")


def _bounded(ctx: click.Context, _: click.Parameter, size: str | None) -> None:
    """Hand the bound to all processes of this run."""
    if size and not ctx.resilient_parsing:
        os.environ["PHENOLENS_CACHE_SIZE"] = size


def _cache_size() -> Setting:
    return Setting(
        ["--cache-size"],
        metavar="SIZE",
        expose_value=False,
        callback=_bounded,
        help="Most bytes in the cache of files that lie elsewhere, such as 50GB. [default: 20GB]",
    )


def init(name: str) -> Verb:
    """The verb that looks at a screen and writes a study file."""
    signature = read_signature("study/start.py", "init")

    def write(source: str, output: str, *, quiet: bool, **values: Any) -> None:
        from phenolens import study
        from phenolens.progress import RichProgress

        progress = False if quiet else RichProgress()
        for line in study.init(source, output, progress=progress, **given(signature, values)):
            if not quiet:
                click.echo(line)

    output = Setting(
        ["output", "-o", "--output"],
        type=Here(),
        default="study.toml",
        metavar="PATH",
        help="The study file. [default: study.toml]",
    )
    params = [
        argument(signature, "source"),
        output,
        *options_of(signature, but=["source", "output", "changes", "progress"]),
        _cache_size(),
        _set(),
        _quiet(),
    ]
    return Verb(name, signature.summary, write, params=params)


def design(name: str) -> Verb:
    """The verb that proposes plate layouts, before there is anything to study."""
    signature = read_signature("tools/plate_design.py", "design")

    def propose(treatments: str, output: str, **values: Any) -> None:
        from phenolens.tools import plate_design

        result = plate_design.design(treatments, output=output, **given(signature, values))
        click.echo("\n".join(result.lines()))
        click.echo(f"Wrote {output}")

    params = [
        Positional(
            ["treatments"],
            type=click.Path(),
            metavar="TREATMENTS",
            text="A table of compounds, one row a treatment, with concentrations where a compound "
            "has several; or how many treatments there are.",
        ),
        *options_of(signature, but=["treatments", "output"]),
        Setting(
            ["output", "-o", "--output"],
            type=Here(),
            default="plate-maps",
            metavar="DIR",
            help="Folder of the plate maps: platemap/*.txt, barcode_platemap.csv and design.json. "
            "[default: plate-maps]",
        ),
    ]
    return Verb(name, signature.summary, propose, params=params, paragraphs=signature.paragraphs)


def step(name: str) -> Verb:
    """The verb that takes one step of a study, and the steps it needs."""
    signature = read_signature("study/session.py", "open_study")

    def take(path: str, *, quiet: bool, **values: Any) -> None:
        from phenolens import study
        from phenolens.progress import RichProgress
        from phenolens.study.lock import require_one_process

        require_one_process()
        options = given(signature, values)
        progress = False if quiet else RichProgress()
        session = study.open_study(path, progress=progress, **options)
        tell = getattr(study, f"lines_of_{name}", study.lines_of_files)
        for line in tell(session, getattr(study, name)(session)):
            if not quiet:
                click.echo(line)

    params = [
        Positional(
            ["path"],
            type=click.Path(),
            metavar="STUDY",
            text="The study file (TOML); 'phenolens init' writes one.",
        ),
        *options_of(signature, but=["path", "progress", "changes", "encoders"]),
        _cache_size(),
        _set(),
        _quiet(),
    ]
    return Verb(name, STEPS[name], take, params=params)


def plan(name: str) -> Verb:
    """The verb that tells what a study will take, before it is begun."""
    signature = read_signature("study/session.py", "open_study")
    summary = read_signature("study/planning.py", "plan")

    def foretell(path: str, *, quiet: bool, as_json: bool, **values: Any) -> None:
        from phenolens import study
        from phenolens.progress import RichProgress
        from phenolens.study import planning

        progress = False if quiet or as_json else RichProgress()
        session = study.open_study(path, progress=progress, **given(signature, values))
        found = planning.plan(session)
        click.echo(json.dumps(found.as_dict(), indent=2) if as_json else "\n".join(found.lines()))

    left_out = ["path", "progress", "changes", "encoders", "cluster", "force", "verify"]
    params = [
        Positional(["path"], type=click.Path(), metavar="STUDY", text="The study file (TOML)."),
        *options_of(signature, but=left_out),
        _set(),
        _quiet(),
        Setting(["as_json", "--json"], is_flag=True, help="Print JSON: seconds, hours and bytes."),
    ]
    return Verb(name, summary.summary, foretell, params=params, paragraphs=summary.paragraphs)


def audit(name: str) -> Verb:
    """The verb that names the defects of a study, ours or somebody else's."""
    signature = read_signature("study/auditing.py", "audit")

    def look(data: tuple[str, ...], output: Path | None, *, strict: bool, **values: Any) -> None:
        from phenolens.errors import InputError
        from phenolens.study import auditing

        if output is not None:
            refuse_overwriting(data, output)
        options = given(signature, values)
        if bool(data) == ("tables" in options):
            raise InputError("Give either STUDY or --tables DIR.")
        if data:
            options["data"] = data[0] if len(data) == 1 else list(data)
        findings = auditing.audit_findings(**options)
        for line in auditing.audit_lines(findings):
            click.echo(line)
        if output is not None and output.suffix == ".json":
            auditing.write_audit(findings, output)
        elif output is not None:
            auditing.as_result(findings).write(output)
        if output is not None:
            click.echo(f"Wrote {as_typed(output)}")
        if strict and auditing.has_errors(findings):
            raise click.exceptions.Exit(1)

    forms = (".json", *FORMS)
    params = [
        Positional(
            ["data"],
            nargs=-1,
            type=click.Path(),
            metavar="STUDY...",
            text="A study file, the folder of a finished study, or profile tables.",
        ),
        *options_of(signature, but=["data", "changes"]),
        _set(),
        Setting(
            ["output", "-o", "--output"],
            type=Output(forms),
            metavar="PATH",
            help="Where the findings go; without it they are only shown. The ending says in which "
            f"form: {either(forms)}.",
        ),
        Setting(["--strict"], is_flag=True, help="Exit with 1 when an answer does not hold."),
    ]
    return Verb(name, signature.summary, look, params=params)


def explore(name: str) -> Verb:
    """The verb that opens a screen in the browser, or writes it as a static site."""
    signature = read_signature("explore/look.py", "explore")

    def look(
        data: str, export: str | None, treatments: tuple[str, ...], vitessce: str | None, *,
        browser: bool | None, port: int | None,
    ) -> None:  # fmt: skip
        from contextlib import suppress

        from phenolens.errors import ConfigError
        from phenolens.explore.export import export as write
        from phenolens.explore.opening import site_of
        from phenolens.explore.server import open_browser, prepared

        if treatments and export is None:
            raise ConfigError("--treatments says whose images an export holds; name --export too.")
        if vitessce and export is None:
            raise ConfigError("--vitessce says where an export will lie; name --export too.")
        site = site_of(data)
        if export is not None:
            click.echo(
                "\n".join(write(site, export, treatments=treatments or None, vitessce=vitessce))
            )
            return
        server, place, guard = prepared(site, port)
        click.echo(f"{site.title}: {guard.address}")
        click.echo("Only this machine can open it, with this address. Ctrl-C ends it.")
        if browser is not False:
            open_browser(guard.address)
        with suppress(KeyboardInterrupt):
            server.run(sockets=[place])

    params = [
        Positional(
            ["data"],
            type=click.Path(),
            metavar="OUT",
            text="The folder of a study's results, finished or not; or a file of profiles.",
        ),
        *options_of(signature, but=["data"]),
        Setting(
            ["export", "--export"],
            type=Here(),
            metavar="FOLDER",
            help="Write a static site instead, for a colleague or a web server.",
        ),
        Setting(
            ["treatments", "--treatments"],
            multiple=True,
            metavar="NAME",
            help="With --export: a treatment whose images it holds; the eight best by default. "
            "[repeatable]",
        ),
        Setting(
            ["vitessce", "--vitessce"],
            metavar="ADDRESS",
            help="With --export: where the folder will lie on the web; writes view configs of "
            "Vitessce for it, wells and cells as AnnData-Zarr, fields as OME-Zarr.",
        ),
    ]
    return Verb(name, signature.summary, look, params=params, paragraphs=signature.paragraphs)


def verify(name: str) -> Verb:
    """The verb that checks what a finished study left."""
    signature = read_signature("study/keeping.py", "verify")

    def look(out: str) -> None:
        from phenolens import study

        wrong = study.verify(out)
        click.echo("\n".join(wrong or ["Everything is as the run left it."]))
        if wrong:
            raise click.exceptions.Exit(1)

    params = [argument(signature, "out")]
    return Verb(name, signature.summary, look, params=params, paragraphs=signature.paragraphs)


def clean(name: str) -> Verb:
    """The verb that frees what a store need not keep."""
    signature = read_signature("study/keeping.py", "clean")

    def free(out: str, **values: Any) -> None:
        from phenolens import study

        click.echo("\n".join(study.clean(out, **given(signature, values))))

    params = [argument(signature, "out"), *options_of(signature, but=["out"])]
    return Verb(name, signature.summary, free, params=params, paragraphs=signature.paragraphs)


def argument(signature: Signature, name: str, kind: click.ParamType | None = None) -> Positional:
    """The argument of a function's parameter, a path."""
    text = signature.parameters[name].text
    return Positional([name], type=kind or click.Path(), metavar=name.upper(), text=text)
