"""OME-Zarr (OME-NGFF 0.4 and 0.5): plates, stores of bioformats2raw, single images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from phenolens import ngff
from phenolens.errors import InputError
from phenolens.io.discovery.contents import well_in
from phenolens.io.formats.base import ImageProposal, register
from phenolens.io.formats.container import Container, Fields
from phenolens.io.images.table import Located
from phenolens.io.instruments.acquisition import Acquisition
from phenolens.readers import ome_xml
from phenolens.readers.zarr_store import attributes, is_store

OME_XML = Path("OME") / "METADATA.ome.xml"


@register
class OmeZarr(Container):
    """A folder a plate, well by well; the fields of a well are its sites."""

    name = "ome-zarr"
    describes: ClassVar[str] = "OME-Zarr plates (OME-NGFF 0.4, 0.5), or images named by well"
    example = "plate1.zarr"
    rank = 45

    def owns(self, path: Path) -> bool:
        """A folder that is a Zarr store."""
        return path.is_dir() and is_store(path)

    def tells_wells(self, files: Sequence[Path]) -> bool:
        """A plate does; another store by its name."""
        return any(_kind(path) == "plate" or well_in(path.name) for path in files)

    def acquisition(self, folder: Path, files: Sequence[Path]) -> Acquisition:
        """Every plane of every field of every store."""
        fields = Fields(folder)
        for path in (path for path in files if self.owns(path)):
            _take(fields, path)
        return fields.acquisition()

    def propose(self, found: Sequence[Path], source: Path) -> ImageProposal:
        """As any; label images that are there are named, and not taken unless asked for."""
        proposal = super().propose(found, source)
        acquired = self.acquisition(source, found).rows
        names = sorted({name for path in acquired["path"][:1] for name in label_names(Path(path))})
        if not names:
            return proposal
        said = f"label images in the store: {', '.join(names)}; to use them: [data.images] labels"
        return replace(proposal, notes=(*proposal.notes, f'{said} = {{ Nuclei = "{names[0]}" }}'))

    def locate_below(self, folder: Path, images: Mapping[str, Any]) -> Located:
        """The fields, with the label images that ``labels`` names."""
        found = super().locate_below(folder, images)
        paths = next(iter(found.paths.values()))
        labels = {
            compartment: np.array([_label(path, name) for path in paths], dtype=object)
            for compartment, name in images["labels"].items()
        }
        for compartment, texts in labels.items():
            if not any(texts):
                names = sorted({name for path in paths[:1] for name in label_names(Path(path))})
                raise InputError(
                    f"[data.images] labels: no field has label images "
                    f"'{images['labels'][compartment]}'; there is {', '.join(names) or 'none'}."
                )
        return replace(found, labels=labels)


def label_names(image: Path) -> list[str]:
    """Label images beside a field's pixels."""
    folder = image / "labels"
    try:
        return list(map(str, attributes(folder).get("labels") or []))
    except InputError:
        return []


def _label(image: str, name: str) -> str:
    where = Path(image) / "labels" / name
    return str(where) if image and is_store(where) else ""


def _kind(path: Path) -> str:
    try:
        found = attributes(path)
    except InputError:
        return ""
    if found.get("plate"):
        return "plate"
    if "bioformats2raw.layout" in found:
        return "series"
    return "image" if ngff.read_image(found) is not None else ""


def _take(fields: Fields, store: Path) -> None:
    kind = _kind(store)
    if kind == "plate":
        _take_plate(fields, store)
    elif kind == "series":
        _take_series(fields, store)
    elif kind == "image":
        fields.take(store)
    else:
        fields.notes.append(f"{store} holds no OME-NGFF plate or image; it was not used")


def _take_plate(fields: Fields, store: Path) -> None:
    about = attributes(store)
    plate = str(about["plate"].get("name") or store.name.partition(".")[0])
    runs = ngff.read_acquisitions(about)
    for well, path in ngff.read_plate(about).items():
        try:
            images = ngff.read_well(attributes(store / path))
        except InputError:
            images = []  # its first field cannot be read either
        seen: Counter[str] = Counter()
        for image, run in images or [("0", "")]:
            place = {"plate": plate, "well": well, "site": image}
            if len(runs) > 1:  # each acquisition has all fields, under paths of its own
                place |= {"measurement": runs.get(run, run), "site": str(seen[run])}
                seen[run] += 1
            fields.take(store / path / image, place)


def _take_series(fields: Fields, store: Path) -> None:
    """Images ``0``, ``1``, ... in the order of OME-XML, where it is there."""
    listed = _series_paths(store)
    images: Sequence[ome_xml.OmeImage] = ()
    if (store / OME_XML).is_file():
        images = ome_xml.parse((store / OME_XML).read_text(encoding="utf-8"))
    if images and len(images) != len(listed):
        raise InputError(
            f"{store} holds {len(listed)} images and its {OME_XML.as_posix()} names {len(images)}."
        )
    stem = store.name.partition(".")[0]
    for number, path in enumerate(listed):
        place = dict(images[number].place) if images else {}
        if not place:
            named = well_in(images[number].name) if images else ""
            place = {"well": named, "plate": stem} if named else {"well": well_in(stem)}
        fields.take(store / path, place)


def _series_paths(store: Path) -> list[str]:
    try:
        listed = attributes(store / "OME").get("series")
    except InputError:
        listed = None
    if listed:
        return [str(path) for path in listed]
    numbered = [path.name for path in store.iterdir() if path.name.isdecimal()]
    return sorted(numbered, key=int)
