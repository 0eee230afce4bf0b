"""What the checks of a design look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from phenolens.evaluate.layout.examine import Layout, examine_layout
from phenolens.io.images.image_headers import ImageHeaders
from phenolens.profiles import CONTROL, PLATE


@dataclass(frozen=True)
class AuditedBlock:
    """A representation of the wells, where a check may look at one.

    Attributes
    ----------
    name : str
    wells : DataFrame
        Profile table, one row a well, on any scale.
    measured : bool
        Whether its features were measured, and learned nothing.
    made_elsewhere : bool
        Whether it was given, so that what it learned from is hearsay.
    """

    name: str
    wells: pd.DataFrame
    measured: bool = False
    made_elsewhere: bool = False


@dataclass(frozen=True)
class Audited:
    """A design: one row a well, and what is known beside it.

    Attributes
    ----------
    wells : DataFrame
        One row a well: ``Metadata_Plate``, ``Metadata_Well``, ``Metadata_Control`` (bool), the
        label, ``Metadata_Compound``, ``Metadata_Mechanism``, ``Metadata_Batch`` (None where not
        known) and, where known, ``Metadata_CellCount``.
    label : str
        Column of the class.
    folds : DataFrame or None
        ``Metadata_Plate``, ``Metadata_Well`` and ``fold``, one row a well, field or cell.
    roles : ndarray of object, shape (n_wells,), or None
        What each well's controls are for.
    images : Series or None
        Number of images by (plate, well).
    headers : ImageHeaders or None
        What the headers of the image files say.
    blocks : sequence of AuditedBlock
        Representations of the wells, where they are there already.
    treated, controls : DataFrame
        Wells with a label that are no controls, and the negative controls.
    """

    wells: pd.DataFrame
    label: str
    folds: pd.DataFrame | None = None
    roles: np.ndarray | None = None
    images: pd.Series | None = None
    headers: ImageHeaders | None = None
    blocks: Sequence[AuditedBlock] = ()
    treated: pd.DataFrame = field(init=False)
    controls: pd.DataFrame = field(init=False)

    def __post_init__(self) -> None:
        control = self.wells[CONTROL].astype(bool).to_numpy()
        labelled = self.wells[self.label].notna().to_numpy()
        object.__setattr__(self, "treated", self.wells[labelled & ~control])
        object.__setattr__(self, "controls", self.wells[control])

    @cached_property
    def layout(self) -> Layout:
        """What the positions of wells alone say."""
        return examine_layout(self.wells, label=self.label)

    @property
    def plates(self) -> list[str]:
        """Names of the plates, sorted."""
        return sorted(self.wells[PLATE].unique())
