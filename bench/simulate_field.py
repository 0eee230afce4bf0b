"""Time to simulate one field, by its size, on one core. Prints one line of JSON."""

from __future__ import annotations

import json
import statistics
import time

from phenolens.simulate import simulate_field

SIZES = (256, 512, 1080)
REPEATS = 11


def milliseconds(size: int) -> tuple[float, float]:
    """Median wall and processor time of several fields; the first call compiles and is left out."""
    simulate_field(0, field_size=size)
    times = []
    for seed in range(REPEATS):
        wall, processor = time.perf_counter(), time.process_time()
        simulate_field(seed, field_size=size)
        times.append((time.perf_counter() - wall, time.process_time() - processor))
    return tuple(1000 * statistics.median(column) for column in zip(*times, strict=True))


def main() -> None:
    """Median per size, and how the time of the largest compares with its number of pixels."""
    measured = {size: milliseconds(size) for size in SIZES}
    medians = {size: wall for size, (wall, _) in measured.items()}
    pixels = (SIZES[-1] / SIZES[0]) ** 2
    result = {
        "bench": "simulate_field",
        "stains": 5,
        "median_ms": {str(size): round(value, 2) for size, value in medians.items()},
        "median_cpu_ms": {str(size): round(cpu, 2) for size, (_, cpu) in measured.items()},
        "time_ratio_largest_to_smallest": round(medians[SIZES[-1]] / medians[SIZES[0]], 2),
        "pixel_ratio_largest_to_smallest": round(pixels, 2),
        "repeats": REPEATS,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
