"""The screen in words: what ``data/screen.json`` says, which the page reads first."""

from __future__ import annotations

from collections.abc import Iterator

from phenolens import __version__, schema
from phenolens.answers.doubts import doubted
from phenolens.answers.read import read_finding
from phenolens.answers.refusals import refusals
from phenolens.explore import columns, doses, similar
from phenolens.explore.cells import count, has_cells
from phenolens.explore.features import features
from phenolens.explore.groups import known_groups
from phenolens.explore.maps import DEEPEST, DRAWN_CELLS, MOST_POINTS, Map, maps_of
from phenolens.explore.screen import Screen
from phenolens.marks import WORDS
from phenolens.profiles import BATCH
from phenolens.report.colours import palette_of
from phenolens.study.lock import writer
from phenolens.words import names

CONTRACT = 1
_LOOKED_FOR = {
    "wells": "Design and counts of the wells",
    "activity": "Which treatments are active",
    "similarity": "Nearest neighbours",
    "umap": "UMAP of the wells",
    "features": "Which features moved",
    "feature_groups": "What changed, by compartment, family and stain",
    "dose": "Benchmark doses",
    "clusters": "Clusters of treatments",
    "fields": "Fields and cells",
    "attention": "Where the network looked",
}
_QUESTIONS = {"clusters": "clustering"}


def described(screen: Screen, *, title: str, stamp: str) -> dict:
    """All of ``data/screen.json`` but how it is served.

    Parameters
    ----------
    screen : Screen
    title : str
    stamp : str
        Changes with the results.
    """
    wells, pictures = screen.wells, screen.pictures
    palette = palette_of([name for name in screen.representations if name])
    doubts = doubted(screen.tables)
    found_maps = maps_of(screen)
    return {
        "contract": CONTRACT,
        "version": __version__,
        "title": title,
        "kind": "profiles" if screen.given is not None else "study",
        "stamp": stamp,
        "status": _status(screen),
        "plates": _plates(screen),
        "stains": pictures.stains,
        "pixel_size_um": pictures.pixel_size_um,
        "images": {"there": not pictures.words, "level": pictures.level, "words": pictures.words,
                   "wells": "all"},
        "representations": [
            {"name": name, "label": names.label(name), "colour": palette[name],
             "doubts": " ".join(f.said.phrase for f in doubts.get(name, []))}
            for name in screen.representations
        ],
        "lead": screen.lead,
        "alpha": screen.tables.alpha,
        "maps": [_map(screen, one) for one in found_maps],
        "similarity": [
            number
            for number, name in enumerate(screen.representations)
            if similar.has_similarity(screen, name)
        ],
        "features": len(features(screen)),
        "dose": doses.has_doses(screen),
        "groups": len(known_groups(screen)),
        "nearest": "all" if has_cells(screen) and pictures.level else [],
        "well_columns": [one.as_data() for one in columns.well_columns(screen)],
        "treatment_columns": [one.as_data() for one in columns.treatment_columns(screen)],
        "answers": _answers(screen),
        "findings": _findings(screen),
        "counts": {
            "wells": len(wells),
            "treatments": int((~screen.treatments["control"]).sum()),
            "plates": len(screen.plates),
            "controls": int(wells["control"].sum()),
            "fields": len(pictures.fields),
            "cells": count(screen),
        },
        "mark_words": list(WORDS),
    }  # fmt: skip


def _map(screen: Screen, one: Map) -> dict:
    """A map in words; where things lie is found out when somebody asks for it."""
    cells = count(screen) if one.of == "cells" else 0
    sizes = {
        "wells": len(screen.wells),
        "treatments": len(screen.treatment_names),
        "cells": min(cells, DRAWN_CELLS) if one.method == "UMAP" else cells,
    }
    return {
        "of": one.of,
        "representation": one.representation,
        "method": one.method,
        "label": one.label,
        "n": sizes[one.of],
        "note": one.note,
        "axes": [f"{'PC' if one.method == 'PCA' else 'UMAP '}{axis}" for axis in (1, 2)],
        "tiles": _tiles(screen) if (one.of, one.method) == ("cells", "PCA") else None,
    }


def _tiles(screen: Screen) -> dict | None:
    """Whether a map comes in tiles; what it spans is said by its first tile, once it is made."""
    return {"levels": DEEPEST + 1} if count(screen) > MOST_POINTS else None


def _plates(screen: Screen) -> list[dict]:
    rows, across = screen.plate_shape
    grouped = screen.wells.groupby("plate", sort=True)
    batches = (
        grouped[BATCH].first().fillna("").astype(str).tolist()
        if BATCH in screen.wells
        else [""] * len(screen.plates)
    )
    counts = zip(grouped.size().tolist(), grouped["control"].sum().tolist(), strict=True)
    return [
        {"name": name, "batch": batch, "rows": rows, "columns": across, "n_wells": int(n),
         "n_controls": int(controls)}
        for name, batch, (n, controls) in zip(screen.plates, batches, counts, strict=True)
    ]  # fmt: skip


def _status(screen: Screen) -> dict:
    if screen.given is not None:
        said = "Profiles alone: no study is around them, so that nothing was tested."
        return {"finished": True, "writing": False, "words": said, "missing": []}
    folder = screen.tables.folder
    who, finished = writer(folder), (folder / "report.html").is_file()
    missing = list(_missing(screen, finished=finished))
    if who:
        said = f"This study is being written ({who}). Reload the page to see what came since."
    elif not finished:
        said = "This study is not finished; 'phenolens run' goes on from here."
    else:
        said = ""
    return {"finished": finished, "writing": bool(who), "words": said, "missing": missing}


def _missing(screen: Screen, *, finished: bool) -> Iterator[dict[str, str]]:
    """What cannot be shown, and why: as its definition, or the study itself, says."""
    for name, what in _LOOKED_FOR.items():
        if screen.tables.table(name) is not None:
            continue
        if name in screen.tables.unread:
            why = screen.tables.unread[name]
        elif not finished:
            why = "It is not written yet."
        else:
            why = _why(screen, name)
        if why:
            yield {"what": what, "why": why}
    for name, why in screen.tables.unread.items():
        if name not in _LOOKED_FOR:
            yield {"what": name, "why": why}


def _why(screen: Screen, name: str) -> str:
    """Why a finished study has no such table: as the study says, else as its definition does."""
    withheld = (screen.tables.activation or {}).get("withheld_because")
    if name == "attention" and withheld:
        return read_finding(withheld).text
    told = refusals(screen.tables, _QUESTIONS.get(name, name))
    if told:
        return told[0].why.text
    definition = schema.tables()[name]
    said = definition.when
    if "there is none" in said:  # of what its first sentence names
        said = f"{definition.text} {said}"
    return said.replace("`", "").strip()


def _answers(screen: Screen) -> list[dict]:
    told = screen.tables.json("answers") if screen.given is None else None
    keys = ("key", "state", "question", "short", "sentences")
    return [{key: answer.get(key, "") for key in keys} for answer in told or []]


def _findings(screen: Screen) -> list[dict]:
    found = screen.tables.audit or []
    if screen.given is not None:
        found = list(screen.given.findings)
    keys = ("severity", "where", "what", "consequence", "remedy")
    return [{key: finding.to_dict()[key] for key in keys} for finding in found]
