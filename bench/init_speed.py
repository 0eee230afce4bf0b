"""How long `phenolens init` takes on a screen of many files: a tree is made, looked at, deleted.

    python bench/init_speed.py [FILES]

A plate of an Opera Phenix: 384 wells, 9 fields, 5 channels, 17,280 files; as many plates as make
100,000 files. The images are of a few bytes, as `init` should read their names and not them; one
real image stands for those whose header it does read. Beside them lie thumbnails, documents, a
plate map and one of another plate.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

from phenolens.io.discovery.discover import discover, study_toml

WELLS = [(row, column) for row in range(1, 17) for column in range(1, 25)]
FIELDS, CHANNELS = 9, 5


def make(folder: Path, files: int) -> int:
    """Plates of an Opera Phenix and what lies beside them; how many files there are."""
    made, plate = 0, 0
    image = folder / "image.tiff"
    tifffile.imwrite(image, np.zeros((8, 8), np.uint16))
    content = image.read_bytes()
    image.unlink()
    while made < files:
        plate += 1
        images = folder / f"BR{plate:05d}__2021-01-01T00_00_00-Measurement 1" / "Images"
        images.mkdir(parents=True)
        names = (
            f"r{row:02d}c{column:02d}f{field:02d}p01-ch{channel}sk1fk1fl1.tiff"
            for row, column in WELLS
            for field in range(1, FIELDS + 1)
            for channel in range(1, CHANNELS + 1)
        )
        for name in names:
            with open(os.path.join(images, name), "wb") as file:  # noqa: PTH118, PTH123
                file.write(content)
            made += 1
            if made >= files:
                break
        for number in range(50):
            (images / f"r01c{number:02d}_thumb.png").write_bytes(b"x")
    wells = [f"{chr(64 + row)}{column:02d}" for row, column in WELLS]
    table = pd.DataFrame({"well": wells, "compound": ["DMSO"] * 32 + [f"c{k}" for k in range(352)]})
    table.to_csv(folder / "platemap.csv", index=False)
    table.assign(plate="BR99999").to_csv(folder / "platemap_old.csv", index=False)
    for number in range(200):
        (folder / f"notes {number}.docx").write_bytes(b"PK")
    return made


def main() -> None:
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    folder = Path(tempfile.mkdtemp(prefix="init-speed-"))
    try:
        made = make(folder, files)
        started, busy = time.perf_counter(), time.process_time()
        found = discover(folder)
        text = study_toml(found, relative_to=folder)
        seconds, busy = time.perf_counter() - started, time.process_time() - busy
        profile = cProfile.Profile()
        profile.runcall(discover, folder)
        said = f"{seconds:.1f} s ({busy:.1f} s of one core), a study file of {len(text)} letters"
        sys.stdout.write(f"{made:,} images: {said}\n")
        sys.stdout.write("\n".join(found.lines()) + "\n")
        pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
