"""The same site as files in a folder, to hand to a colleague or to put on any web server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from phenolens.errors import InputError, did_you_mean
from phenolens.explore import maps, treatment
from phenolens.explore.cells import has_cells, nearest_cells
from phenolens.explore.features import most_telling
from phenolens.explore.groups import KnownGroup, known_groups, neighbourhood
from phenolens.explore.pictures import GoneError, tiles_of
from phenolens.explore.screen import Screen
from phenolens.explore.site import (
    JSON,
    NotThereError,
    Reply,
    Site,
    as_json_bytes,
    as_listed,
    has_panel,
)
from phenolens.explore.vitessce import VitessceExport, address_of
from phenolens.explore.wells import fields_of_wells, typical_controls
from phenolens.files import atomic_path
from phenolens.profiles import OBJECT
from phenolens.words.numbers import listed, plural, size

FEATURES, BEST, WELLS, CONTROLS = 500, 8, 2, 2
"""Features a representation; treatments, wells of each, and control wells a plate with images."""
NEAREST = 2
"""Typical and extreme cells of each treatment with images whose nearest cells are there too."""
READ_ME = """This folder is a static site that 'phenolens explore --export' wrote.
Browsers do not let a page read files that lie beside it, so open it through a web server:

    python -m http.server --directory . 8000

and go to http://127.0.0.1:8000/, or put the folder on any web server.
"""


@dataclass(frozen=True)
class Chosen:
    """What of a screen's images an export holds.

    Attributes
    ----------
    treatments, wells : list of int
    fields : list of int
        One of each well.
    cells : list of (int, int)
        Field and number of each cell whose nearest ones are there too.
    """

    treatments: list[int]
    wells: list[int]
    fields: list[int]
    cells: list[tuple[int, int]]


def export(
    site: Site,
    folder: str | Path,
    *,
    treatments: Sequence[str] | None = None,
    vitessce: str | None = None,
) -> list[str]:
    """Write a site into a folder that is new, empty, or holds an earlier export.

    Parameters
    ----------
    site : Site
    folder : path
    treatments : sequence of str, optional
        Those with images; by default the eight best of the lead.
    vitessce : str, optional
        Address at which the folder will lie: view configs of Vitessce are written for it, with
        wells and cells as AnnData-Zarr and the fields as OME-Zarr.

    Returns
    -------
    list of str
        What was written, in lines.

    Raises
    ------
    InputError
        If the folder holds something else, or a treatment is not of this screen.
    """
    folder = Path(folder)
    _require_ours(folder)
    address = None if vitessce is None else address_of(vitessce)
    chosen = choose(site.screen, treatments)
    files, total, refused = 0, 0, []
    for path in _paths(site, chosen):
        try:
            body = _answer(site, path, chosen).body
        except NotThereError as error:
            refused.append(f"{path}: {error}")
            continue
        with atomic_path(folder / path) as partial:
            partial.write_bytes(body)
        files, total = files + 1, total + len(body)
    (folder / "README.txt").write_text(READ_ME, encoding="utf-8")
    names = [site.screen.treatment_names[number] for number in chosen.treatments]
    lines = [f"Wrote {plural(files, 'file')} ({size(total)}) to {folder}"]
    if chosen.fields:
        lines.append(f"With images of {listed(names)}, beside controls of the same plates.")
    else:
        lines.append(f"Without images. {site.screen.pictures.words}".strip())
    if address is not None:
        telling = most_telling(site.screen, FEATURES)
        whole = VitessceExport(site.screen, site.title, folder, address, telling)
        configs = whole.write(chosen.treatments, chosen.fields)
        lines.append(
            f"For Vitessce: {plural(len(configs), 'view config')}; once the folder is there, open "
            f"https://vitessce.io/#?url={address}/{configs[0]}"
        )
    lines += [f"Left out: {line}" for line in refused[:5]]
    if len(refused) > 5:
        lines.append(f"Left out as well: {plural(len(refused) - 5, 'file')}.")
    lines.append(f"Open it with: python -m http.server --directory {folder} 8000")
    return lines


def _require_ours(folder: Path) -> None:
    if not folder.exists():
        return
    if not folder.is_dir() or (
        any(folder.iterdir()) and not (folder / "data" / "screen.json").is_file()
    ):
        raise InputError(
            f"{folder} holds something else than an export. Name a folder that is new or empty."
        )


def choose(screen: Screen, names: Sequence[str] | None) -> Chosen:
    """Treatments, wells and fields that an export has images of.

    Raises
    ------
    InputError
        If a name is none of this screen's treatments.
    """
    for name in names or ():
        if name not in screen.treatment_ids:
            raise InputError(
                f"There is no treatment {name!r}{did_you_mean(name, screen.treatment_names)}"
            )
    rank = screen.treatments["rank"].to_numpy()
    best = [int(n) for n in np.argsort(rank, kind="stable") if rank[n] > 0][:BEST]
    wanted = [screen.treatment_ids[name] for name in names] if names else best
    known, of = fields_of_wells(screen), screen.wells["treatment"].to_numpy()
    wells: dict[int, int] = {}
    plates: dict[int, None] = {}
    for number in wanted if screen.pictures.level else []:
        own = [int(w) for w in np.flatnonzero(of == number) if int(w) in known]
        for one in own if names else own[:WELLS]:
            wells[one] = known[one][0]
            plates[int(screen.wells["plate"].iloc[one])] = None
    by_field = {field: one for one, fields in known.items() for field in fields[:1]}
    for plate in plates:
        for field in typical_controls(screen, plate)[:CONTROLS]:
            wells[by_field[field]] = field
    return Chosen(wanted, sorted(wells), sorted(wells.values()), _cells_of(screen, wanted))


def _cells_of(screen: Screen, treatments: Sequence[int]) -> list[tuple[int, int]]:
    """The first typical and extreme cells of these; none where none were measured."""
    if not has_cells(screen):
        return []
    lists = [one for number in treatments for one in treatment.cell_lists(screen, number)]
    shown = [one.cells.head(NEAREST) for one in lists if one.kind in ("typical", "extreme")]
    return sorted({(int(f), int(n)) for rows in shown for f, n in rows[["field", OBJECT]].values})


def _answer(site: Site, path: str, chosen: Chosen) -> Reply:
    """As served, but for what says how much of the screen is here."""
    if path == "data/screen.json":
        told = site.described(mode="static")
        kept = most_telling(site.screen, FEATURES)
        images = told["images"] | {"wells": chosen.wells}
        ours = {"images": images, "features": len(kept), "nearest": chosen.cells,
                "groups": len(_groups(site.screen, chosen))}  # fmt: skip
        return Reply(as_json_bytes(told | ours), JSON)
    if path == "data/groups.json":
        return as_listed(_groups(site.screen, chosen))
    if path == "data/features.json":
        return Reply(
            as_json_bytes([one.as_data() for one in most_telling(site.screen, FEATURES)]), JSON
        )
    if path.startswith("data/well/"):
        told = json.loads(site.answer(path).body)
        here = set(chosen.fields)
        told["fields"] = [one for one in told["fields"] if one["id"] in here]
        told["controls"] = [one for one in told["controls"] if one["id"] in here]
        return Reply(as_json_bytes(told), JSON)
    if path.startswith("data/treatment/"):
        told = json.loads(site.answer(path).body)
        if told["id"] not in chosen.treatments:
            told["cells"] = None
        return Reply(as_json_bytes(told), JSON)
    return site.answer(path)


def _groups(screen: Screen, chosen: Chosen) -> list[KnownGroup]:
    around = [neighbourhood(screen, number) for number in chosen.treatments]
    return [*known_groups(screen), *(one for one in around if one is not None)]


def _paths(site: Site, chosen: Chosen) -> Iterator[str]:
    """Every path of a static site; the page last, so that half an export does not open."""
    screen = site.screen
    yield from ("data/wells.arrow", "data/treatments.arrow", "data/features.json")
    yield from (f"data/features/{one.id}.arrow" for one in most_telling(screen, FEATURES))
    for number, one in enumerate(maps.maps_of(screen)):
        tiled = maps.tiled(screen) if (one.of, one.method) == ("cells", "PCA") else None
        if tiled is not None:
            yield from (f"data/maps/{number}/{z}-{x}-{y}.arrow" for z, x, y in _tiles(tiled))
        else:
            yield f"data/maps/{number}.arrow"
    for number in site.described(mode="static")["similarity"]:
        yield from (f"data/similarity/{number}.json", f"data/similarity/{number}.arrow")
    yield from ("data/panel.css", "data/dose.json", "data/marks.json", "data/marks.csv")
    for number, name in enumerate(screen.treatment_names):
        yield f"data/treatment/t{number}.json"
        if has_panel(site, name):
            yield f"data/panel/t{number}.html"
        if treatment.attribution(screen, name):
            yield f"attribution/t{number}.bin"
    for number in chosen.treatments:
        kinds = [one.kind for one in treatment.cell_lists(screen, number)]
        yield from (f"crops/t{number}-{kind}.bin" for kind in kinds)
    yield "data/groups.json"
    yield from (one.path for one in _groups(screen, chosen))
    for field, number in chosen.cells:
        yield from (f"data/nearest/f{field}-{number}.json", f"crops/n{field}-{number}.bin")
    yield from _of_images(screen, chosen)
    yield "data/screen.json"
    yield from [name for name in site.page if name != "index.html"]
    yield "index.html"


def _of_images(screen: Screen, chosen: Chosen) -> Iterator[str]:
    yield from (f"data/well/w{number}.json" for number in chosen.wells)
    shown = np.isin(screen.wells["treatment"].to_numpy(), chosen.treatments)
    shown[chosen.wells] = True
    for field, number in chosen.cells:
        shown[nearest_cells(screen, field, number).cells["well"].to_numpy()] = True
    plates = sorted(set(screen.wells["plate"][shown]) if chosen.wells else set())
    if screen.pictures.level == "cell":
        yield from (f"crops/w{number}.bin" for number in chosen.wells)
    yield from (f"data/contrast/p{number}.json" for number in plates)
    for field in chosen.fields if screen.pictures.level == "field" else []:
        try:
            shape = screen.pictures.shape(field)
        except GoneError:
            continue
        for level, row, column in tiles_of(shape):
            at = f"{level}/{row}-{column}.bin"
            yield from (f"images/f{field}/{s}/{at}" for s in range(len(screen.pictures.stains)))
            yield from (
                f"images/f{field}/masks-{o}/{at}"
                for o in range(len(screen.pictures.objects(field)))
            )


def _tiles(tiled: maps.Tiled) -> Iterator[tuple[int, int, int]]:
    """Squares from the whole map down, as long as a square holds more points than are drawn."""
    waiting = [(0, 0, 0)]
    while waiting:
        level, x, y = waiting.pop()
        yield level, x, y
        if tiled.tile(level, x, y)[0] == "density":
            waiting += [(level + 1, 2 * x + i, 2 * y + j) for i in (0, 1) for j in (0, 1)]
