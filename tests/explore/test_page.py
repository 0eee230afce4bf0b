"""The page in a browser: ten things a screener does, from a question to the image behind it."""

from __future__ import annotations

import csv
import functools
import http.server
import json
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import phenolens as pl
from phenolens.explore import described, maps
from phenolens.explore.cells import count
from phenolens.explore.look import explore
from phenolens.explore.opening import site_of
from phenolens.marks import marks_file

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
expect = playwright.expect

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "src" / "phenolens" / "explore" / "page"
CHROMIUM = Path("/usr/bin/chromium")
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"


@pytest.fixture(scope="module")
def browser():
    """The system's Chromium; without one the tests of this file are skipped, and say so."""
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}: the page is not looked at")
    with playwright.sync_playwright() as started:
        found = started.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--enable-unsafe-swiftshader"]
        )
        yield found
        found.close()


@pytest.fixture(scope="module")
def address(browser, explored) -> Iterator[str]:
    with explore(explored, browser=False) as served:
        yield served.address


def until(page, script: str, given: object = None) -> None:
    """Wait for a script to say so; Playwright's own waiting needs eval, which the page forbids."""
    for _ in range(200):
        if page.evaluate(script, given):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"not within ten seconds: {script}")


class Opened:
    """A page that was opened, and what went wrong in it."""

    def __init__(self, browser, address: str, **kind: object) -> None:
        self.context = browser.new_context(viewport={"width": 1440, "height": 900}, **kind)
        self.page = self.context.new_page()
        self.asked: list[str] = []
        self.trouble: list[str] = []
        self.page.set_default_timeout(20_000)
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("console", self._heard)
        self.page.goto(address)
        self.page.wait_for_selector("main")

    def _heard(self, message) -> None:
        # What is not there is answered 404, and the page says so in its own words.
        if message.type == "error" and "404" not in message.text:
            self.trouble.append(message.text)

    def row(self, name: str):
        return self.page.get_by_role("row").filter(has=self.page.get_by_text(name, exact=True))

    def view(self, which: str, name: str) -> None:
        self.page.get_by_role("tablist", name=f"{which} view").get_by_role("tab", name=name).click()

    def tab(self, name: str) -> None:
        about = self.page.get_by_role("tablist", name="About the selection")
        about.get_by_role("tab", name=name).click()

    def title(self) -> str:
        return self.page.locator(".right h2").first.inner_text()

    def picture(self, which: int = 0, shown: str = "DNA ER RNA AGP Mito") -> list[int]:
        """Red, green and blue of a picture's pixels, added up, once it shows what it should."""
        canvas = self.page.locator(".viewer canvas").nth(which)
        canvas.wait_for()
        until(self.page, "([canvas, shown]) => canvas.dataset.shown === shown",
              [canvas.element_handle(), shown])  # fmt: skip
        return canvas.evaluate(
            """canvas => {
              const {width, height} = canvas;
              const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data;
              const sums = [0, 0, 0];
              for (let i = 0; i < pixels.length; i++) if (i % 4 < 3) sums[i % 4] += pixels[i];
              return sums;
            }"""
        )

    def file(self, button) -> Path:
        """The file that a button saves."""
        with self.page.expect_download() as waited:
            button.click()
        return waited.value.path()

    def saved(self, button) -> list[list[str]]:
        """Rows of the table that a button saves."""
        with self.file(button).open(newline="") as lines:
            return list(csv.reader(lines))

    def lasso(self) -> None:
        """Draw around all that the first plot shows."""
        page, box = self.page, self.page.locator("canvas.front").first.bounding_box()
        page.keyboard.down("Shift")
        page.mouse.move(box["x"] + 3, box["y"] + 3)
        page.mouse.down()
        for x, y in ((0.97, 0.02), (0.97, 0.97), (0.02, 0.97)):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=2)
        page.mouse.up()
        page.keyboard.up("Shift")


@pytest.fixture
def opened(browser, address, tmp_path) -> Iterator[Opened]:
    found = Opened(browser, address)
    yield found
    found.page.screenshot(path=tmp_path / "page.png")
    found.context.close()
    assert found.trouble == []
    own = address.partition("/?")[0]
    assert [url for url in found.asked if not url.startswith((own, "data:", "blob:"))] == []


@pytest.fixture(scope="module")
def activity(explored) -> pd.DataFrame:
    table = pd.read_parquet(explored / "activity.parquet")
    return table[table["representation"] == "cellprofiler"].set_index("Metadata_Treatment")


def test_which_treatments_are_active(opened, activity):
    """The answer in one click, the best first, by a search as well."""
    page = opened.page
    active, near = int(activity["active"].sum()), int((activity["q"] < 0.5).sum())
    strong = int((activity["map_normalized"] > 0.5).sum())
    assert 0 < near < len(activity)
    page.get_by_role("button", name="active").click()
    expect(page.locator(".count")).to_have_text(re.compile(f"^{active} of "))
    page.get_by_label("Search treatments").fill("q<0.5")
    expect(page.locator(".count")).to_have_text(re.compile(f"^{near} of "))
    page.get_by_label("Search treatments").fill("effect>0.5")
    expect(page.locator(".count")).to_have_text(re.compile(f"^{strong} of "))
    page.get_by_label("Search treatments").fill("nothing<1")
    expect(page.locator(".count")).to_have_text('no column "nothing"')


def test_from_a_name_to_its_image_beside_a_control(opened, activity):
    page, name = opened.page, activity.index[0]
    page.keyboard.press("/")
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    assert opened.title() == name
    assert min(sum(opened.picture(0)), sum(opened.picture(1))) > 0
    expect(page.locator(".viewer").nth(1)).to_contain_text("Control")
    expect(page.get_by_role("status")).to_contain_text(name)


def test_a_stain_is_switched_off_and_cells_are_outlined(opened, activity):
    page = opened.page
    opened.row(activity.index[0]).click()
    before = opened.picture()
    page.locator(".stains summary").click()
    for stain in ("ER", "RNA", "AGP", "Mito"):
        page.locator(".stain").get_by_label(stain, exact=True).uncheck()
    blue = opened.picture(shown="DNA")
    assert blue[2] > 1.5 * blue[0] > 0  # DNA is blue
    assert sum(blue) != sum(before)
    page.get_by_label("Outlines").select_option("Nuclei")
    assert sum(opened.picture(shown="DNA Nuclei")) > sum(blue)


def test_a_well_of_a_plate_is_selected_everywhere(opened):
    page = opened.page
    plate = page.locator(".plate canvas").first
    plate.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    name = opened.title()
    expect(opened.row(name)).to_have_attribute("aria-selected", "true")
    expect(page.locator(".viewer figcaption").first).to_contain_text("A")
    page.keyboard.press("Escape")
    assert opened.title() == "Nothing selected"


def test_a_lassoed_group_and_what_it_has_in_common(opened):
    page = opened.page
    front = page.locator("canvas.front").first
    expect(front).to_have_attribute("aria-label", re.compile("Map, UMAP|Map, PCA"))
    opened.lasso()
    wells = int(re.fullmatch(r"(\d+) wells of 7 treatments", opened.title()).group(1))
    assert wells > 20  # wells that no map shows cannot be lassoed
    expect(page.get_by_role("heading", name="Mechanisms")).to_be_visible()
    expect(page.locator(".right svg.grid")).to_be_visible()
    assert len(opened.saved(page.get_by_role("button", name="CSV of wells"))) == wells + 1


def test_the_nearest_treatment_with_its_similarity(opened, activity):
    page, name = opened.page, activity.index[0]
    opened.row(name).click()
    opened.tab("Neighbours")
    first = page.locator(".neighbours tbody tr").nth(1)
    assert float(first.locator("td.number").first.inner_text().replace("−", "-")) <= 1
    other = first.locator("button.link").inner_text()
    first.locator("button.link").click()
    assert opened.title() == other != name


def test_from_a_cell_to_its_field_and_its_like(opened, activity):
    page = opened.page
    opened.row(activity.index[0]).click()
    opened.tab("Cells")
    expect(page.locator(".gallery h4").first).to_have_text("Typical cells")
    page.locator("button.cell").first.click()
    expect(page.locator(".clicked .gallery button.cell").first).to_be_visible()
    page.get_by_role("button", name="Show in its field").click()
    assert sum(opened.picture()) > 0


def test_a_mark_with_a_note_is_kept_beside_the_study(opened, activity, explored):
    page, name = opened.page, activity.index[1]
    opened.row(name).click()
    page.get_by_role("group", name=f"Mark {name}").get_by_label("Note").fill('odd, "very"')
    page.get_by_role("group", name=f"Mark {name}").get_by_role("button", name="look again").click()
    expect(page.get_by_role("button", name="Marks (1)")).to_be_visible()
    kept = json.loads(marks_file(explored).read_text())
    assert [(one["treatment"], one["mark"], one["note"]) for one in kept] == [
        (name, "look again", 'odd, "very"')
    ]
    page.get_by_role("button", name="marked").click()
    expect(page.locator(".count")).to_have_text(re.compile("^1 of "))
    page.get_by_role("button", name="Marks (1)").click()
    rows = opened.saved(page.get_by_role("dialog", name="Marks").get_by_role("button", name="CSV"))
    assert rows[1][3:6] == [name, "look again", 'odd, "very"']
    page.get_by_role("dialog", name="Marks").get_by_role("button", name="Close").click()
    page.get_by_role("group", name=f"Mark {name}").get_by_role("button", name="look again").click()
    expect(page.get_by_role("button", name="Marks", exact=True)).to_be_visible()


def test_plates_in_the_colours_of_a_feature(opened, explored):
    page = opened.page
    colour = page.get_by_label("Colour").last
    colour.select_option("search")
    page.get_by_label("Search features").fill("nuclei areashape area")
    found = page.get_by_role("dialog", name="Choose a feature").get_by_role("listitem")
    expect(found.first).to_contain_text("Nuclei_AreaShape_Area")
    page.keyboard.press("Enter")
    expect(page.locator(".middle .legend").last).to_contain_text("Nuclei_AreaShape_Area")
    lower = page.get_by_role("region", name="Lower view")
    rows = opened.saved(lower.get_by_role("button", name="CSV"))
    assert rows[0][:3] == ["plate", "well", "treatment"]
    assert len(rows) == 29
    values = [float(row[4]) for row in rows[1:] if row[4]]
    assert min(values) < 0 < max(values)


def test_similarity_features_doses_and_activity(opened, activity):
    page, name = opened.page, activity.index[0]
    opened.row(name).click()
    for view in ("Activity", "Similarity", "Doses", "Features"):
        opened.view("Upper", view)
        expect(page.get_by_role("region", name="Upper view")).not_to_contain_text("Reading")
    expect(page.get_by_role("heading", name=f"{name}: what changed")).to_be_visible()
    expect(page.locator(".middle svg.grid rect").first).to_be_visible()
    opened.view("Lower", "Similarity")
    canvas = page.locator(".middle .plot canvas[role=img]")
    box = canvas.bounding_box()
    page.mouse.click(box["x"] + 118 + 4, box["y"] + 14 + 4)  # the first of the diagonal
    assert opened.title() != name


def test_the_address_brings_the_view_back(opened, browser, address, activity):
    page, name = opened.page, activity.index[2]
    opened.row(name).click()
    opened.view("Upper", "Activity")
    opened.tab("Neighbours")
    page.wait_for_url(re.compile("neighbours"))
    again = opened.context.new_page()
    again.goto(page.url)
    expect(again.locator(".right h2").first).to_have_text(name)
    upper = again.get_by_role("tablist", name="Upper view")
    expect(upper.get_by_role("tab", name="Activity")).to_have_attribute("aria-selected", "true")
    expect(again.locator(".neighbours")).to_be_visible()


@pytest.mark.parametrize("view", ["Map", "Plates", "Activity", "Similarity", "Features"])
def test_a_view_is_saved_as_drawing_picture_and_table(opened, activity, view):
    opened.row(activity.index[0]).click()
    opened.view("Upper", view)
    shown = opened.page.get_by_role("region", name="Upper view")
    drawing, picture, table = (
        opened.file(shown.get_by_role("button", name=kind, exact=True).first)
        for kind in ("SVG", "PNG", "CSV")
    )
    elements = list(ElementTree.parse(drawing).iter())
    assert len([one for one in elements if one.tag.endswith(("rect", "path"))]) > 7
    words = {one.text for one in elements if one.tag.endswith("text")}
    assert len(words) > 2 and None not in words
    width, height = (float(elements[0].get(side)) for side in ("width", "height"))
    with Image.open(picture) as pixels:
        assert pixels.size == pytest.approx((2 * width, 2 * height), abs=2)
        assert len(pixels.convert("RGB").getcolors(2**20)) > 8
    assert len(table.read_text().splitlines()) > 6


def test_keys_mark_and_take_back(opened, activity, explored):
    page, name = opened.page, activity.index[0]
    kept = lambda: {  # noqa: E731 - read again each time
        one.get("treatment") or f"{one['plate']} {one['well']}": one["mark"]
        for one in json.loads(marks_file(explored).read_text())
    }
    page.keyboard.press("h")
    expect(page.locator(".notice")).to_have_text("Select something to mark.")
    opened.row(name).click()
    for key, mark in (("h", "hit"), ("a", "artefact"), ("r", "look again")):
        page.keyboard.press(key)
        expect(page.get_by_role("status")).to_contain_text(f"{name} marked: {mark}")
        assert kept() == {name: mark}
    page.keyboard.press("z")
    expect(page.get_by_role("status")).to_have_text(f"{name}: artefact, as before.")
    page.keyboard.press("Shift+H")
    expect(page.get_by_role("button", name="Marks (2)")).to_be_visible()
    assert sorted(kept().values()) == ["artefact", "hit"]
    page.keyboard.press("z")
    page.keyboard.press("a")  # the same key again
    expect(page.get_by_role("button", name="Marks", exact=True)).to_be_visible()
    assert kept() == {}
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_contain_text("take the last mark back")


def test_a_lasso_that_no_list_of_wells_fits_is_in_the_address(browser):
    screen, _ = pl.simulate_profiles(treatments=4, controls=16, seed=2)
    screen = screen.reset_index()
    screen["Metadata_Plate"] = "ö" * 700 + screen["Metadata_Plate"].astype(str)
    with explore(screen, browser=False) as served:
        found = Opened(browser, served.address)
        page = found.page
        found.view("Upper", "Map")
        found.lasso()
        page.wait_for_url(re.compile("lasso="))
        title = found.title()
        assert re.fullmatch(r"\d+ wells of \d+ treatments", title)
        again = found.context.new_page()
        again.goto(page.url)
        expect(again.locator(".right h2").first).to_have_text(title)
        again.close()
        page.locator(".plate figcaption button").first.click()
        expect(page.locator(".right")).to_contain_text("address of this page does not hold")
        found.context.close()
        assert found.trouble == []


# What is read aloud or worked with needs a name.
NAMED = {"button", "link", "textbox", "searchbox", "combobox", "slider", "checkbox", "tab", "img",
         "image", "application", "dialog", "grid", "tablist", "toolbar", "navigation", "region",
         "ColorWell"}  # fmt: skip
FAINT = """() => {
  const parts = colour => colour.startsWith("color(")
    ? colour.match(/[\\d.]+/g).map((part, i) => i < 3 ? 255 * part : +part)
    : colour.match(/[\\d.]+/g).map(Number);
  const light = colour => [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
    const v = colour[i] / 255;
    return sum + weight * (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  }, 0);
  const over = (a, b) => a.length < 4 ? a : [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3]));
  const ground = element => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      layers.unshift(parts(getComputedStyle(at).backgroundColor));
      if (layers[0].length < 4) break;
    }
    return layers.reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const contrast = (ink, paper) => {
    const [a, b] = [light(over(parts(ink), paper)), light(paper)];
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const found = [];
  const ask = (element, text, ink) => {
    const ratio = contrast(ink, ground(element));
    if (ratio < 4.5) found.push(`${text.trim().slice(0, 40)} ${ratio.toFixed(2)}`);
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const [element, text] = [walker.currentNode.parentElement, walker.currentNode.textContent];
    if (!text.trim() || !element.checkVisibility() || element.closest("option, .unseen")) continue;
    const look = getComputedStyle(element);
    ask(element, text, element.closest("svg") ? look.fill : look.color);
  }
  for (const input of document.querySelectorAll("input[placeholder]")) {
    ask(input, input.placeholder, getComputedStyle(input, "::placeholder").color);
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_control_has_a_name_and_text_its_contrast(browser, address, activity, scheme):
    found = Opened(browser, address, color_scheme=scheme)
    page, name = found.page, activity.index[0]
    session = found.context.new_cdp_session(page)

    def faults() -> list[str]:
        nodes = session.send("Accessibility.getFullAXTree")["nodes"]
        known = [
            (node["role"]["value"], node.get("name", {}).get("value", "").strip())
            for node in nodes
            if not node["ignored"]
        ]
        assert {"button", "searchbox", "application"} <= {role for role, _ in known}
        return [r for r, named in known if r in NAMED and not named] + page.evaluate(FAINT)

    assert faults() == []
    found.row(name).click()
    for view, tab in (("Similarity", "Cells"), ("Activity", "Neighbours"), ("Features", "Images")):
        found.view("Lower", view)
        found.tab(tab)
        found.page.wait_for_timeout(150)
        assert faults() == [], (view, tab)
    page.keyboard.press("?")
    assert faults() == []
    page.keyboard.press("?")
    # By the tabulator once through the page: nothing holds the focus, each part is reached.
    reached = []
    for _ in range(90):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "document.activeElement.closest('.top, .left, .middle, .right')?.className ?? ''"
            )
        )
    order = [part for i, part in enumerate(reached) if part and part not in reached[:i]]
    assert order == ["right", "top", "left", "middle"]  # from the last click on, and around
    found.context.close()
    assert found.trouble == []


@pytest.fixture(scope="module")
def looked_at(explored, tmp_path_factory) -> tuple[Path, str]:
    """The same study with maps of what a network looked at, and the treatment they are of."""
    folder = tmp_path_factory.mktemp("looked") / "out"
    shutil.copytree(explored, folder)
    screen = site_of(folder).screen
    name = screen.treatment_names[-1]
    where = {"Metadata_Plate": "P1", "Metadata_Well": "A01"}
    rows = pd.DataFrame({"role": ["treated", "control"], "position": [0, 1]})
    rows = rows.assign(**where, Metadata_Site="1", target=name, correct=[True, False], fold="0")
    rows.assign(shown_for=name, Metadata_Treatment=name).to_parquet(folder / "attention.parquet")
    draw = np.random.default_rng(1)
    np.savez(
        folder / "attention.npz", pixels=draw.integers(0, 90, (2, 5, 32, 32), dtype=np.uint8),
        maps=draw.integers(0, 256, (2, 32, 32), dtype=np.uint8),
        nuclei=np.zeros((2, 32, 32), bool), channels=np.array(screen.pictures.stains),
    )  # fmt: skip
    (folder / "activation.json").write_text(json.dumps({"method": "integrated gradients"}))
    return folder, name


def test_what_a_network_looked_at_and_cells_in_tiles(browser, looked_at, monkeypatch):
    folder, name = looked_at
    monkeypatch.setattr(maps, "MOST_POINTS", 20)
    monkeypatch.setattr(described, "MOST_POINTS", 20)
    monkeypatch.setattr(maps, "TILE_POINTS", 15)
    with explore(folder, browser=False) as served:
        found = Opened(browser, served.address)
        page = found.page
        found.row(name).click()
        found.tab("Attribution")
        expect(page.locator(".attribution figure canvas")).to_have_count(2)
        expect(page.locator(".attribution figcaption").last).to_contain_text("answered wrongly")
        sum_ = """canvas => canvas.getContext("2d").getImageData(0, 0, 32, 32).data
          .reduce((a, b) => a + b, 0)"""
        overlaid = page.locator(".attribution canvas").first.evaluate(sum_)
        page.locator(".attribution input").fill("0")
        bare = page.locator(".attribution canvas").first.evaluate(sum_)
        assert 0 < bare < overlaid
        picture = found.file(page.locator(".attribution").get_by_role("button", name="PNG"))
        with Image.open(picture) as pixels:
            assert pixels.width > 2 * 2 * 160
        page.keyboard.press("Escape")
        upper = page.get_by_role("region", name="Upper view")
        upper.get_by_role("combobox").first.select_option(label="PCA of cells, CellProfiler-type")
        expect(upper.locator(".legend")).to_contain_text("Cells in a square")
        counts = found.saved(upper.get_by_role("button", name="CSV"))
        assert sum(int(row[2]) for row in counts[1:]) == count(site_of(folder).screen) > 20
        found.context.close()
        assert found.trouble == []


def test_on_a_phone_and_in_the_dark_nothing_is_cut(browser, address, activity, tmp_path):
    found = Opened(browser, address, color_scheme="dark")
    page = found.page
    page.set_viewport_size({"width": 390, "height": 780})
    wide = "document.documentElement.scrollWidth"
    for part in ("Table", "Views", "Selection"):
        page.get_by_role("navigation").get_by_role("button", name=part).click()
        assert page.evaluate(wide) <= 390
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(int(part) for part in re.findall(r"\d+", ground)) < 60
    page.screenshot(path=tmp_path / "page.png")
    found.context.close()
    assert found.trouble == []


def test_profiles_alone_and_names_like_html_are_text(browser, tmp_path):
    screen, _ = pl.simulate_profiles(treatments=4, controls=16, seed=2)
    screen = screen.reset_index()
    name = screen["Metadata_Treatment"].iloc[-2]
    screen = screen.replace(
        {column: {name: HOSTILE} for column in ("Metadata_Treatment", "Metadata_Compound")}
    )
    with explore(screen, browser=False) as served:
        found = Opened(browser, served.address)
        page = found.page
        found.row(HOSTILE).click()
        assert found.title() == HOSTILE
        expect(page.locator(".right")).to_contain_text(re.compile("images", re.IGNORECASE))
        for tab in ("Cells", "Neighbours", "Attribution", "Report"):
            found.tab(tab)
        for view in ("Plates", "Activity", "Doses", "Similarity", "Features"):
            found.view("Upper", view)
        page.screenshot(path=tmp_path / "page.png")
        assert page.locator("img").count() == 0
        assert "owned" not in page.title()
        found.context.close()
        assert found.trouble == []


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Any web server; it says nothing."""

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def exported(explored, tmp_path_factory) -> Iterator[str]:
    from phenolens.explore.export import export
    from phenolens.explore.opening import site_of

    folder = tmp_path_factory.mktemp("exported") / "site"
    export(site_of(explored), folder)
    answer = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), answer) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_an_export_shows_the_same_and_marks_are_downloaded(browser, exported, activity):
    found = Opened(browser, exported)
    page, name = found.page, activity["q"].idxmin()
    found.row(name).click()
    assert sum(found.picture()) > 0
    found.tab("Cells")
    page.locator("button.cell.framed").first.click()
    expect(page.locator(".clicked .gallery button.cell").first).to_be_visible()
    page.locator(".cellsof > .gallery .cell:not(.framed)").last.click()
    expect(page.locator(".clicked")).to_contain_text("answers for every cell")
    page.get_by_role("group", name=f"Mark {name}").get_by_role("button", name="hit").click()
    page.get_by_label("Search treatments").fill("o")
    page.get_by_role("button", name="Select all").click()
    expect(page.locator(".group")).to_contain_text("answers for these groups only")
    page.locator(".group section .names button").first.click()
    expect(page.get_by_role("heading", name="Mechanisms")).to_be_visible()
    page.reload()
    page.get_by_role("button", name="Marks (1)").click()
    dialog = page.get_by_role("dialog", name="Marks")
    assert found.saved(dialog.get_by_role("button", name="CSV"))[1][3:5] == [name, "hit"]
    found.context.close()
    assert found.trouble == []
    assert [url for url in found.asked if not url.startswith((exported, "data:", "blob:"))] == []


NO_WEBGL = """
const get = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return /webgl/.test(kind) ? null : get.call(this, kind, ...rest);
};"""
A_CARD = """
const get = WebGLRenderingContext.prototype.getExtension;
WebGLRenderingContext.prototype.getExtension = function (name) {
  return name === "WEBGL_debug_renderer_info" ? null : get.call(this, name);
};"""


@pytest.mark.parametrize(
    ("browser_is", "name", "note"),
    [(NO_WEBGL, "canvas without WebGL", 1), (A_CARD, "WebGL, unnamed", 0)],
    ids=["no WebGL", "WebGL"],
)
def test_points_are_drawn_with_and_without_webgl(browser, address, browser_is, name, note):
    page = browser.new_page()
    page.add_init_script(browser_is)
    page.goto(address)
    page.wait_for_selector("main")
    until(page, "window.drawnBy.frames > 0")
    assert page.evaluate("window.drawnBy.name") == name
    page.keyboard.press("1")
    page.get_by_role("button", name="Zoom in").first.click()
    assert page.get_by_text("This browser gives no WebGL").count() == note
    coloured = """() => {
      const copy = document.createElement("canvas");
      const points = document.querySelector("canvas.layer");
      [copy.width, copy.height] = [points.width, points.height];
      const context = copy.getContext("2d");
      context.drawImage(points, 0, 0);
      const { data } = context.getImageData(0, 0, copy.width, copy.height);
      return data.some((value, i) => i % 4 === 3 && value > 0);
    }"""
    until(page, coloured)
    page.close()


def test_the_bundle_is_small_and_names_no_other_place():
    files = sorted(BUNDLE.iterdir())
    assert [path.name for path in files] == ["LICENSES.txt", "app.css", "app.js", "index.html"]
    assert sum(path.stat().st_size for path in files) < 5 * 2**20
    for path in files[1:]:
        found = set(re.findall(r"https?://[^\s\"'`)]+", path.read_text()))
        assert {one for one in found if not one.startswith("http://www.w3.org/")} == set(), path
    assert "eval(" not in (BUNDLE / "app.js").read_text()


def test_the_lock_names_no_hosts():
    text = (ROOT / "web" / "package-lock.json").read_text()
    assert re.findall(r"https?:|\"resolved\"", text) == []
    assert all("integrity" in one for name, one in json.loads(text)["packages"].items() if name)
