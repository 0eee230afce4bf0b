"""The panel of a treatment: what was asked of it; safe, light, and there for every treatment."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from phenolens.answers.tables import Tables
from phenolens.answers.treatments import best_first
from phenolens.report import Panels, build, colours, panel_style
from phenolens.report.figures import activity as figure_activity
from phenolens.report.figures import plates as figure_plates
from phenolens.report.figures import scores
from phenolens.report.figures.marks import Placed
from phenolens.report.panels import FULL
from phenolens.report.pointing import Pointed
from phenolens.report.stills import sheet_of
from tests.report.test_page import Page

BEST, WITHOUT_CELLS, INACTIVE = "cpd-005 @ 5 µM", "cpd-002 @ 5 µM", "cpd-004 @ 5 µM"


@pytest.fixture(scope="module")
def panels(tables: Tables) -> Panels:
    return Panels(tables)


@pytest.fixture
def copy(study: Path, tmp_path: Path) -> Path:
    return shutil.copytree(study, tmp_path / "study")


def test_every_treatment_has_a_panel_with_an_id_of_its_own(panels, tables):
    assert panels.names == sorted(tables.treatments)
    assert len(set(panels.anchors.values())) == len(panels.names) == 24
    for name in panels.names:
        found = Page(panels.html(name, pictures=False))
        assert found.open == []
        assert found.tags[0] == (
            "article",
            {"class": "panel", "id": panels.anchors[name], "data-treatment": panels.anchors[name],
             "aria-labelledby": f"{panels.anchors[name]}-name"},
        )  # fmt: skip
        assert name in found.text


def test_a_panel_says_what_was_asked_and_what_came_out(panels, tables):
    text = Page(panels.html(WITHOUT_CELLS)).text
    rows = tables.activity.set_index(["representation", "Metadata_Treatment"])
    row = rows.loc[("cellprofiler", WITHOUT_CELLS)]
    assert f"mAP {row['map']:.2f} ({row['low']:.2f} to {row['high']:.2f})" in text
    for said in ("CellProfiler-type", "Pixel PCA", "CNN", "41 % of its controls' cells are left",
                 "Nuclei larger; mitochondria pattern changed", "Is its mechanism found?",
                 "From which dose on?", "at another position only", "To doubt: few cells left",
                 "Nucleus, DNA: 2.00 times its share of the area"):  # fmt: skip
        assert said in text
    assert "Not separated from controls" in Page(panels.html(INACTIVE)).text
    wells = tables.wells.query("Metadata_Treatment == @INACTIVE")
    tags = Page(panels.html(INACTIVE)).tags
    linked = {(a["data-plate"], a["data-well"]) for _, a in tags if "data-well" in a}
    assert linked == set(map(tuple, wells[["Metadata_Plate", "Metadata_Well"]].to_numpy()))


def test_neighbours_lead_to_their_panels_and_say_whether_they_are_active(panels):
    view, tags = panels.view(BEST), Page(panels.html(BEST)).tags
    linked = [a["data-treatment"] for tag, a in tags if tag == "a" and "data-treatment" in a]
    assert linked == [panels.anchors[near["name"]] for near in view["near"]]
    assert {near["state"] for near in view["near"]} <= {"active", "not separated from controls"}


def test_pictures_are_in_it_when_wanted(panels):
    with_them = [a for tag, a in Page(panels.html("cpd-001 @ 5 µM")).tags if tag == "img"]
    assert len(with_them) == 2  # beside controls, and where the network looked
    for image in with_them:
        assert image["src"].startswith("data:image/jpeg;base64,") and len(image["src"]) < 200_000
        assert image["loading"] == "lazy" and len(image["alt"]) > 40
    assert "<img" not in panels.html("cpd-001 @ 5 µM", pictures=False)
    assert "<img" not in panels.html(INACTIVE.replace("4", "9"))


def test_ids_may_be_given_and_unknown_treatments_are_refused(tables):
    own = {name: f"x{i}" for i, name in enumerate(sorted(tables.treatments))}
    panels = Panels(tables, own)
    assert f'id="{own[BEST]}"' in panels.html(BEST, pictures=False)
    with pytest.raises(KeyError):
        panels.html("nobody")


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", '"><img src=x onerror=1>'])
def test_a_treatment_named_like_markup_is_text(copy, name):
    for table in ("activity", "wells", "similarity", "feature_groups", "features"):
        path = copy / f"{table}.parquet"
        pd.read_parquet(path).replace({BEST: name}).to_parquet(path)
    found = Page(Panels(Tables(copy)).html(name))
    assert name in found.text
    assert not any(tag == "script" or "onerror" in a for tag, a in found.tags)
    page = build(copy, figures=False).read_text(encoding="utf-8")
    assert "<script>alert" not in page and "onerror=1>" not in page.replace("onerror=1&gt;", "")


def test_one_well_no_images_one_representation(copy):
    for path in ("exemplars.parquet", "exemplars.npz", "feature_groups.parquet", "dose.parquet",
                 "similarity.parquet", "retrieval.parquet", "matching.parquet"):  # fmt: skip
        (copy / path).unlink()
    wells = pd.read_parquet(copy / "wells.parquet")
    alone = wells[wells["Metadata_Treatment"] == BEST].iloc[:1]
    wells = pd.concat([wells[wells["Metadata_Treatment"] != BEST], alone])
    wells.drop(columns="Metadata_CellCount").to_parquet(copy / "wells.parquet")
    rows = pd.read_parquet(copy / "activity.parquet")
    rows = rows[rows["representation"] == "cellprofiler"].set_index("Metadata_Treatment")
    rows.loc[BEST, ["q", "p", "map", "low", "high", "p_attainable", "active"]] = None
    rows.loc[BEST, ["n", "wells", "usable"]] = [0, 1, 0]
    rows.loc[BEST, "note"] = "one-well-only"
    rows.reset_index().to_parquet(copy / "activity.parquet")
    found = Page(Panels(Tables(copy)).html(BEST))
    assert "It could not be tested" in found.text and "one well" in found.text
    assert [a["data-well"] for _, a in found.tags if "data-well" in a] == [
        alone["Metadata_Well"].iloc[0]
    ]
    assert not any(tag == "img" for tag, _ in found.tags)


def test_of_many_treatments_inactive_ones_are_a_line(make_study):
    tables = Tables(make_study(treatments=FULL + 20, plates=1, images=False))
    panels = Panels(tables)
    shown = list(panels.on_page(pictures=False))
    assert [one["name"] for one in shown] == panels.order
    whole = {one["name"] for one in shown if one["html"]}
    assert whole == {one.name for one in tables.ranked if one.active} and len(whole) < FULL
    assert sum(len(one["html"] or "") for one in shown) < 12_000 * len(whole)


def test_rows_dots_and_wells_lead_to_panels(study, tmp_path):
    folder = tmp_path / "study"
    folder.mkdir()
    for name in ("activity", "wells", "umap"):
        table = pd.read_parquet(study / f"{name}.parquet")
        if "representation" in table:
            table = table[table["representation"] == "cellprofiler"]
        table = table.drop(columns=[c for c in table if c.startswith("intensity_")])
        table.to_parquet(folder / f"{name}.parquet")
    page = build(folder).read_text(encoding="utf-8")
    found = Page(page)
    anchors = Panels(Tables(folder)).anchors
    ids = {a["id"] for _, a in found.tags if "id" in a}
    assert set(anchors.values()) <= ids
    known = json.loads(re.search(r'id="marks">(.*?)</script>', page, re.S)[1])
    assert {name: to for name, to in known["treatments"] if to} == anchors
    drawn = [int(a["data-marks"]) for _, a in found.tags if "data-marks" in a]
    assert {known["maps"][i]["of"] for i in drawn} == {"treatments", "wells"}
    wells = pd.read_parquet(folder / "wells.parquet")
    named = wells.set_index(["Metadata_Plate", "Metadata_Well"])["Metadata_Treatment"]
    for plate, well, number in known["wells"]:
        assert known["treatments"][number][0] == named[plate, well]
    for one in known["maps"]:
        at = np.array(one["at"]).reshape(-1, 3)
        assert (at[:, :2] >= 0).all() and (at[:, 0] <= 1040).all()
    umap = known["maps"][drawn[1]]
    assert len(umap["shifts"]) == 3  # the same wells by mechanism, plate and role


def test_data_for_the_script_cannot_end_it(tables):
    pointed = Pointed(tables, {})
    pointed.number(Placed(points=((1, 2),), of=("</script><b>",)))
    text = str(pointed.data())
    assert "<" not in text
    assert json.loads(text)["treatments"] == [["</script><b>", ""]]


def test_tiles_stand_in_lines_and_columns():
    sheet = sheet_of([[np.zeros((8, 4)), np.ones((8, 4))]], side=16)
    assert sheet.size == (8 + 3 + 8, 16)
    assert sheet.getpixel((2, 2)) == (0, 0, 0) and sheet.getpixel((17, 2)) == (255, 255, 255)


def test_the_style_brings_no_colours_of_its_own():
    assert not re.search(r"#[0-9a-f]{6}\b", panel_style(), re.I)


def test_no_two_representations_share_a_colour():
    names = [*colours.KNOWN, *(f"own-{i}" for i in range(90)), "baseline:position"]
    found = colours.of(names)
    assert len({found[name] for name in names[:-1]}) == len(names) - 1
    assert found["baseline:position"] == colours.GREY
    assert found["cnn"] == colours.of(["cnn"])["cnn"]
    assert len(colours.of([f"own-{i}" for i in range(400)])) == 400


def test_ties_stand_by_effect():
    rows = pd.DataFrame({"Metadata_Treatment": list("abcd"), "q": [0.1, 0.1, 0.1, 0.5],
                         "map_normalized": [1.0, 1.0, 0.9, 1.0]})  # fmt: skip
    moved = pd.DataFrame({"Metadata_Treatment": list("aabb"), "effect": [1.0, -2.0, 3.0, -9.0],
                          "representation": "cellprofiler"})  # fmt: skip
    assert best_first(rows, features=moved)["Metadata_Treatment"].tolist() == list("bacd")
    assert best_first(rows)["Metadata_Treatment"].tolist() == list("abcd")
    assert best_first(rows).columns.tolist() == rows.columns.tolist()


def test_a_control_of_a_fusion_is_named_best_of_nothing(copy):
    results = pd.read_parquet(copy / "results.parquet")
    noise = results[results["representation"] == "cellprofiler"]
    noise = noise.assign(representation="cellprofiler+noise:pixel-pca", value=noise["value"] + 1)
    pd.concat([results, noise]).to_parquet(copy / "results.parquet")
    for drawn in scores.draw(Tables(copy)):
        assert "highest" in drawn.alt and "noise" not in drawn.alt


def test_clipped_values_are_said(copy):
    activity = pd.read_parquet(copy / "activity.parquet")
    tiny = activity["Metadata_Treatment"] == BEST
    activity.assign(q=activity["q"].mask(tiny, 1e-15)).to_parquet(copy / "activity.parquet")
    tables = Tables(copy)
    assert "1 with q below 1×10⁻¹² stand at it" in next(iter(figure_activity.draw(tables))).caption
    caption = next(iter(figure_plates.draw(tables))).caption
    low, high = map(int, re.search(r"(\d+) below \S+ and (\d+) above", caption).groups())
    count = tables.wells["Metadata_CellCount"]
    ends = np.percentile(count, [1, 99])
    assert (low, high) == ((count < ends[0]).sum(), (count > ends[1]).sum()) and low + high > 0
