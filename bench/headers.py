"""Seconds to read the headers of a screen's files, beside tifffile alone; one JSON line.

Four kinds of files are written: as tifffile writes them, with the directory behind LZW pixels as
libtiff leaves it, OME-TIFF, and stacks of five planes (which go through tifffile). Half a minute
and 400 MB of a temporary folder. ``python bench/headers.py [FILES]``.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from phenolens.io.images.headers import read_header, tiff_header


def write_samples(folder: Path) -> dict[str, bytes]:
    """The bytes of one file of each kind."""
    plane = np.random.default_rng(0).integers(0, 4096, (64, 64), dtype=np.uint16)
    ome = {"axes": "YX", "PhysicalSizeX": 0.65, "PhysicalSizeY": 0.65}
    tifffile.imwrite(folder / "plain.tif", plane)
    Image.fromarray(plane).save(folder / "behind.tif", compression="tiff_lzw", dpi=(72, 72))
    tifffile.imwrite(folder / "ome.tif", plane, ome=True, metadata=ome)
    tifffile.imwrite(folder / "stack.tif", np.stack([plane] * 5))
    return {path.stem: path.read_bytes() for path in sorted(folder.iterdir())}


def seconds(read, paths: list[Path]) -> float:
    """Wall time of reading each header once."""
    start = time.perf_counter()
    for path in paths:
        read(path)
    return time.perf_counter() - start


def measure(files: int) -> dict[str, float]:
    """Seconds for so many files of each kind."""
    told = {}
    with tempfile.TemporaryDirectory() as name:
        (samples := Path(name) / "samples").mkdir()
        for kind, content in write_samples(samples).items():
            (folder := Path(name) / kind).mkdir()
            paths = [folder / f"r01c01f{number:05d}.tif" for number in range(files)]
            for path in paths:
                path.write_bytes(content)
            told[f"{kind}_s"] = seconds(read_header, paths)
            few = paths[: max(files // 10, 1)]
            told[f"{kind}_tifffile_s"] = seconds(tiff_header, few) * files / len(few)
    return {name: round(value, 2) for name, value in told.items()}


if __name__ == "__main__":
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 17_000
    print(json.dumps({"bench": "headers", "files": files} | measure(files)))
