"""Figures as data for the page: the smallest form a reader cannot distinguish from the file."""

from __future__ import annotations

import base64
from io import BytesIO
from pathlib import Path

from phenolens.report.figures.style import PIXELS, Drawn

LARGEST_SVG = 120_000
SHARP = 1.5  # pixels of a picture for one of the page: about as many as were stored
QUALITY = 88  # of JPEG, with colour at full resolution: stains differ in nothing but colour
COLOURS = 256


def data_uri(drawn: Drawn, png: Path, svg: Path) -> str:
    """A JPEG of pictures of cells where it saves; else the SVG where it is small, or the PNG.

    The PNG comes with a palette of 256 colours. The files in ``figures/`` keep every pixel.
    """
    if drawn.photo:
        return min(_uri("jpeg", _jpeg(drawn)), _uri("png", png.read_bytes()), key=len)
    if drawn.vector and svg.stat().st_size <= LARGEST_SVG:
        return _uri("svg+xml", svg.read_bytes())
    return _uri("png", on_palette(png))


def _uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _jpeg(drawn: Drawn) -> bytes:
    buffer = BytesIO()
    how = {"quality": QUALITY, "subsampling": 0, "optimize": True}
    drawn.figure.savefig(buffer, format="jpeg", dpi=SHARP * PIXELS, pil_kwargs=how)
    return buffer.getvalue()


def on_palette(png: Path) -> bytes:
    """The PNG with 256 colours, or as it is where that is smaller.

    The palette covers the range of colours rather than the commonest, so that the few pixels of a
    rare mark keep theirs.
    """
    from PIL import Image

    with Image.open(png) as picture:
        reduced = picture.convert("RGB").quantize(
            COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
    buffer = BytesIO()
    reduced.save(buffer, format="PNG", optimize=True)
    return min(buffer.getvalue(), png.read_bytes(), key=len)
