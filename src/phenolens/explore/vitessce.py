"""What an export holds for Vitessce: its view configs over OME-Zarr fields and AnnData-Zarr tables.

Written as Zarr 2 (OME-NGFF 0.4): Vitessce's loaders look for the files of that format. See Keller
et al. 2025 (doi:10.1038/s41592-024-02436-x) and https://vitessce.io/docs/view-config-json/.
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

from phenolens import ngff
from phenolens.errors import InputError
from phenolens.explore import maps
from phenolens.explore.cells import cells_of_field
from phenolens.explore.features import Feature
from phenolens.explore.pictures import TILE, GoneError, levels_of
from phenolens.explore.screen import Screen
from phenolens.explore.wells import contrast, fields_of_wells
from phenolens.files import atomic_path
from phenolens.profiles import PLATE, SITE, WELL
from phenolens.words.numbers import plural

SCHEMA = "1.0.16"
FOLDER = "vitessce"
_SETS = {"Treatment": "treatment", "Mechanism": "mechanism", "Plate": "plate", "Control": "control"}


@dataclass(frozen=True)
class Pair:
    """A treated field, and a control field of its plate where there is one."""

    treatment: int
    fields: list[int]


@dataclass(frozen=True)
class VitessceExport:
    """The part of an export that Vitessce reads.

    Attributes
    ----------
    screen : Screen
    title : str
    folder : Path
        Of the export.
    address : str
        Where the folder will lie on the web: a view config holds whole addresses.
    features : list of Feature
        Of the wells.
    """

    screen: Screen
    title: str
    folder: Path
    address: str
    features: Sequence[Feature]

    def write(self, treatments: Sequence[int], fields: Sequence[int]) -> list[str]:
        """Write tables, fields and configs; the paths of the configs, the first one of all first.

        Parameters
        ----------
        treatments, fields : sequence of int
            Those of which the export has images.
        """
        shutil.rmtree(self.folder / FOLDER, ignore_errors=True)
        self._write_wells()
        shown = fields if self.screen.pictures.level == "field" else ()
        there = [field for field in shown if self._write_field(field)]
        pairs = list(self._pairs(treatments, there))
        configs = {f"{FOLDER}/t{pair.treatment}.json": self._config(pair.fields) for pair in pairs}
        configs = {"vitessce.json": next(iter(configs.values()), self._config([]))} | configs
        for path, config in configs.items():
            with atomic_path(self.folder / path) as partial:
                partial.write_text(json.dumps(config, indent=1, ensure_ascii=False), "utf-8")
        return list(configs)

    def _pairs(self, treatments: Sequence[int], fields: Sequence[int]) -> Iterator[Pair]:
        places = [(field, self.screen.wells.iloc[self._wells_of[field]]) for field in fields]
        for number in treatments:
            own = [(field, well) for field, well in places if well["treatment"] == number]
            if not own:
                continue
            field, well = own[0]
            controls = [
                other
                for other, row in places
                if row["control"] and row["plate"] == well["plate"] and other != field
            ]
            yield Pair(number, [field, *controls[:1]])

    @cached_property
    def _wells_of(self) -> dict[int, int]:
        """Well of each field."""
        return {f: w for w, own in fields_of_wells(self.screen).items() for f in own}

    @cached_property
    def _maps(self) -> dict[str, np.ndarray]:
        """Where wells lie, float32 (n_wells, 2), by the kind of map; of the lead."""
        found: dict[str, np.ndarray] = {}
        for one in maps.maps_of(self.screen):
            if one.of == "wells" and one.representation == self.screen.lead and one.part == 1:
                found[one.method] = maps.places(self.screen, one).xy
        return found

    @cached_property
    def _placed(self) -> np.ndarray:
        """Wells that have a place on every map, bool (n_wells,)."""
        kept = np.ones(len(self.screen.wells), dtype=bool)
        for xy in self._maps.values():
            kept &= np.isfinite(xy).all(axis=1)
        return kept

    def _write_wells(self) -> None:
        """Wells that have a place on every map, their sets, and their features."""
        wells, kept, treatments = self.screen.wells, self._placed, self.screen.treatments
        of = wells["treatment"].to_numpy()
        told = pd.Series(treatments["mechanism"].fillna("").to_numpy(object))
        mechanism = told.reindex(of).fillna("").to_numpy()
        names = pd.Series(self.screen.treatment_names, dtype=object).reindex(of).fillna("")
        obs = pd.DataFrame(
            {
                "treatment": names.to_numpy(),
                "mechanism": np.where(mechanism == "", "not known", mechanism),
                "plate": wells[PLATE].astype(str).to_numpy(),
                "control": np.where(wells["control"], "control", "treated"),
            },
            index=(wells[PLATE].astype(str) + " " + wells[WELL].astype(str)).to_numpy(),
        )[kept]
        values = [self.screen.feature(one.representation, one.name)[kept] for one in self.features]
        matrix = np.nan_to_num(np.stack(values, axis=1)) if values else np.zeros((len(obs), 0))
        names_of = [one.name for one in self.features]
        placed = {f"X_{method.lower()}": xy[kept] for method, xy in self._maps.items()}
        _write_table(self.folder / FOLDER / "wells.zarr", obs, matrix, names_of, placed)

    def _write_field(self, field: int) -> bool:
        """Whether its pixels are there; then its stains, outlined objects and cells are written."""
        pictures, place = self.screen.pictures, self.folder / FOLDER / f"f{field}"
        try:
            stains, deep = range(len(pictures.stains)), range(levels_of(pictures.shape(field)))
            levels = [
                np.stack([pictures.plane(field, stain, level=level) for stain in stains])
                for level in deep
            ]
        except GoneError:
            return False
        plate = int(self.screen.plates.index(str(pictures.fields.iloc[field][PLATE])))
        limits = contrast(self.screen, plate)
        shown = [(name, *limits[n]) for n, name in enumerate(pictures.stains)]
        _write_image(place / "image.zarr", levels, shown, pictures.pixel_size_um)
        if names := pictures.objects(field):
            labels = np.stack([pictures.labels(field, name) for name in names])
            smaller = [labels[:, :: 2**level, :: 2**level] for level in deep]
            numbers = [(name, 0.0, float(max(1, labels.max()))) for name in names]
            _write_image(place / "objects.zarr", smaller, numbers, pictures.pixel_size_um)
        cells, centres, table = cells_of_field(self.screen, field)
        if len(cells):
            obs = pd.DataFrame(index=cells.astype(str))
            placed = {"X_centre": centres.astype(np.float32)}
            _write_table(place / "cells.zarr", obs, table.to_numpy(), list(table), placed)
        return True

    def _url(self, path: str) -> str:
        return f"{self.address}/{FOLDER}/{path}"

    def _config(self, fields: Sequence[int]) -> dict[str, Any]:
        """A view config: the wells' map, and these fields beside each other."""
        embeddings = {method: f"obsm/X_{method.lower()}" for method in self._maps}
        wells: dict[str, Any] = {
            "fileType": "anndata.zarr",
            "url": self._url("wells.zarr"),
            "options": {
                "obsFeatureMatrix": {"path": "X"},
                "obsSets": [{"name": n, "path": f"obs/{c}"} for n, c in _SETS.items()],
                "obsEmbedding": [
                    {"path": path, "dims": [0, 1], "embeddingType": method}
                    for method, path in embeddings.items()
                ],
            },
            "coordinationValues": {"obsType": "well", "featureType": "feature"},
        }
        datasets = [{"uid": "wells", "name": "Wells", "files": [wells]}]
        datasets += [self._dataset(field) for field in fields]
        scopes = {one["uid"]: one["uid"] for one in datasets}
        of_wells = {"dataset": "wells", "obsType": "well", "featureType": "feature"}
        wide = 12 if not fields else 6
        layout = [
            _view("scatterplot", of_wells | {"embeddingType": method}, (0, 6 * n, wide // 2, 6))
            for n, method in enumerate(list(embeddings)[:2])
        ]
        layout += [
            _view("obsSets", of_wells, (wide // 2, 0, wide // 2, 6)),
            _view("featureList", of_wells, (wide // 2, 6, wide // 2, 6)),
        ]
        said = f"{self._placed.sum():,} of {plural(len(self._placed), 'well')} are on the maps"
        height = 12 // max(1, len(fields))
        for n, field in enumerate(fields):
            shown = {"dataset": f"f{field}"}
            layout += [
                _view("spatialBeta", shown, (6, n * height, 4, height)),
                _view("layerControllerBeta", shown, (10, n * height, 2, height)),
            ]
        return {
            "version": SCHEMA,
            "name": self.title,
            "description": "; ".join([said, *(str(one["name"]) for one in datasets[1:])]),
            "datasets": datasets,
            "coordinationSpace": {
                "dataset": scopes,
                "obsType": {"well": "well"},
                "featureType": {"feature": "feature"},
                "embeddingType": {method: method for method in embeddings},
            },
            "layout": layout,
            "initStrategy": "auto",
        }

    def _dataset(self, field: int) -> dict[str, Any]:
        row, pictures = self.screen.pictures.fields.iloc[field], self.screen.pictures
        at = f"{row[PLATE]} {row[WELL]}, site {row[SITE]}"
        well = self._wells_of[field]
        of = int(self.screen.wells["treatment"].iloc[well])
        name = f"{self.screen.treatment_names[of]}: {at}" if of >= 0 else at
        objects = pictures.objects(field)
        files: list[dict[str, Any]] = [
            {"fileType": "image.ome-zarr", "url": self._url(f"f{field}/image.zarr")}
        ]
        if objects:
            files.append(
                {
                    "fileType": "obsSegmentations.ome-zarr",
                    "url": self._url(f"f{field}/objects.zarr"),
                    "options": {"obsTypesFromChannelNames": True},
                }
            )
        if (self.folder / FOLDER / f"f{field}" / "cells.zarr").is_dir():
            outlined = "Cells" if "Cells" in objects else next(iter(objects), "Cells")
            files.append(
                {
                    "fileType": "anndata.zarr",
                    "url": self._url(f"f{field}/cells.zarr"),
                    "options": {"obsFeatureMatrix": {"path": "X"}},
                    "coordinationValues": {"obsType": outlined},
                }
            )
        return {"uid": f"f{field}", "name": name, "files": files}


def address_of(text: str) -> str:
    """Where an export will lie on the web, without the last slash.

    Raises
    ------
    InputError
        If it is no such address.
    """
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
        raise InputError(
            f"{text!r} is no address that a folder can lie at; name one such as "
            "https://example.org/site, where the export will be put."
        )
    return text.rstrip("/")


def _view(component: str, scopes: dict[str, str], box: tuple[int, int, int, int]) -> dict[str, Any]:
    return {"component": component, "coordinationScopes": scopes} | dict(
        zip("xywh", box, strict=True)
    )


def _write_table(
    path: Path, obs: pd.DataFrame, values: np.ndarray, names: list[str], placed: dict
) -> None:
    import anndata

    obs = obs.astype(str).astype("category")
    held = anndata.AnnData(
        values.astype(np.float32), obs=obs, var=pd.DataFrame(index=pd.Index(names)), obsm=placed
    )
    with anndata.settings.override(zarr_write_format=2), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Writing zarr v2", UserWarning)  # what Vitessce reads
        held.write_zarr(path)


def _write_image(
    path: Path,
    levels: Sequence[np.ndarray],
    shown: Sequence[tuple[str, float, float]],
    pixel_size_um: float | None,
) -> None:
    """An image with axes c, y, x; every chunk is written, for some hosts refuse what is absent."""
    import zarr

    windows = [ngff.Window(0.0, float(np.iinfo(levels[0].dtype).max), a, b) for _, a, b in shown]
    attributes = ngff.older_image([name for name, *_ in shown], pixel_size_um, windows, len(levels))
    group = zarr.open_group(str(path), mode="w", zarr_format=2, attributes=attributes)
    for number, array in enumerate(levels):
        made = group.create_array(
            str(number),
            shape=array.shape,
            chunks=(1, *(min(TILE, side) for side in array.shape[1:])),
            dtype=array.dtype,
            chunk_key_encoding={"name": "v2", "separator": "/"},
            config={"write_empty_chunks": True},
        )
        made[:] = array
