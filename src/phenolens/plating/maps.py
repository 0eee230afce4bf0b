"""Plate maps in the field's form: one file a plate, and the table that says whose they are."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from phenolens.errors import ConfigError, InputError, named
from phenolens.files import atomic_path, write_json
from phenolens.spreadsheets import marked, unmarked

BARCODES = "barcode_platemap.csv"
ABOUT = "design.json"


def map_path(plate: str) -> str:
    """Where the map of a plate lies, relative to the folder."""
    return f"platemap/{plate}.txt"


def map_texts(maps: dict[str, pd.DataFrame]) -> dict[str, str]:
    """What each file holds, by its path below the folder; the table of barcodes comes last.

    Parameters
    ----------
    maps : dict of str to DataFrame
        By the name of the plate: ``well_position`` and what the well holds.
    """
    texts = {}
    for plate, wells in maps.items():
        wells = wells.copy()
        wells.insert(0, "plate_map_name", plate)
        texts[map_path(plate)] = marked(wells).to_csv(index=False, sep="\t", lineterminator="\n")
    barcodes = pd.DataFrame({"Assay_Plate_Barcode": list(maps), "Plate_Map_Name": list(maps)})
    return texts | {BARCODES: marked(barcodes).to_csv(index=False, lineterminator="\n")}


def require_free(texts: dict[str, str], folder: Path) -> None:
    """Raise where a folder holds other plate maps: plates may have been made by them.

    Raises
    ------
    ConfigError
        If a file of the same name has another content.
    InputError
        If there is a file of the folder's name.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; name a folder for the plate maps.")
    for name, text in texts.items():
        path = folder / name
        if path.exists() and path.read_bytes() != text.encode():
            raise ConfigError(
                f"{path} is there already, of another design; name another folder with "
                f"{named('output')}, or use {named('force')}."
            )


def write_maps(texts: dict[str, str], folder: Path, *, about: dict) -> None:
    """Write plate maps, each whole or not at all; the table of barcodes last, the maps it names.

    Parameters
    ----------
    texts : dict of str to str
        Of :func:`map_texts`.
    folder : Path
    about : dict
        Settings and findings of the design, for ``design.json``.

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    try:
        for stale in _named_before(folder) - set(texts):
            (folder / stale).unlink(missing_ok=True)
        write_json(folder / ABOUT, about)
        for name, text in texts.items():
            with atomic_path(folder / name) as partial:
                partial.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise InputError(f"{folder} cannot be written to: {error.strerror or error}.") from None


def _named_before(folder: Path) -> set[str]:
    """Maps that an earlier table of barcodes in the folder names."""
    path = folder / BARCODES
    if not path.is_file():
        return set()
    table = unmarked(pd.read_csv(path, dtype=str))
    names = [str(name) for name in table.get("Plate_Map_Name", [])]
    return {map_path(name) for name in names if Path(name).name == name}
