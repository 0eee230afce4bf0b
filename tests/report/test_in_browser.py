"""The page in a browser: names, dots and wells lead to panels, by mouse and by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from phenolens.report import build

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")

CHROMIUM = Path("/usr/bin/chromium")
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """The system's Chromium; without one these tests are skipped, and say so."""
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}: the page is not looked at")
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def address(make_study, tmp_path_factory) -> str:
    """A page with one figure of each kind that has marks, and a treatment named like markup."""
    made, folder = make_study(treatments=8, plates=1), tmp_path_factory.mktemp("page")
    for name in ("activity", "wells", "umap", "similarity"):
        table = pd.read_parquet(made / f"{name}.parquet")
        table = table.replace({"cpd-003 @ 5 µM": HOSTILE})
        if "representation" in table:
            table = table[table["representation"] == "cellprofiler"]
        table = table.drop(columns=[c for c in table if c.startswith("intensity_")])
        table.to_parquet(folder / f"{name}.parquet")
    return build(folder).as_uri()


@pytest.fixture
def page(browser, address) -> Iterator:
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    opened, trouble = context.new_page(), []
    opened.on("pageerror", lambda error: trouble.append(str(error)))
    opened.on("console", lambda said: trouble.append(said.text) if said.type == "error" else None)
    opened.goto(address)
    yield opened
    assert trouble == [] and opened.title().startswith("page")
    context.close()


def test_a_row_opens_the_panel_and_escape_closes_it(page):
    link = page.locator("#hits-table tbody a").first
    name = link.inner_text()
    link.focus()
    page.keyboard.press("Enter")
    sheet = page.locator("dialog")
    assert sheet.locator("h4").inner_text().split("\n")[-1].strip() == name
    assert page.evaluate("document.activeElement.tagName") == "H4"
    near = sheet.locator("a[data-treatment]").first
    other = near.inner_text()
    near.click()
    assert other in sheet.locator("h4").inner_text()
    page.go_back()
    assert name in sheet.locator("h4").inner_text()
    page.keyboard.press("Escape")
    assert not sheet.is_visible()
    assert page.locator(".panels .panel").count() == 8  # back where it was


def test_a_link_to_a_panel_opens_it(page, address):
    page.goto(f"{address}#t0")  # in alphabetical order
    page.reload()
    assert HOSTILE in page.locator("dialog h4").inner_text()


def test_dots_are_named_and_lead_to_panels(page):
    figure = page.locator("#activity [data-marks]")
    figure.focus()
    page.keyboard.press("ArrowRight")
    named = page.locator(".tip").inner_text()
    page.keyboard.press("Enter")
    assert named.split("\n")[0] in page.locator("dialog h4").inner_text()


def test_a_well_of_a_panel_is_pointed_at_on_its_plate_and_back(page):
    page.locator("#hits-table tbody a").first.click()
    well = page.locator("dialog a[data-well]").first
    place = f"{well.get_attribute('data-plate')} {well.get_attribute('data-well')}"
    well.click()
    assert place in page.locator(".tip").inner_text()
    drawn = page.locator("#plates [data-marks]:visible")
    ring, picture = drawn.locator(".ring").bounding_box(), drawn.locator("img").bounding_box()
    assert picture["width"] < int(drawn.locator("img").get_attribute("width"))  # shown smaller
    page.mouse.move(1, 1)
    x, y = ring["x"] + ring["width"] / 2, ring["y"] + ring["height"] / 2
    page.mouse.move(x, y)
    assert place in page.locator(".tip").inner_text()
    page.mouse.click(x, y)
    assert page.locator("dialog").is_visible()
    assert place.split()[1] in page.locator("dialog .wells").inner_text()


def test_on_a_phone_nothing_is_wider_than_the_screen(page):
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#hits-table tbody a").first.click()
    assert page.locator("dialog").bounding_box()["width"] <= 390
