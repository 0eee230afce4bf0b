"""Small screens on disk, and a section of the study file as plain values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from phenolens.config import Data

STAINS = ("DNA", "ER")


@pytest.fixture(scope="session")
def section() -> Callable[..., dict]:
    """The ``[data]`` section with its defaults, as the study hands it over."""
    return lambda **given: Data.model_validate(given).model_dump()


@pytest.fixture
def fields(tmp_path: Path) -> pd.DataFrame:
    """Two plates, four wells each, two sites, two stains: TIFF files and their LoadData table."""
    rows = []
    for plate in ("P1", "P2"):
        for well in ("A01", "A02", "B01", "B02"):
            for site in (1, 2):
                row = {"Metadata_Plate": plate, "Metadata_Well": well, "Metadata_Site": site}
                for number, stain in enumerate(STAINS):
                    name = f"{plate}_{well}_s{site}_w{number}.tif"
                    write_plane(tmp_path / "images" / name, value=number)
                    row[f"FileName_Orig{stain}"] = name
                    row[f"PathName_Orig{stain}"] = "images"
                rows.append(row)
    frame = pd.DataFrame(rows)
    frame.to_csv(tmp_path / "load_data.csv", index=False)
    return frame


@pytest.fixture
def platemap(tmp_path: Path) -> pd.DataFrame:
    """What is in the wells: a vehicle, one compound at two doses, another at one."""
    frame = pd.DataFrame(
        {
            "well": ["a1", "A2", "b01", "B02"],
            "compound": ["DMSO", "taxol", "taxol", "ALLN"],
            "dose_um": [0.0, 0.3, 1.0, 3.0],
            "moa": ["none", "microtubule", "microtubule", "protease"],
        }
    )
    frame.to_csv(tmp_path / "platemap.csv", index=False)
    return frame


@pytest.fixture
def labelled(section: Callable[..., dict]) -> Callable[..., dict]:
    """The section for ``fields`` with ``platemap``; keywords replace its parts."""

    def build(**changes: object) -> dict:
        given = {
            "columns": {"compound": "compound", "concentration": "dose_um", "mechanism": "moa"},
            "images": {"table": "load_data.csv", "layout": "load_data"},
            "tables": [{"file": "platemap.csv", "on": {"Metadata_Well": "well"}}],
        }
        return section(**(given | changes))

    return build


def write_plane(path: Path, *, value: int, shape: tuple[int, ...] = (6, 8)) -> None:
    """A small TIFF of one value."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, np.full(shape, value, dtype=np.uint16))


@pytest.fixture(scope="session", name="write_plane")
def write_plane_fixture() -> Callable[..., None]:
    """:func:`write_plane` for tests that write their own images."""
    return write_plane
