"""The four questions of a study, in the words of ``questions.json``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from phenolens.answers.tables import Tables
from phenolens.report.sections import Section, register
from phenolens.report.spaces import computed_on
from phenolens.words import names
from phenolens.words.numbers import fixed, interval, number, p_value, sentence, within

_SENTENCES = re.compile(r"(?<=[.!?]) (?=[A-Z])")


def view(tables: Tables) -> dict | None:
    """Each question with its answer and numbers; None where the study asked none."""
    if not tables.questions:
        return None
    known = tables.representations
    return {"questions": [_question(i + 1, item, known) for i, item in enumerate(tables.questions)]}


def _question(place: int, item: dict, known: list[str]) -> dict:
    why = item.get("withheld_because")
    told = names.in_words(str(why or item.get("answer", "")))
    text = sentence(names.read_out(told, known))
    first, *rest = _SENTENCES.split(text, maxsplit=1)
    given = item.get("numbers") or []
    return {
        "code": f"RQ{place}",
        "question": str(item.get("question", "")),
        "withheld": bool(why),
        "answer": text,
        "first": first,
        "rest": "".join(rest),
        "numbers": [row for number in given for row in _rows(number)],
        "space": computed_on(_spaces(given)),
    }


def _spaces(told: list[dict]) -> Iterator[tuple[str, str]]:
    """Each representation of the numbers with its space; in which task, where there are several."""
    several = len({given.get("task") for given in told}) > 1
    sides = (("representation", "space"), ("of", "space_of"), ("against", "space_against"))
    for given in told:
        task = f" in {within(names.task(str(given.get('task'))))}" if several else ""
        for who, space in sides:
            if given.get(space):
                yield f"{names.label(str(given[who]))}{task}", str(given[space])


def _rows(given: dict) -> Iterator[dict]:
    if "difference" in given:
        pair = f"{names.label(str(given.get('of')))} minus {names.label(str(given.get('against')))}"
        yield _row(pair, given, "difference")
    elif "value" in given:
        yield _row(names.label(str(given.get("representation", ""))), given, "value")
    else:
        yield from _nested(given)


def _nested(given: dict, above: str = "") -> Iterator[dict]:
    """Numbers kept under names of their own, one row each."""
    for name, value in given.items():
        what = f"{above} {name}".strip().replace("_", " ")
        if isinstance(value, dict) and "value" not in value:
            yield from _nested(value, what)
        elif isinstance(value, dict):
            yield _row(what.capitalize(), value, "value")
        elif isinstance(value, int | float):
            yield {"what": what.capitalize(), "value": number(value)} | dict.fromkeys(
                ("metric", "between", "n", "p"), ""
            )


def _row(what: str, given: dict, key: str) -> dict:
    task, metric = (str(given.get(name) or "") for name in ("task", "metric"))
    spoken = [names.task(task)] * bool(task) + [names.metric(metric)] * bool(metric)
    first, rest = spoken[:1], [within(text) for text in spoken[1:]]
    n = given.get("n", given.get("n_wells"))
    return {
        "what": what,
        "metric": ", ".join([*first, *rest]),
        "value": fixed(given.get(key), 3),
        "between": interval(given.get("low"), given.get("high"), of=lambda v: fixed(v, 3)),
        "n": number(n),
        "p": p_value(given.get("p_holm")),
    }


register(
    Section(
        key="questions",
        title="The four questions",
        order=20,
        view=view,
        template=Path(__file__).with_suffix(".html"),
    )
)
