"""The answer to each path of the page: the same bytes served and exported."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from phenolens.errors import InputError, PhenolensError
from phenolens.explore import cells, columns, doses, maps, similar, treatment
from phenolens.explore.arrows import stream
from phenolens.explore.described import described
from phenolens.explore.features import features
from phenolens.explore.groups import KnownGroup, about, known_groups, neighbourhood
from phenolens.explore.pictures import levels_of, tile
from phenolens.explore.screen import Screen
from phenolens.explore.wells import contrast, well
from phenolens.files import plain
from phenolens.marks import as_csv, as_json, read_marks
from phenolens.report import Panels, panel_style
from phenolens.spreadsheets import marked

PAGE = Path(__file__).parent / "page"
JSON, ARROW, BYTES, CSV = (
    "application/json",
    "application/vnd.apache.arrow.stream",
    "application/octet-stream",
    "text/csv; charset=utf-8",
)
KINDS = {
    ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8", ".json": JSON, ".svg": "image/svg+xml", ".png": "image/png",
    ".woff2": "font/woff2", ".wasm": "application/wasm", ".txt": "text/plain; charset=utf-8",
    ".ico": "image/x-icon", ".map": JSON, ".mjs": "text/javascript; charset=utf-8",
}  # fmt: skip
NO_PAGE = b"""<!doctype html><html lang="en"><meta charset="utf-8"><title>phenolens explore</title>
<p>The page was not built into this installation. Its data are here: <a href="data/screen.json">data/screen.json</a>.
"""  # noqa: E501


@dataclass(frozen=True)
class Reply:
    """Bytes, and what they are."""

    body: bytes
    kind: str


class NotThereError(InputError):
    """A path that leads nowhere; the text says why."""


@dataclass(frozen=True)
class Site:
    """A screen as the page asks for it.

    Attributes
    ----------
    screen : Screen
    title : str
    stamp : str
        Changes with the results.
    marks : Path or None
        The file of marks; None where nobody can mark.
    """

    screen: Screen
    title: str
    stamp: str
    marks: Path | None
    page: dict[str, Path] = field(default_factory=lambda: page_files(), repr=False)

    def answer(self, path: str) -> Reply:
        """What lies at a path, such as ``data/wells.arrow``.

        Parameters
        ----------
        path : str
            Of the page, or one of this module's routes, in which all that varies is numbers.

        Raises
        ------
        NotThereError
            If nothing does.
        """
        if path in self.page:
            file = self.page[path]
            return Reply(file.read_bytes(), KINDS.get(file.suffix, BYTES))
        if path == "index.html":
            return Reply(NO_PAGE, KINDS[".html"])
        for pattern, make in _ROUTES:
            if found := pattern.fullmatch(path):
                try:
                    return make(self, *map(int, found.groups()))
                except (IndexError, PhenolensError) as error:
                    told = (
                        "There is no such thing." if isinstance(error, IndexError) else str(error)
                    )
                    raise NotThereError(told) from None
        raise NotThereError("There is nothing at this address.")

    def described(self, *, mode: str) -> dict[str, Any]:
        """What ``data/screen.json`` says."""
        folder = "" if mode == "static" or self.screen.given else str(self.screen.tables.folder)
        told = self.screen.kept.get(
            "described", lambda: described(self.screen, title=self.title, stamp=self.stamp)
        )
        return {"mode": mode, "folder": folder} | told


def page_files() -> dict[str, Path]:
    """Files of the bundle by the paths they are served at; no other file is ever served."""
    if not PAGE.is_dir():
        return {}
    found = {p.relative_to(PAGE).as_posix(): p for p in sorted(PAGE.rglob("*")) if p.is_file()}
    return {name if name == "index.html" else f"page/{name}": path for name, path in found.items()}


def as_json_bytes(value: object) -> bytes:
    """Compact JSON; what is no number is null."""
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False, default=_other).encode()


def _other(value: object) -> object:
    return None if value is None or value != value else str(value)


def _json(value: object) -> Reply:
    return Reply(as_json_bytes(value), JSON)


def _arrow(values: dict[str, object], about: dict[str, str] | None = None) -> Reply:
    return Reply(stream(values, about=about), ARROW)


def _bytes(array: np.ndarray) -> Reply:
    kind = array.dtype.newbyteorder("<")
    return Reply(np.ascontiguousarray(array, dtype=kind).tobytes(), BYTES)


def _screen(site: Site) -> Reply:
    return _json(site.described(mode="served"))


def _wells(site: Site) -> Reply:
    return _arrow(columns.well_values(site.screen))


def _treatments(site: Site) -> Reply:
    return _arrow(columns.treatment_values(site.screen))


def _features(site: Site) -> Reply:
    return _json([one.as_data() for one in features(site.screen)])


def _feature(site: Site, number: int) -> Reply:
    one = features(site.screen)[number]
    return _arrow({"value": site.screen.feature(one.representation, one.name)})


def _map(site: Site, number: int) -> Reply:
    wanted = maps.maps_of(site.screen)[number]
    if wanted.of != "cells":
        found = maps.places(site.screen, wanted)
        return _arrow({"x": found.xy[:, 0], "y": found.xy[:, 1]}, {"axes": "|".join(found.axes)})
    known = site.screen.kept.get("cells", lambda: cells.cell_map(site.screen))
    if wanted.method == "UMAP":
        rows, xy = maps.umap_of_cells(site.screen)
        there = _points(known, rows) | {"x": xy[:, 0], "y": xy[:, 1]}
        return _arrow(there, {"axes": "UMAP 1|UMAP 2"})
    if len(known.x) > maps.MOST_POINTS:
        raise NotThereError("This map comes in tiles.")
    return _arrow(_points(known, np.arange(len(known.x))), {"axes": _axes(known)})


def _map_csv(site: Site, number: int) -> Reply:
    """All points of a map of cells: of one in tiles the page has no whole table."""
    wanted = maps.maps_of(site.screen)[number]
    if wanted.of != "cells":
        raise NotThereError("Only maps of cells come as a table; the page writes the others.")
    known = site.screen.kept.get("cells", lambda: cells.cell_map(site.screen))
    rows, xy = np.arange(len(known.x)), known.scores[:, :2]
    if wanted.method == "UMAP":
        rows, xy = maps.umap_of_cells(site.screen)
    names = [f"{'PC' if wanted.method == 'PCA' else 'UMAP'}{axis}" for axis in (1, 2)]
    table = cells.places(site.screen, known, rows).assign(**dict(zip(names, xy.T, strict=True)))
    written = marked(table).to_csv(index=False, float_format="%.6g")
    return Reply(written.encode("utf-8-sig"), CSV)


def _axes(known: cells.CellMap) -> str:
    return "|".join(maps.named(known.shares[:2]))


def _points(known: cells.CellMap, rows: np.ndarray) -> dict[str, object]:
    return {
        "x": known.x[rows], "y": known.y[rows], "well": known.well[rows],
        "field": known.field[rows], "object": known.number[rows],
        "cx": known.centre[rows, 0], "cy": known.centre[rows, 1],
    }  # fmt: skip


def _map_tile(site: Site, number: int, level: int, x: int, y: int) -> Reply:
    wanted = maps.maps_of(site.screen)[number]
    found = maps.tiled(site.screen) if (wanted.of, wanted.method) == ("cells", "PCA") else None
    if found is None or level > maps.DEEPEST or max(x, y) >= 2**level:
        raise NotThereError("There is no such tile.")
    kind, values = found.tile(level, x, y)
    about = {
        "kind": kind,
        "extent": " ".join(map(repr, found.extent)),
        "axes": _axes(found.cells),
    }
    if kind == "points":
        return _arrow(_points(found.cells, values), about)
    return _arrow({"count": values}, about)


def _similar(site: Site, number: int) -> similar.Similarity:
    found = similar.similarity(site.screen, site.screen.representations[number])
    if found is None:
        raise NotThereError("There are no three treatments to compare.")
    return found


def _similarity(site: Site, number: int) -> Reply:
    found = _similar(site, number)
    note = "Cosine similarity of consensus profiles (median over wells), by average linkage."
    if found.left_out:
        note += f" The last {found.left_out:,} treatments in rank are left out."
    return _json(
        {"treatments": found.leaves, "given": found.given, "merges": found.merges,
         "left_out": found.left_out, "note": note}
    )  # fmt: skip


def _cosine(site: Site, number: int) -> Reply:
    return _arrow({"cosine": _similar(site, number).cosine.ravel()})


def _dose(site: Site) -> Reply:
    return _json(doses.dose_curves(site.screen))


def as_listed(groups: list[KnownGroup]) -> Reply:
    """What ``data/groups.json`` says."""
    return _json([asdict(one) for one in groups])


def _groups(site: Site) -> Reply:
    return as_listed(known_groups(site.screen))


def _group(site: Site, number: int) -> Reply:
    return _json(about(site.screen, known_groups(site.screen)[number]))


def _neighbourhood(site: Site, number: int) -> Reply:
    found = neighbourhood(site.screen, number)
    if found is None:
        raise NotThereError("This treatment has no known neighbours.")
    return _json(about(site.screen, found))


def _treatment(site: Site, number: int) -> Reply:
    return _json(treatment.treatment(site.screen, number))


def _well(site: Site, number: int) -> Reply:
    return _json(well(site.screen, number))


def _contrast(site: Site, plate: int) -> Reply:
    if not 0 <= plate < len(site.screen.plates):
        raise NotThereError("There is no such plate.")
    return _json(contrast(site.screen, plate))


def _marks(site: Site) -> Reply:
    return Reply(as_json(read_marks(site.marks) if site.marks else []), JSON)


def _marks_csv(site: Site) -> Reply:
    return Reply(as_csv(read_marks(site.marks) if site.marks else []), CSV)


def _tile(site: Site, number: int, stain: int, level: int, row: int, column: int) -> Reply:
    pictures = site.screen.pictures
    _require(site, number, level)
    if not 0 <= stain < len(pictures.stains):
        raise NotThereError("There is no such stain.")
    return _bytes(tile(pictures.plane(number, stain, level=level), row, column))


def _outline(site: Site, number: int, which: int, level: int, row: int, column: int) -> Reply:
    pictures = site.screen.pictures
    _require(site, number, level)
    name = pictures.objects(number)[which]
    return _bytes(tile(pictures.outlines(number, name, level=level), row, column))


def _require(site: Site, number: int, level: int) -> None:
    pictures = site.screen.pictures
    if number >= len(pictures.fields) or pictures.level == "cell":
        raise NotThereError("There is no such field.")
    if level >= levels_of(pictures.shape(number)):
        raise NotThereError("There is no such level.")


def _panels(site: Site) -> Panels:
    def make() -> Panels:
        known = Panels(site.screen.tables).names
        ids = site.screen.treatment_ids
        return Panels(site.screen.tables, {name: f"t{ids.get(name, -1)}" for name in known})

    return site.screen.kept.get("panels", make)


def has_panel(site: Site, name: str) -> bool:
    """Whether the report has a panel of a treatment."""
    return name in _panels(site).anchors


def _panel(site: Site, number: int) -> Reply:
    name = site.screen.treatment_names[number]
    if not has_panel(site, name):
        raise NotThereError("The report has no panel of this treatment.")
    html = _panels(site).html(name, pictures=False)
    return Reply(str(html).encode(), KINDS[".html"])


def _panel_style(site: Site) -> Reply:
    return Reply(panel_style().encode(), KINDS[".css"])


def _crops(kind: str) -> Callable[[Site, int], Reply]:
    def of(site: Site, number: int) -> Reply:
        for one in treatment.cell_lists(site.screen, number):
            if one.kind == kind:
                return _bytes(cells.crops(site.screen, one))
        raise NotThereError("There are no such cells.")

    return of


def _well_crops(site: Site, number: int) -> Reply:
    if site.screen.pictures.level != "cell" or number >= len(site.screen.wells):
        raise NotThereError("There are no such crops.")
    return _bytes(cells.crops(site.screen, cells.of_well(site.screen, number)))


def _nearest_list(site: Site, field_: int, number: int) -> Reply:
    found = cells.nearest_cells(site.screen, field_, number)
    treatments = site.screen.wells["treatment"].to_numpy()[found.cells["well"]]
    return _json(
        {"kind": found.kind, "label": found.label, "size": cells.box(site.screen),
         "path": f"crops/n{field_}-{number}.bin", "cells": found.as_data(),
         "treatments": treatments}
    )  # fmt: skip


def _nearest_crops(site: Site, field_: int, number: int) -> Reply:
    return _bytes(cells.crops(site.screen, cells.nearest_cells(site.screen, field_, number)))


def _attribution(site: Site, number: int) -> Reply:
    return _bytes(treatment.attribution_pixels(site.screen, number))


_PATTERNS: dict[str, Callable[..., Reply]] = {
    r"data/screen\.json": _screen,
    r"data/wells\.arrow": _wells,
    r"data/treatments\.arrow": _treatments,
    r"data/features\.json": _features,
    r"data/features/#\.arrow": _feature,
    r"data/maps/#\.arrow": _map,
    r"data/maps/#/#-#-#\.arrow": _map_tile,
    r"data/maps/#\.csv": _map_csv,
    r"data/similarity/#\.json": _similarity,
    r"data/similarity/#\.arrow": _cosine,
    r"data/dose\.json": _dose,
    r"data/groups\.json": _groups,
    r"data/group/g#\.json": _group,
    r"data/group/t#\.json": _neighbourhood,
    r"data/nearest/f#-#\.json": _nearest_list,
    r"data/treatment/t#\.json": _treatment,
    r"data/well/w#\.json": _well,
    r"data/panel/t#\.html": _panel,
    r"data/panel\.css": _panel_style,
    r"data/contrast/p#\.json": _contrast,
    r"data/marks\.json": _marks,
    r"data/marks\.csv": _marks_csv,
    r"images/f#/#/#/#-#\.bin": _tile,
    r"images/f#/masks-#/#/#-#\.bin": _outline,
    r"crops/t#-typical\.bin": _crops("typical"),
    r"crops/t#-extreme\.bin": _crops("extreme"),
    r"crops/t#-control\.bin": _crops("control"),
    r"crops/w#\.bin": _well_crops,
    r"crops/n#-#\.bin": _nearest_crops,
    r"attribution/t#\.bin": _attribution,
}
_ROUTES = [(re.compile(path.replace("#", r"(\d{1,9})")), make) for path, make in _PATTERNS.items()]
