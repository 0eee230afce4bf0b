"""What MetaMorph and MetaXpress write into the TIFF itself: the filter, and the pixel size."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from phenolens.io.instruments.plate_descriptions import pixel_size

MICROMETRES = frozenset({"um", "µm", "μm", "micron", "microns"})


class InTiff(NamedTuple):
    """Name of the illumination setting, empty where there is none, and micrometres a pixel."""

    channel: str = ""
    pixel_size_um: float | None = None


def in_tiff(path: Path) -> InTiff:
    """The setting and calibration in a file's MetaSeries XML or STK tags; empty where it has none.

    Parameters
    ----------
    path : Path

    Returns
    -------
    InTiff
        No pixel size where the calibration is off, or not in micrometres.
    """
    import tifffile

    try:
        with tifffile.TiffFile(path) as tiff:
            if tiff.is_metaseries:
                plane = (tiff.metaseries_metadata or {}).get("PlaneInfo", {})
                name = plane.get("_IllumSetting_") or plane.get("image-name") or ""
                on = plane.get("spatial-calibration-state", True) is True
                unit = str(plane.get("spatial-calibration-units", "um")).lower()
                size = pixel_size(plane.get("spatial-calibration-x"))
                return InTiff(str(name).strip(), size if on and unit in MICROMETRES else None)
            if tiff.is_stk:
                held = tiff.stk_metadata or {}
                unit = str(held.get("CalibrationUnits", "")).lower()
                size = pixel_size(held.get("XCalibration"))
                return InTiff("", size if unit in MICROMETRES else None)
    except Exception:  # damaged files are named where their pixels are read
        return InTiff()
    return InTiff()
