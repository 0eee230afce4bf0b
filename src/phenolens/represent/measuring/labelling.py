"""Where the objects of a field are: given beside the images, or segmented."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from phenolens.errors import ConfigError, InputError
from phenolens.images import LABELS, read_file
from phenolens.prepared import Prepared

_STAINS = ("_channel", "_channels")  # the study names these in [data.images]


class UnusableLabelsError(InputError):
    """A given label image that does not fit its field."""

    def __init__(self, file: str, reason: str) -> None:
        super().__init__(reason)
        self.file = file


@dataclass(frozen=True)
class Recipe:
    """How a field is measured: which stain shows nuclei, segmentation settings, families."""

    nuclei: str
    segmentation: dict
    families: tuple[str, ...] = ()
    method: str = "threshold"

    def __post_init__(self) -> None:
        from phenolens.segment import SegmentSettings

        kinds = {field.name: str(field.type) for field in fields(SegmentSettings)}
        kinds = {name: kind for name, kind in kinds.items() if not name.endswith(_STAINS)}
        for name, value in self.segmentation.items():
            if name not in kinds:
                raise ConfigError(
                    f"[segment.options] has no setting '{name}'; there are {', '.join(kinds)}."
                )
            if isinstance(value, str) or isinstance(value, bool) != (kinds[name] == "bool"):
                wanted = "true or false" if kinds[name] == "bool" else "a number"
                raise ConfigError(f"[segment.options] {name} must be {wanted}; got {value!r}.")

    def settings(self):
        """The same as settings of the segmentation."""
        from phenolens.segment import SegmentSettings

        return SegmentSettings(nuclei_channel=self.nuclei, **self.segmentation)


def field_labels(
    prepared: Prepared, row: int, pixels: np.ndarray, recipe: Recipe
) -> dict[str, np.ndarray]:
    """Nuclei, cells and cytoplasm of one field, int32 (H, W).

    Raises
    ------
    UnusableLabelsError
        If label images are given for the field, and one of them cannot be used.
    """
    from phenolens.segment import complete_labels, segment_field, segment_with_cellpose

    channels, settings = prepared.channels, recipe.settings()
    if prepared.images.label_columns:
        given = _given(prepared, row, pixels.shape[1:])
        return complete_labels(given, pixels, channels, settings=settings)
    find = segment_with_cellpose if recipe.method == "cellpose" else segment_field
    return find(pixels, channels, settings=settings)


def _given(prepared: Prepared, row: int, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    from phenolens.segment import as_labels

    labels = {}
    for column in prepared.images.label_columns:
        role, path = column.removeprefix(LABELS), prepared.images.table[column].iloc[row]
        compartment = role.removesuffix("Outlines")
        try:
            if not path:
                raise InputError("no file is named")
            image = read_file(path)
            labels[compartment] = as_labels(image, shape, outlines=role != compartment)
        except InputError as error:
            reason = f"its label image of {compartment} cannot be used: {error}"
            raise UnusableLabelsError(path, reason) from None
    return labels
