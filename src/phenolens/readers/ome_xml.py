"""What OME-XML says of images: axes, stains, pixel size, depth, plate and well.

The model is that of https://docs.openmicroscopy.org/ome-model/6.3.1 (2016-06); older versions give
the same elements under other namespaces, which are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from xml.etree import ElementTree

from phenolens.errors import InputError
from phenolens.profiles import row_letters

MICROMETRES = {
    "pm": 1e-6, "nm": 1e-3, "µm": 1.0, "μm": 1.0, "um": 1.0, "micrometer": 1.0, "micrometre": 1.0,
    "mm": 1e3, "cm": 1e4, "m": 1e6, "Å": 1e-4, "inch": 25_400.0, "in": 25_400.0,
}  # fmt: skip
DTYPES = {"float": "float32", "double": "float64", "bit": "bool"}


@dataclass(frozen=True)
class OmeImage:
    """One ``Image`` element.

    Attributes
    ----------
    number : int
        Its place among the images of the file.
    axes, shape
        In the order of the pixels, as tifffile gives them.
    blocks : list of tuple
        First position of each ``TiffData`` with the name of its file, '' where that is the file
        itself, by its identifier: files are renamed.
    """

    number: int
    name: str
    axes: str
    shape: tuple[int, ...]
    dtype: str
    channels: tuple[str, ...]
    pixel_size_um: float | None
    bits: int | None
    place: dict[str, str] = field(default_factory=dict)
    blocks: tuple[tuple[tuple[int, ...], str], ...] = ()

    def positions(self) -> Iterator[tuple[int, ...]]:
        """Of all its planes, in order."""
        return product(*(range(size) for size in self.shape[:-2]))

    def file_of(self, position: tuple[int, ...]) -> str:
        """The file that holds a plane, '' where it is the file itself."""
        before = [(first, name) for first, name in self.blocks if first <= position]
        return max(before)[1] if before else ""

    def planes_there(self, folder: Path) -> bool:
        """Whether a file with planes of it is there."""
        return any(not name or (folder / name).is_file() for _, name in self.blocks)


def metadata_file(text: str) -> str:
    """The file with the OME-XML of a file that says ``BinaryOnly``."""
    for element in _root(text):
        if _tag(element) == "BinaryOnly":
            return element.get("MetadataFile", "")
    raise InputError("its OME-XML is none: no BinaryOnly element")


def parse(text: str) -> tuple[OmeImage, ...]:
    """The images that an OME-XML text names.

    Raises
    ------
    InputError
        If it is no XML, or names no image.
    """
    root = _root(text)
    places = _places(root)
    images = [element for element in root if _tag(element) == "Image"]
    own = root.get("UUID", "")
    found = [_image(n, element, places, own) for n, element in enumerate(images)]
    if not found:
        raise InputError("its OME-XML names no image")
    return tuple(found)


def _root(text: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(text.strip())
    except ElementTree.ParseError as error:
        raise InputError(f"its OME-XML is damaged ({error})") from None


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _all(element: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [child for child in element if _tag(child) == name]


def _image(
    number: int, element: ElementTree.Element, places: dict[str, dict[str, str]], own: str
) -> OmeImage:
    pixels = next(iter(_all(element, "Pixels")), None)
    if pixels is None:
        raise InputError(f"image {number} of its OME-XML has no Pixels element")
    axes = pixels.get("DimensionOrder", "XYZCT")[::-1]
    try:
        shape = tuple(int(pixels.get(f"Size{axis}", "1")) for axis in axes)
    except ValueError:
        raise InputError(f"image {number} of its OME-XML has a size that is no number") from None
    kind = pixels.get("Type", pixels.get("PixelType", ""))
    bits = pixels.get("SignificantBits", "")
    return OmeImage(
        number=number,
        name=element.get("Name", ""),
        axes=axes,
        shape=shape,
        dtype=DTYPES.get(kind, kind),
        channels=_channels(pixels),
        pixel_size_um=_size(pixels),
        bits=int(bits) if bits.isdecimal() else None,
        place=places.get(element.get("ID", ""), {}),
        blocks=tuple(_block(data, axes, own) for data in _all(pixels, "TiffData")),
    )


def _block(data: ElementTree.Element, axes: str, own: str) -> tuple[tuple[int, ...], str]:
    first = tuple(int(data.get(f"First{axis}", "0")) for axis in axes[:-2])
    uuid = next(iter(_all(data, "UUID")), None)
    if uuid is None or (own and (uuid.text or "").strip() == own):
        return first, ""
    return first, uuid.get("FileName", "")


def _channels(pixels: ElementTree.Element) -> tuple[str, ...]:
    """Names of the stains; empty unless every stain has one of its own."""
    found = [c.get("Name") or c.get("Fluor") or "" for c in _all(pixels, "Channel")]
    own = all(found) and len(set(found)) == len(found)
    return tuple(found) if own else ()


def _size(pixels: ElementTree.Element) -> float | None:
    text = pixels.get("PhysicalSizeX", "")
    unit = MICROMETRES.get(pixels.get("PhysicalSizeXUnit", "µm"))
    try:
        size = float(text)
    except ValueError:
        return None
    return round(size * unit, 6) if unit and 0 < size < float("inf") else None


def _places(root: ElementTree.Element) -> dict[str, dict[str, str]]:
    """Plate, well, site and measurement by the identifier of an image."""
    found: dict[str, dict[str, str]] = {}
    for plate in _all(root, "Plate"):
        runs = _all(plate, "PlateAcquisition")
        run_of = {
            ref.get("ID", ""): str(n + 1)
            for n, run in enumerate(runs)
            for ref in _all(run, "WellSampleRef")
        }
        for well in _all(plate, "Well"):
            seen: dict[str, int] = {}
            samples = _all(well, "WellSample")
            for sample in sorted(samples, key=lambda s: int(s.get("Index") or 0)):
                image = next((ref.get("ID", "") for ref in _all(sample, "ImageRef")), "")
                run = run_of.get(sample.get("ID", ""), "") if len(runs) > 1 else ""
                seen[run] = seen.get(run, 0) + 1
                found[image] = {
                    "plate": plate.get("Name") or plate.get("ExternalIdentifier") or "",
                    "well": well_name(int(well.get("Row") or 0), int(well.get("Column") or 0)),
                    "site": str(seen[run]),
                } | ({"measurement": run} if run else {})
    return found


def well_name(row: int, column: int) -> str:
    """``A01`` of row 0 and column 0."""
    return f"{row_letters(row)}{column + 1:02d}"
