"""What headers and pixels of image files show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from phenolens.words import Said, wording
from phenolens.words.numbers import SMALL, listed, natural, plural, portion

Place = Mapping[str, str]
Groups = Sequence[Mapping[str, Any]]

_KEEP = '[data.images] differing = "keep"'


def _place(example: Place) -> str:
    """One image in words: the same order everywhere."""
    named = [f"{n} {example[n]}" for n in ("plate", "well", "site") if example.get(n)]
    stain = [example["channel"]] if example.get("channel") else []
    file = f" ({example['file']})" if example.get("file") else ""
    return ", ".join([*named, *stain]) + file


def _differ(what: str, unit: str, groups: Groups) -> str:
    many = SMALL[len(groups)] if len(groups) < len(SMALL) else str(len(groups))
    listed = [f"{g['what']}{unit} ({plural(g['wells'], 'well')})" for g in groups]
    plates = sorted({plate for g in groups for plate in g["plates"]}, key=natural)
    if len(plates) == 1:
        return f"There are {many} {what}: {', '.join(listed)}"
    by_plate = []
    for plate in plates[:8]:
        parts = [f"{g['what']}{unit} {g['plates'][plate]}" for g in groups if plate in g["plates"]]
        by_plate.append(f"{plate} {', '.join(parts)}")
    more = f"; {len(plates) - 8} more plates" if len(plates) > 8 else ""
    return (
        f"There are {many} {what}: {', '.join(listed)}; wells by plate: {'; '.join(by_plate)}{more}"
    )


def _apart(why: str, images: int, *, kept: bool) -> str:
    if kept:
        return f"{why} They are kept."
    if not images:
        return f"{why} Every image has some that is unlike the most, so none is set aside for it."
    are = "is" if images == 1 else "are"
    return f"{why} {plural(images, 'image')} unlike the most {are} set aside; {_KEEP} keeps them."


@wording("stain-missing-on-plate")
def _(*, plate: Sequence[str], stains: Sequence[str]) -> Said:
    named = listed(stains)
    one = len(plate) == 1
    return Said(
        f"No image of {named} was found for {'plate' if one else f'{len(plate)} plates:'} "
        f"{listed(plate)}.",
        f"Without {named} no field there is complete: the whole "
        f"{'plate takes' if one else 'plates take'} no part in what is made of images.",
        f"Add the files; or study all plates without {named}, by naming the other stains in "
        "[data.images] channels; or leave those plates out with [data] exclude.",
    )


@wording("image-sizes")
def _(*, groups: Groups, images: int, kept: bool, example: Place) -> Said:
    return Said(
        f"{_differ('image sizes', '', groups)}, e.g. {_place(example)}.",
        _apart("Binning or magnification differs, so sizes do too.", images, kept=kept),
        "Image what was binned otherwise again, or study it apart.",
    )


@wording("image-depths")
def _(*, groups: Groups, images: int, kept: bool, example: Place) -> Said:
    return Said(
        f"{_differ('kinds of pixels', '', groups)}, e.g. {_place(example)}.",
        _apart("Their intensities are on different scales.", images, kept=kept),
        "Export all images in the same way.",
    )


@wording("pixel-sizes")
def _(*, groups: Groups, images: int, kept: bool, example: Place) -> Said:
    return Said(
        f"{_differ('pixel sizes', ' µm', groups)}, e.g. {_place(example)}.",
        _apart("The same cell has another size in pixels.", images, kept=kept),
        "Study what was magnified otherwise apart.",
    )


@wording("stains-differ-in-size")
def _(*, images: int, sizes: Mapping[str, str], all: bool, example: Place) -> Said:
    listed = ", ".join(f"{stain} {size}" for stain, size in sizes.items())
    return Said(
        f"The stains of {'every' if all else plural(images, 'image')}"
        f"{' image' if all else ''} differ in size: {listed}, e.g. {_place(example)}.",
        "Their pixels do not lie on one another, so nothing can be measured in them.",
        "Resample the stains to one size, or list only those of one size in [data.images] "
        "channels.",
    )


@wording("images-damaged")
def _(*, files: int, fault: str, example: Place) -> Said:
    return Said(
        f"{plural(files, 'file')} cannot be used, e.g. {_place(example)}: {fault}.",
        "'prepare' sets such images aside.",
        "Copy them again from where they were recorded.",
    )


@wording("images-in-colour")
def _(*, files: int, colour: str, example: Place) -> Said:
    which = f"{plural(files, 'file')}, e.g. {_place(example)}"
    if colour == "white is zero":
        return Said(
            f"White is zero in {which}.",
            "They are negatives: bright cells are dark there.",
            "Export them with black as zero.",
        )
    kind = "a palette" if colour == "palette" else f"{colour} colours"
    return Said(
        f"{plural(files, 'picture')} with {kind}, e.g. {_place(example)}.",
        "A stain is one grey plane. 'prepare' takes pictures whose colours say the same, and sets "
        "real colour aside.",
        "Export the grey originals.",
    )


@wording("images-lossy")
def _(*, files: int, example: Place) -> Said:
    return Said(
        f"{plural(files, 'file')} compressed with loss (JPEG), e.g. {_place(example)}.",
        "Texture and granularity measure the compression too, and dim intensities are gone.",
        "Export lossless files (TIFF, PNG).",
    )


@wording("resolution-ignored")
def _(*, files: int, said: str, example: Place) -> Said:
    return Said(
        f"The resolution of {plural(files, 'file')} is ignored: {said}, e.g. {_place(example)}.",
        "It is no size of a pixel.",
        "Give [data.images] pixel_size_um.",
    )


@wording("pixel-size-taken")
def _(*, size: float, files: int) -> Said:
    return Said(
        f"A pixel is {size:g} µm, as the headers of {plural(files, 'file')} say.",
        "Scale bars use it; [data.images] pixel_size_um says otherwise.",
    )


@wording("pixel-size-contradicts")
def _(*, files: int, said: float, found: float, example: Place) -> Said:
    return Said(
        f"The study file says {said:g} µm a pixel, the headers of {plural(files, 'file')} say "
        f"{found:g} µm, e.g. {_place(example)}.",
        "The study file's counts; scale bars are wrong if it is.",
        "Correct [data.images] pixel_size_um, or take it out.",
    )


@wording("headers-sampled")
def _(*, looked_at: int, planes: int, remote: str) -> Said:
    where = f", which lie on another machine ({remote})" if remote else ""
    why = "sampled" if remote else "of kinds that we know"
    return Said(
        f"Headers of {looked_at:,} of {planes:,} planes were looked at{where}: {why}.",
        "'prepare' looks at all when it reads them.",
    )


@wording("image-files-alike")
def _(*, files: int, size: str, dtype: str, bits: int = 0) -> str:
    used = f", of which {bits} bits are said to be used" if bits else ""
    return f"{plural(files, 'image file')}: {size} pixels, {dtype}{used}."


# Why an image is set aside.


@wording("image-unlike")
def _(*, aspect: str, found: object, usual: object) -> str:
    if aspect == "scale":
        return f"its intensities are {found}, those of most images of the screen {usual}"
    unit = " µm a pixel" if aspect == "pixel_size_um" else " pixels" if aspect == "size" else ""
    return f"{found}{unit}, where most images of the screen have {usual}{unit} ({_KEEP} keeps it)"


@wording("images-unlike")
def _() -> str:
    return "none of its images is like the others of the screen, so the well takes no part"


# What pixels show.


@wording("depth-found")
def _(*, channel: Sequence[str], dtype: str, scale: float, bits: int, highest: float) -> Said:
    stains = ", ".join(channel)
    if scale <= 1:
        return Said(f"Pixels are {dtype}, taken as intensities from 0 to 1 ({stains}).")
    what = (
        f"Pixels are {dtype} and use {bits} bits (highest {highest:,.0f}); intensity 1 is "
        f"{scale:,.0f} in every image ({stains})."
    )
    if dtype == "uint16" and bits <= 12:
        return Said(what, "As CellProfiler has it: intensities are small, and comparable.")
    if dtype in ("uint8", "uint16"):
        return Said(what)
    return Said(
        what,
        "The same pixels give the same features however many bits their files have.",
    )


@wording("texture-spans")
def _(*, spans: Mapping[str, float]) -> Said:
    listed = ", ".join(
        f"{stain} up to {value:,.0f}" if value > 1 else f"{stain} up to {value:.2g}"
        for stain, value in spans.items()
    )
    return Said(
        f"Dim stains would reach fewer than 4 of texture's 256 gray levels: {listed}.",
        "Their gray levels span what they reach instead, the same in every image; CellProfiler's "
        "texture would be constant there.",
    )


@wording("pixels-negative")
def _(*, planes: int, low: float, example: Place) -> Said:
    return Said(
        f"{plural(planes, 'plane')} hold negative values, down to {low:,.6g}, e.g. "
        f"{_place(example)}.",
        "They count as zero when cells are measured.",
        "Export unsigned numbers, without a background subtracted.",
    )


@wording("chunks-absent")
def _(*, planes: int, absent: int, chunks: int, listed: Sequence[Place], example: Place) -> Said:
    others = f"; {plural(planes - 1, 'plane')} more" if planes > 1 else ""
    return Said(
        f"{absent} of {chunks} chunks of this plane are not there and read as 0: "
        f"{_place(example)}{others}.",
        "Zarr leaves chunks out that are all 0; lost ones look the same, and what lay there is "
        "measured as black.",
        "Look at the images, and copy the store again if pieces of them are black.",
    )


@wording("planes-flat")
def _(*, planes: int, kinds: Mapping[str, int], example: Place) -> Said:
    listed = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    return Said(
        f"{plural(planes, 'plane')} of one value only ({listed}), e.g. {_place(example)}.",
        "Such a stain says nothing there; what is measured of it is blank or constant.",
        "Look whether the exposure failed or an empty file was exported.",
    )


@wording("planes-saturated")
def _(*, planes: int, share: float, example: Place) -> Said:
    return Said(
        f"{plural(planes, 'plane')} have a quarter or more of their pixels at their highest value "
        f"(usually {portion(share)}), e.g. {_place(example)}.",
        "They are saturated, or masks: brightness and texture are lost.",
        "Expose for less time.",
    )


@wording("stains-identical")
def _(*, planes: int, stains: Sequence[str], images: int, example: Place) -> Said:
    one, other = stains
    return Said(
        f"{one} and {other} hold the very same pixels in {planes} of {plural(images, 'image')}, "
        f"e.g. {_place(example)}.",
        f"Features of {other} are those of {one} there.",
        "Find out which of the two stains these files show, and correct the table.",
    )


@wording("images-identical")
def _(*, planes: int, second: str, example: Place) -> Said:
    return Said(
        f"{plural(planes, 'plane')} hold the very same pixels as another image of their stain, "
        f"e.g. {_place(example)} and {second}.",
        "A copied picture is no replicate.",
        "Find out where the copies belong, and take the others out with [data] exclude.",
    )
