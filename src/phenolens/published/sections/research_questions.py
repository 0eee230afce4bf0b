"""The four research questions, in their own words, with the findings of ``questions.json``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from phenolens.answers.tables import Tables
from phenolens.report.sections import Section, register
from phenolens.report.spaces import computed_on
from phenolens.words import names
from phenolens.words.numbers import fixed, interval, number, p_value, within

PARTS = {"cells": "cells", "nucleus": "nuclei", "cytoplasm": "cytoplasm"}


def view(tables: Tables) -> dict | None:
    """Each question with its answer and numbers; None where the study asked none."""
    if not tables.json("questions"):
        return None
    asked = [_question(place, item) for place, item in enumerate(tables.json("questions"), start=1)]
    return {"questions": asked}


def _question(place: int, item: dict[str, Any]) -> dict[str, Any]:
    found = [*item["headline"], *item["details"]]
    grave = any(one["severity"] == "warning" for one in item["headline"])
    opened = item["state"] == "open"
    return {
        "code": f"RQ{place}",
        "question": item["question"],
        "withheld": opened and grave,
        "needs": opened and not grave,
        "first": item["short"],
        "rest": [one["what"] for one in item["details"]],
        "numbers": [row for one in found if not opened for row in _rows(one)],
        "space": computed_on(_spaces(found)),
    }


def _rows(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The numbers of one finding, where it has some."""
    about, values = found["about"], found["values"]
    if "difference" in values:
        pair = " minus ".join(names.label(about[side]) for side in ("representation", "against"))
        yield _row(pair, (about["task"], values["metric"]), values, "difference")
    elif "part" in about and "correlation" in values:
        yield _row("Its maps minus those of random weights", ("", ""), values, "value")
    elif "part" in about:
        yield _row(f"Maps on {PARTS[about['part']]}, over their share", ("", ""), values, "value")
    elif "value" in values:
        who = names.label(about["representation"])
        yield _row(who, (values["task"], values["metric"]), values, "value")


def _row(what: str, of: tuple[str, str], values: dict[str, Any], key: str) -> dict[str, Any]:
    task, metric = of
    return {
        "what": what,
        "metric": f"{names.task(task)}, {within(names.metric(metric))}" if task else "",
        "value": fixed(values[key], 3),
        "between": interval(values.get("low"), values.get("high"), of=lambda v: fixed(v, 3)),
        "n": number(values.get("n", values.get("n_wells"))),
        "p": p_value(values.get("p_holm")),
    }


def _spaces(found: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Each representation with its space; in which task, where there are several."""
    asked = [one for one in found if "space" in one["values"] or "spaces" in one["values"]]
    tasks = {one["about"].get("task", one["values"].get("task")) for one in asked}
    for one in asked:
        about, values = one["about"], one["values"]
        task = about.get("task", values.get("task"))
        end = f" in {within(names.task(task))}" if len(tasks) > 1 else ""
        who = [about[side] for side in ("representation", "against") if side in about]
        for name, space in zip(who, values.get("spaces", [values.get("space")]), strict=True):
            if space:
                yield f"{names.label(name)}{end}", space


register(
    Section(
        key="questions",
        title="The four research questions",
        order=20,
        view=view,
        template=Path(__file__).with_suffix(".html"),
        short="Research questions",
    )
)
