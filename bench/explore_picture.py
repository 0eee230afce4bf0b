"""Make the moving picture of the README, docs/images/explore.webp, from results of `make demo`.

    python bench/explore_picture.py RESULTS [--chromium /usr/bin/chromium]

Opens the explorer over the results, clicks a dot of the map, looks at its images beside a control,
at single cells, marks it, takes the mark back, and draws around a group. Each step is a screenshot.
"""

from __future__ import annotations

import argparse
import csv
import io
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import Page, sync_playwright

from phenolens.explore.look import explore

TARGET = Path(__file__).parents[1] / "docs" / "images" / "explore.webp"
SIZE = (1280, 800)
ARROW = [(0, 0), (0, 17), (4, 13), (7, 20), (10, 19), (7, 12), (13, 12)]
MARGINS = {"left": 12, "right": 12, "top": 12, "bottom": 22}
"""Of the map in pixels; its points leave 4 % more free on each side (web/src/scatter)."""


@dataclass
class Film:
    """Frames and how long each is shown, and where the pointer is."""

    page: Page
    frames: list[Image.Image] = field(default_factory=list)
    milliseconds: list[int] = field(default_factory=list)
    pointer: tuple[float, float] = (640.0, 700.0)

    def shoot(self, milliseconds: int) -> None:
        """One frame."""
        frame = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        x, y = self.pointer
        arrow = [(x + dx, y + dy) for dx, dy in ARROW]
        ImageDraw.Draw(frame).polygon(arrow, fill="black", outline="white")
        self.frames.append(frame)
        self.milliseconds.append(milliseconds)

    def move(self, x: float, y: float, *, steps: int = 5) -> None:
        """Move the pointer, a frame a step."""
        from_x, from_y = self.pointer
        for step in range(1, steps + 1):
            part = step / steps
            self.pointer = from_x + part * (x - from_x), from_y + part * (y - from_y)
            self.page.mouse.move(*self.pointer)
            self.shoot(80)

    def click(self, what: str, *, wait: int, shown: int) -> None:
        """Click the first element that a selector finds, and show what comes of it."""
        box = self.page.locator(what).first.bounding_box()
        assert box is not None, what
        self.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.page.mouse.click(*self.pointer)
        self.page.wait_for_timeout(wait)
        self.shoot(shown)


def dots(page: Page) -> list[tuple[str, float, float]]:
    """Treatment of each dot of the upper map, and where it is on the page."""
    upper = page.get_by_role("region", name="Upper view")
    with page.expect_download() as waited:
        upper.get_by_role("button", name="CSV", exact=True).click()
    with waited.value.path().open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["x"]]
    box = page.locator("canvas.front").first.bounding_box()
    assert box is not None
    ends = [(min(float(r[axis]) for r in rows), max(float(r[axis]) for r in rows)) for axis in "xy"]

    def part(value: float, axis: int) -> float:
        low, high = ends[axis]
        return (value - low + 0.04 * (high - low)) / (1.08 * (high - low))

    wide = box["width"] - MARGINS["left"] - MARGINS["right"]
    high = box["height"] - MARGINS["top"] - MARGINS["bottom"]
    return [
        (
            row["treatment"],
            box["x"] + MARGINS["left"] + wide * part(float(row["x"]), 0),
            box["y"] + MARGINS["top"] + high * (1 - part(float(row["y"]), 1)),
        )
        for row in rows
    ]


def act(film: Film, treatment: str) -> None:
    """What the picture shows."""
    page = film.page
    film.shoot(1400)
    places = dots(page)
    own = [(x, y) for name, x, y in places if name == treatment]
    film.move(*own[0])
    film.shoot(500)
    page.mouse.click(*own[0])
    page.wait_for_timeout(1500)
    film.shoot(1800)
    box = page.locator(".viewer canvas").first.bounding_box()
    assert box is not None
    film.move(box["x"] + box["width"] * 0.55, box["y"] + box["height"] * 0.5)
    for shown in (150, 150, 150, 1400):
        page.mouse.wheel(0, -110)
        page.wait_for_timeout(500)
        film.shoot(shown)
    film.click("#tab-cells", wait=2500, shown=1600)
    film.click(".markbox button", wait=700, shown=1500)
    page.keyboard.press("z")
    page.keyboard.press("Escape")
    page.wait_for_timeout(5200)  # until the notice is gone
    left, right = min(x for x, _ in own) - 25, max(x for x, _ in own) + 25
    top, bottom = min(y for _, y in own) - 25, max(y for _, y in own) + 25
    film.move(left, top)
    page.keyboard.down("Shift")
    page.mouse.down()
    for corner in ((right, top), (right, bottom), (left, bottom)):
        film.move(*corner, steps=3)
    page.mouse.up()
    page.keyboard.up("Shift")
    page.wait_for_timeout(4000)
    film.shoot(2600)


def main() -> None:
    """Act, and write the picture."""
    asked = argparse.ArgumentParser()
    asked.add_argument("results", type=Path)
    asked.add_argument("--treatment", default="compound-03")
    asked.add_argument("--chromium", default="/usr/bin/chromium")
    asked.add_argument("--quality", type=int, default=70)
    how = asked.parse_args()
    with explore(how.results, browser=False) as served, sync_playwright() as browsers:
        browser = browsers.chromium.launch(
            executable_path=how.chromium, args=["--no-sandbox", "--enable-unsafe-swiftshader"]
        )
        page = browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
        page.goto(served.address)
        page.wait_for_selector("main")
        page.wait_for_timeout(2500)
        film = Film(page)
        act(film, how.treatment)
        browser.close()
    first, *others = film.frames
    first.save(
        TARGET, save_all=True, append_images=others, duration=film.milliseconds, loop=0,
        quality=how.quality, method=6, minimize_size=True,
    )  # fmt: skip


if __name__ == "__main__":
    main()
