"""The methods text of a study, from its resolved settings and from the tables it wrote."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from phenolens.answers.active import position_safe
from phenolens.answers.tables import Tables
from phenolens.findings import Finding
from phenolens.report.references import REFERENCES, Reference
from phenolens.report.spaces import spaces_of
from phenolens.represent.base import kinds_of, options_of
from phenolens.words import names

_CITE = re.compile(r"\[([a-z0-9, ]+\d{4})\]")
SCALED = ("mad", "standard")


@dataclass(frozen=True)
class Piece:
    """Text, followed by the numbers of the references it cites."""

    text: str
    cites: list[int]


@dataclass(frozen=True)
class Methods:
    """Paragraphs (heading, pieces) and the numbered references they cite."""

    paragraphs: list[tuple[str, list[Piece]]]
    references: list[Reference]


def methods(tables: Tables) -> Methods:
    """Write the methods; only steps that the settings or the tables show were done."""
    written = [(title, " ".join(found.text for found in part(tables))) for title, part in PARTS]
    written = [(title, text) for title, text in written if text]
    keys = list(dict.fromkeys(k for _, text in written for k in _keys(text)))
    paragraphs = [(title, _pieces(text, keys)) for title, text in written]
    return Methods(paragraphs, [REFERENCES[key] for key in keys])


def _keys(text: str) -> list[str]:
    return [key for match in _CITE.findall(text) for key in match.split(", ")]


def _pieces(text: str, keys: list[str]) -> list[Piece]:
    parts = _CITE.split(text)
    cites = [[keys.index(k) + 1 for k in match.split(", ")] for match in parts[1::2]] + [[]]
    pairs = zip(parts[::2], cites, strict=True)
    return [Piece(text.rstrip() if numbers else text, numbers) for text, numbers in pairs]


_TOLD = ("trained_on", "labels_seen", "licence", "url")


def _did(code: str, **values: object) -> Finding:
    return Finding(f"methods-{code}", "info", {}, values)


def _screen(tables: Tables) -> Iterator[Finding]:
    if tables.wells is None:
        return
    yield _did(
        "screen",
        wells=len(tables.wells),
        plates=int(tables.wells["Metadata_Plate"].nunique()),
        treatments=len(tables.treatments),
        controls=int(tables.controls.sum()),
    )
    columns = [c for c in tables.wells.columns if c.startswith("intensity_")]
    if columns:
        yield _did("stains", stains=[c.removeprefix("intensity_") for c in columns])


def _images(tables: Tables) -> Iterator[Finding]:
    images = tables.settings.get("data", {}).get("images")
    if not images:
        return
    how = tables.setting("prepare", "illumination")
    if how and how != "none" and images.get("level") == "field":
        yield _did("illumination", how=how)
    known = kinds_of(tables.settings)
    wanted = tables.setting("represent", "representations") or []
    cells = tables.table("cell_scores")
    made = {*tables.real, *(() if cells is None else cells["representation"])}
    for name in sorted(set(wanted) & set(known) & made, key=list(known).index):
        options = options_of(known[name], tables.settings)
        sentence = known[name].methods.format(**options.model_dump())
        yield _did("representation", representation=name, sentence=sentence)


def _profiles(tables: Tables) -> Iterator[Finding]:
    given = tables.settings.get("data", {}).get("profiles", [])
    done = [block.get("name", "") for block in given if block.get("normalized")]
    if given:
        yield _did("profiles-given", representation=[block.get("name", "") for block in given])
    for block in given:
        told = {key: block[key] for key in _TOLD if block.get(key)}
        if told:
            yield _did("profiles-told", representation=block.get("name", ""), **told)
    if done:
        yield _did("profiles-normalized", representation=done)
    imaged = bool(tables.settings.get("data", {}).get("images"))
    how = tables.setting("normalize", "aggregate")
    if how and (imaged or any(block.get("level", "well") != "well" for block in given)):
        yield _did("aggregated", how=how)
    scale = tables.setting("normalize", "method")
    scaled = scale in SCALED and tables.controls.any() and (imaged or len(done) < len(given))
    if scaled and tables.wells is not None:
        roles = tables.wells.get("role")
        shared_out = roles is not None and bool(roles.isin(["evaluate", "swap-a"]).any())
        yield _did("scaled", how=scale, others=bool(done), shared_out=shared_out)
    spaces = spaces_of(tables.activity)
    if spaces.by:
        yield _did("space", sentence=spaces.sentence, several=spaces.several)


def _scores(tables: Tables) -> Iterator[Finding]:
    if tables.results is None:
        return
    classified = tables.results["task"].str.startswith(("classification", "nearest"))
    if classified.any():
        splits = tables.results.loc[classified, "split"]
        yield _did("folds", splits=sorted(name for name in set(splits) if names.split(name)))
    times = tables.setting("evaluate", "bootstrap")
    if times:
        yield _did("intervals", times=times)
    kinds = [n.split(":")[1] for n in tables.representations if names.is_baseline(n)]
    if kinds:
        yield _did("baselines", baselines=[names.BASELINE + kind for kind in dict.fromkeys(kinds)])
    if "silhouette" in set(tables.results["task"]):
        yield _did("silhouettes")


def _cells(tables: Tables) -> Iterator[Finding]:
    rows = tables.table("cell_scores")
    if rows is None:
        return
    yield _did(
        "cells",
        column=str(tables.settings["data"]["columns"]["cell_label"]),
        split=str(rows["split"].iloc[0]),
        over=str(rows["interval_over"].iloc[0] or ""),
        times=tables.setting("evaluate", "bootstrap"),
    )


def _activity(tables: Tables) -> Iterator[Finding]:
    if tables.activity is None:
        return
    yield _did("activity")
    if position_safe(tables.activity):
        yield _did("position-safe")
    else:
        yield _did("permutation", times=tables.setting("evaluate", "permutations"))
    yield _did("active", alpha=tables.alpha)
    if tables.retrieval is not None:
        yield _did("retrieval", across=list(tables.retrieval["across"].unique()))
    if tables.dose is not None:
        yield _did("doses")


def _changed(tables: Tables) -> Iterator[Finding]:
    if tables.table("feature_groups") is not None:
        yield _did("feature-groups")


def _similar(tables: Tables) -> Iterator[Finding]:
    if tables.similarity is not None:
        yield _did("consensus")
    if tables.clusters is not None:
        yield _did("clusters", leiden="leiden" in set(tables.clusters["method"]))
    if tables.matching is not None:
        yield _did("matching")
    if tables.umap is not None:
        yield _did("map")


def _compared(tables: Tables) -> Iterator[Finding]:
    if tables.comparisons is not None:
        yield _did("comparisons")


PARTS: tuple[tuple[str, Callable[[Tables], Iterator[Finding]]], ...] = (
    ("Screen", _screen),
    ("Images and features", _images),
    ("Profiles", _profiles),
    ("Scores", _scores),
    ("Classes of cells", _cells),
    ("Activity", _activity),
    ("What changed", _changed),
    ("Similarity and clusters", _similar),
    ("Comparisons", _compared),
)
