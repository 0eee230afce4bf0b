"""The mistakes of the published one-plate study, made on purpose where nothing can be found.

A plate with its layout is simulated (2,867 fields, 250 labels, position effects, no treatment
does anything), measured, and scored the wrong way and the right way; a small screen with real
effects shows what some mistakes cost. Prints one line of JSON, about four minutes of one core.

    python bench/seed_study.py [--jobs 2] [--figures DIR] [--out FILE]

docs/seed-study.md explains the numbers; docs/seed-study.json holds those it was written with.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import seed_audit
import seed_images
import seed_scores
from seed_plate import Fields, Size, active_screen, null_plate

from phenolens.files import plain


def findings(
    plate: Fields, screen: Fields, *, maps: dict[str, np.ndarray], epochs: int = seed_images.EPOCHS
) -> dict:
    """The numbers of the eight findings, and the lines of the audit."""
    found = {
        "1": seed_scores.majority_class(plate),
        "2": seed_scores.class_is_one_well(plate),
        "3": seed_scores.label_order(plate, screen),
        "4": seed_scores.unscaled_blocks(plate, screen),
        "5": seed_scores.clusters_as_labels(plate, maps),
        "6": seed_images.learned_rows(plate, epochs=epochs),
        "7": seed_images.grey_input(screen),
        "8": {
            "maps": seed_images.quantile_threshold(),
            "anova": seed_images.fields_as_units(plate),
        },
    }
    with tempfile.TemporaryDirectory() as folder:
        seed_audit.export(plate, found, maps, Path(folder))
        return found | {"audit": seed_audit.audited(Path(folder))}


def rounded(value: object) -> object:
    """Four digits are more than these numbers carry."""
    if isinstance(value, dict):
        return {key: rounded(part) for key, part in value.items()}
    return round(value, 4) if isinstance(value, float) else value


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--figures", type=Path)
    parser.add_argument("--out", type=Path, help="also write the JSON, indented")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", message="The number of unique classes")
    start = time.perf_counter()
    plate = null_plate(Size(), jobs=options.jobs)
    screen = active_screen(jobs=options.jobs)
    maps = seed_scores.flat_maps(plate)
    found = rounded(plain(findings(plate, screen, maps=maps)))
    if options.figures:
        from seed_figures import draw

        draw(plate, found, maps, options.figures)
    if options.out:
        options.out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(json.dumps({"seconds": round(time.perf_counter() - start), **found}, ensure_ascii=False))


if __name__ == "__main__":
    main()
