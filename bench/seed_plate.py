"""A simulated plate with the layout of the published study on which nothing is active.

One plate of 384 wells: 64 of DMSO, 249 compounds in one well each, 18 of them in a second, up to
nine fields a well, 2,867 fields in all. Wells differ by position, staining and chance only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from joblib import Parallel, delayed, parallel_config

from phenolens.learn.components import Components
from phenolens.measure import MeasureSettings, measure_objects
from phenolens.profiles import CELL_COUNT, CONTROL, TREATMENT, from_frame, metadata
from phenolens.simulate import ScreenDesign, simulate_field
from phenolens.simulate.layout import Well, conditions, field_seed, wells
from phenolens.simulate.stains import STAINS

FAMILIES = ("Intensity", "AreaShape", "Texture", "Correlation")
SIZES = {"field_size": 128, "cell_diameter": 20.0}
THUMBNAIL = 32


@dataclass(frozen=True)
class Size:
    """How many of what; the defaults are the published study's."""

    controls: int = 64
    compounds: int = 249
    twice: int = 18
    sites: int = 9
    fields: int = 2867

    def design(self) -> ScreenDesign:
        """One plate, position effects on, nothing active."""
        treated = self.compounds + self.twice
        return ScreenDesign(
            plates=1, batches=1, treatments=treated, inactive=treated, toxic=0, dosed=0,
            control_wells=self.controls, sites=self.sites, rows=16, columns=24, strength=0.0,
            replicates=1, **SIZES,
        )  # fmt: skip


def active_design() -> ScreenDesign:
    """Four plates with layouts of their own, on which 17 of 24 treatments do something."""
    return ScreenDesign(
        plates=4, batches=2, treatments=24, replicates=1, control_wells=24, sites=2, mechanisms=8,
        inactive=5, toxic=2, dosed=1, layout="scrambled", strength=1.0, **SIZES,
    )  # fmt: skip


def rows_of(design: ScreenDesign) -> tuple[list[tuple[Well, int]], pd.DataFrame]:
    """Every field of a screen: its well and site, and its metadata."""
    places = [(well, site) for well in wells(design) for site in range(1, design.sites + 1)]
    frame = pd.DataFrame(
        {
            "Metadata_Plate": [well.plate for well, _ in places],
            "Metadata_Well": [well.name for well, _ in places],
            "Metadata_Site": [site for _, site in places],
            TREATMENT: [
                well.treatment.name
                if well.treatment.control
                else f"{well.treatment.name}@{well.treatment.concentration:g}"
                for well, _ in places
            ],
            CONTROL: [well.treatment.control for well, _ in places],
        }
    )
    return places, frame


def layout(size: Size) -> tuple[list[tuple[Well, int]], pd.DataFrame]:
    """The plate's fields: the last compounds are the first ones again; some fields were lost."""
    places, frame = rows_of(size.design())
    number = frame[TREATMENT].str.extract(r"compound-(\d+)")[0].astype(float) - 1
    codes = (number % size.compounds + 1).fillna(0).astype(int)
    frame[TREATMENT] = np.where(frame[CONTROL], "DMSO", codes.map("compound-{:03d}".format))
    treated = np.flatnonzero(~frame[CONTROL])
    lost = np.random.default_rng(0).choice(treated, len(frame) - size.fields, replace=False)
    kept = np.setdiff1d(np.arange(len(frame)), lost)
    return [places[k] for k in kept], frame.iloc[kept].reset_index(drop=True)


def measured(pixels: np.ndarray, stains: tuple[str, ...], labels: dict) -> pd.Series:
    """Mean over a field's cells of every feature."""
    settings = MeasureSettings(texture_scales=(3,), texture_levels=256)
    cells = measure_objects(pixels, stains, labels, families=FAMILIES, settings=settings)
    return cells[[c for c in cells if not c.startswith("Metadata_")]].mean()


def read_field(
    design: ScreenDesign, well: Well, site: int, *, grey: bool = False
) -> dict[str, object]:
    """One simulated field, measured on five stains, and on their mean as one grey channel."""
    field = simulate_field(
        field_seed(design, well, site), effect=well.treatment.effect,
        conditions=conditions(design, well), confluence=design.confluence, **SIZES,
    )  # fmt: skip
    cytoplasm = np.where(field.nuclei > 0, 0, field.cells)
    labels = {"Nuclei": field.nuclei, "Cells": field.cells, "Cytoplasm": cytoplasm}
    mean = field.pixels.mean(axis=0, keepdims=True).astype(np.uint16)
    step = SIZES["field_size"] // THUMBNAIL
    small = field.pixels.reshape(len(STAINS), THUMBNAIL, step, THUMBNAIL, step).mean((2, 4))
    return {
        "stains": measured(field.pixels, STAINS, labels),
        "grey": measured(mean, ("Grey",), labels) if grey else None,
        "small": small.astype(np.float32),
        "n_cells": field.n_cells,
    }


@dataclass(frozen=True)
class Fields:
    """A screen's fields: features by stain and of the grey mean, and small pictures."""

    stains: pd.DataFrame
    small: np.ndarray
    grey: pd.DataFrame | None = None

    @property
    def keys(self) -> pd.DataFrame:
        """Metadata of the fields."""
        return metadata(self.stains)

    @cached_property
    def embedding(self) -> pd.DataFrame:
        """Principal components of the standardised features: the embedding that is scored."""
        return Components(n_components=0.95, standardize=True).fit(self.stains).transform(
            self.stains
        )  # fmt: skip


def simulate(
    design: ScreenDesign,
    places: list[tuple[Well, int]],
    frame: pd.DataFrame,
    *,
    jobs: int = 1,
    grey: bool = False,
) -> Fields:
    """Simulate and measure the fields named."""
    read_field(design, *places[0], grey=grey)  # compiles once, before processes are started
    with parallel_config("loky", n_jobs=jobs, inner_max_num_threads=1 if jobs > 1 else None):
        run = Parallel(batch_size=16)
        read = run(delayed(read_field)(design, *place, grey=grey) for place in places)
    keys = frame.assign(**{CELL_COUNT: [f["n_cells"] for f in read]})
    return Fields(
        stains=_table(keys, [f["stains"] for f in read]),
        small=np.stack([f["small"] for f in read]),
        grey=_table(keys, [f["grey"] for f in read]) if grey else None,
    )


def _table(keys: pd.DataFrame, values: list[pd.Series]) -> pd.DataFrame:
    """Features that are finite in every field and not constant."""
    features = pd.DataFrame(values).reset_index(drop=True).astype(np.float32)
    features = features.loc[:, np.isfinite(features).all()]
    return from_frame(pd.concat([keys, features.loc[:, features.std() > 0]], axis=1))


def null_plate(size: Size, *, jobs: int = 1) -> Fields:
    """The plate on which nothing is active."""
    return simulate(size.design(), *layout(size), jobs=jobs)


def active_screen(*, jobs: int = 1) -> Fields:
    """The small screen on which treatments do something."""
    design = active_design()
    return simulate(design, *rows_of(design), jobs=jobs, grey=True)
