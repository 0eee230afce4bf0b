"""Profiles with their roles, folds and settings, as the files a study leaves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from phenolens import profiles, schema
from phenolens.errors import InputError
from phenolens.files import plain
from phenolens.findings import Finding
from phenolens.io.anndata import open_h5ad, to_columns, write_h5ad
from phenolens.represent.base import ALL, Card
from phenolens.settings import LAYOUT, Settings
from phenolens.tools.block import Block
from phenolens.tools.design import COLUMNS, design_columns, design_from, split_of
from phenolens.tools.representation import Profiles

if TYPE_CHECKING:
    from anndata import AnnData


def write_profiles(item: Profiles, path: Path) -> None:
    """Write ``NAME.parquet``: normalized wells, with roles, folds and settings in the file.

    With what :func:`write_folds` writes beside it, it holds all that :func:`read_study_profiles`
    needs to ask every question again.
    """
    block = item.normalized
    others = [fold for fold in block.tables if fold != ALL]
    joined = item.stage == "compared"
    about = _about(item) | {
        "stage": "compared" if joined else "normalized",
        "space": item.space if joined else "",
        "normalized_elsewhere": block.calibrated,
        "split": split_of(item.design),
        "folds": others,
        "cards": _cards(block),
        "unseen": {group: list(names) for group, names in block.unseen.items()},
        "made_of": [{"name": part.name, "cards": _cards(part)} for part in block.made_of],
        "features": block.features,
    }
    columns = design_columns(block.wells, item.design)
    whole = profiles.with_metadata(block.wells, columns)
    types = schema.arrow_schema(profiles.to_frame(whole), schema.PROFILES)
    profiles.write(whole, path, about=plain(about), schema=types)


def write_folds(item: Profiles, folder: Path) -> None:
    """Write ``FOLD.parquet`` of what differs by fold (a network); nothing for what does not."""
    shutil.rmtree(folder, ignore_errors=True)  # folds of an earlier run
    for fold, table in item.normalized.tables.items():
        if fold != ALL:
            types = schema.arrow_schema(profiles.to_frame(table), schema.PROFILES_SEEN)
            profiles.write(table, folder / f"{fold}.parquet", schema=types)


def _about(item: Profiles) -> dict[str, Any]:
    return {
        "layout": LAYOUT,
        "name": item.name,
        "settings": asdict(item.settings),
    }


def _cards(block: Block) -> dict[str, dict[str, Any]]:
    return {fold: card.as_dict() for fold, card in block.cards.items()}


def write_annotated(item: Profiles, path: Path, *, maps: pd.DataFrame | None = None) -> None:
    """Write ``NAME.h5ad``: what was measured, and every space that was compared in.

    ``X`` is as measured; ``layers["normalized"]`` is scaled on controls; ``var["selected"]`` marks
    the features that are compared; ``obsm`` holds the compared values (``X_whitened`` where they
    were whitened, else ``X_selected``), their components (``X_pca``, 95 % of the variance) and the
    map (``X_umap``). Wells that could not be compared are left out. What was several networks'
    has no compared values in common: ``X`` and the layer only.

    Parameters
    ----------
    item : Profiles
    path : Path
    maps : DataFrame, optional
        ``Metadata_Plate``, ``Metadata_Well``, ``x``, ``y``.
    """
    normalized = item.normalized.wells
    rows = _keys(item.table).get_indexer(_keys(normalized))
    measured = profiles.take(item.table, rows)
    table = profiles.with_metadata(
        measured.reindex(columns=normalized.columns),
        {n: profiles.column(normalized, n) for n in normalized.index.names}
        | design_columns(measured, item.design),
    )
    obsm: dict[str, np.ndarray] = {}
    selected = None
    if item.whole and len(item.wells) == len(normalized):
        compared = item.wells
        kept = item.compared.notes.get("selected", compared.columns)
        selected = normalized.columns.isin(kept)
        name = "X_whitened" if "whitened" in item.space else "X_selected"
        obsm[name] = compared.to_numpy(np.float32)
        obsm["X_pca"] = _components(compared)
        if maps is not None and len(maps):
            place = profiles.keys(maps, profiles.WELL_KEY).get_indexer(_keys(compared))
            obsm["X_umap"] = maps[["x", "y"]].to_numpy(np.float32)[place]
    about = _about(item) | {
        "space": item.space,
        "normalized_elsewhere": item.normalized.calibrated,
        "split": split_of(item.design),
        "folds": [fold for fold in item.normalized.tables if fold != ALL],
        "cards": _cards(item.normalized),
    }
    write_h5ad(
        table,
        path,
        layers={"normalized": normalized.to_numpy(np.float32)},
        var=None if selected is None else {"selected": selected},
        obsm=obsm,
        uns={"phenolens": json.dumps(plain(about), sort_keys=True)},
    )


def _keys(table: pd.DataFrame) -> pd.MultiIndex:
    return profiles.keys(profiles.metadata(table), profiles.WELL_KEY)


def _components(wells: pd.DataFrame) -> np.ndarray:
    """Principal components that hold 95 % of the variance, float32."""
    from sklearn.decomposition import PCA

    values = wells.to_numpy(np.float64)
    if min(values.shape) < 2:
        return values.astype(np.float32)
    return PCA(0.95, svd_solver="full").fit_transform(values).astype(np.float32)


def read_study_profiles(data: object) -> Profiles | None:
    """The profiles of a study's file, or of an AnnData read from one; None for other data.

    Parameters
    ----------
    data : path or AnnData
        ``profiles/NAME.parquet`` or ``profiles/NAME.h5ad`` of a study.

    Raises
    ------
    InputError
        If another version wrote it, or tables of its folds are missing.
    """
    if hasattr(data, "uns") and hasattr(data, "obsm"):
        return _of_anndata(data)
    if not isinstance(data, str | Path) or not Path(data).is_file():
        return None
    path = Path(data)
    if path.suffix == ".h5ad":
        found = _of_anndata(open_h5ad(path), path.with_suffix(".parquet"))
        return found
    return _of_parquet(path) if path.name.endswith((".parquet", ".pq")) else None


def _of_parquet(path: Path) -> Profiles | None:
    about = profiles.read_about(path)
    if about is None:
        return None
    _require_layout(about, str(path))
    tables = {}
    for fold in about["folds"]:
        beside = path.with_name(about["name"]) / f"{fold}.parquet"
        if not beside.is_file():
            raise InputError(
                f"{path} needs {beside}: its features were learned once per fold. Keep the folder "
                f"'{about['name']}' beside the file."
            )
        tables[fold] = profiles.read(beside)
    return _assembled(about, profiles.read(path), tables)


def _of_anndata(data: AnnData, beside: Path | None = None) -> Profiles | None:
    """Normalized wells from the layer of that name, as the study's own Parquet file holds them."""
    if "phenolens" not in data.uns or "normalized" not in data.layers:
        return None
    about = json.loads(data.uns["phenolens"])
    _require_layout(about, "The AnnData" if beside is None else str(beside.with_suffix(".h5ad")))
    if about["folds"]:
        if beside is not None and beside.is_file():
            return _of_parquet(beside)
        raise InputError(
            f"'{about['name']}' was learned once per fold: hand in {about['name']}.parquet of the "
            "study's profiles/, which has the tables of its folds beside it."
        )
    frame = to_columns(data, layer="normalized", obsm=None, source="The AnnData")
    whole = profiles.from_frame(frame, features=list(map(str, data.var_names)))
    return _assembled(about, whole, {})


def _require_layout(about: Mapping[str, Any], source: str) -> None:
    if about.get("layout") != LAYOUT:
        raise InputError(
            f"{source} was written by another version of phenolens (layout {about.get('layout')}, "
            f"this one reads {LAYOUT}). Run the study again."
        )


def _assembled(
    about: Mapping[str, Any], whole: pd.DataFrame, folds: dict[str, pd.DataFrame]
) -> Profiles:
    kept = [name for name in whole.index.names if name not in COLUMNS]
    block = Block(
        about["name"],
        {ALL: profiles.keep_metadata(whole, kept)} | folds,
        _cards_from(about["cards"]),
        calibrated=about["normalized_elsewhere"],
        notes={"space": about["space"]} if about.get("stage") == "compared" else {},
        unseen={group: tuple(names) for group, names in about.get("unseen", {}).items()},
        made_of=tuple(
            Block(part["name"], {}, _cards_from(part["cards"])) for part in about.get("made_of", [])
        ),
        features=about.get("features", {}),
    )
    known = {field.name for field in fields(Settings)}
    settings = Settings(**{n: v for n, v in about["settings"].items() if n in known})
    design = design_from(whole, about["split"])
    return Profiles(
        block,
        design,
        settings,
        stage=about.get("stage", "normalized"),
        findings=(Finding("of-a-study", "info"),),
    )


def _cards_from(cards: Mapping[str, dict[str, Any]]) -> dict[str, Card]:
    tuples = ("channels", "trained_on", "labels_seen", "unknown")
    return {
        fold: Card(**(card | {name: tuple(card[name]) for name in tuples}))
        for fold, card in cards.items()
    }
