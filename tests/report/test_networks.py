"""The four questions, and what the page shows of networks: plain, and withheld where it must be."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from phenolens.answers.tables import Tables
from phenolens.findings import Finding
from phenolens.published.sections import research_questions
from phenolens.report import build
from phenolens.report.figures import attention, curves, house_style
from phenolens.report.figures.network_pixels import intensities
from phenolens.report.sections import network


@pytest.fixture
def copy(study: Path, tmp_path: Path) -> Path:
    return shutil.copytree(study, tmp_path / "study")


def test_a_question_comes_with_its_answer_and_numbers(tables):
    first = research_questions.view(tables)["questions"][0]
    assert first["code"] == "RQ1" and not first["withheld"] and not first["needs"]
    assert first["first"].startswith("Yes: by CellProfiler-type, 75 % of 24 treatments differ")
    assert first["rest"][0].startswith("CNN is worse than CellProfiler-type in normalized mAP")
    share, difference = first["numbers"]
    assert (share["what"], share["metric"], share["value"]) == (
        "CellProfiler-type", "Activity, share active", "0.750",
    )  # fmt: skip
    assert difference["what"] == "CNN minus CellProfiler-type"
    assert (difference["value"], difference["p"]) == ("−0.150", "0.002")


def test_a_question_without_its_input_is_one_folded_line(tables, copy):
    second = research_questions.view(tables)["questions"][1]
    assert second["needs"] and not second["numbers"]
    text = build(copy, figures=False).read_text(encoding="utf-8")
    folded = re.findall(r"<details class=.answer none.>(.*?)</details>", text)
    assert [part[: part.index("</p>")].count("would need") for part in folded] == [1, 1]
    assert "RQ2. Does fusing deep" in folded[0] and "RQ3. Are unsupervised" in folded[1]


def test_numbers_of_maps_stand_beside_those_of_random_weights(tables):
    rows = research_questions.view(tables)["questions"][3]["numbers"]
    assert [row["what"] for row in rows] == [
        "Maps on cells, over their share", "Its maps minus those of random weights",
    ]  # fmt: skip
    assert rows[0]["between"] == "1.400 to 2.200" and rows[0]["n"] == "40"


def test_activation_stands_beside_what_a_random_network_gives(tables):
    view = network.view(tables)
    assert view["activation"]["enrichment"][0] == {
        "what": "Nucleus", "value": "2.50", "between": "1.90 to 3.10", "n": "40",
    }  # fmt: skip
    assert view["activation"]["random"][0]["value"] == "0.20"
    assert [name for name, _ in view["activation"]["stains"]] == ["DNA", "ER"]
    (row,) = view["treatments"]
    assert row["cells"] == ["0.31 ± 0.05", "0.12 ± 0.05", "0.44 ± 0.05", "2.50 ± 0.05", "–", "–"]


def test_withheld_maps_show_their_reason_and_no_table(copy):
    values = {"value": 0.2, "baseline": "baseline:intensity", "reached": 0.3}
    values |= {"low": -0.2, "high": 0.1}
    why = Finding("maps-not-better", "warning", {"representation": "cnn"}, values)
    (copy / "activation.json").write_text(json.dumps({"withheld_because": why.to_dict()}))
    view = network.view(Tables(copy))
    assert view["withheld"].startswith("CNN names the treatment of 20.0% of held-out treated wells")
    assert "the baseline mean intensity only of 30.0%" in view["withheld"]
    assert view["activation"] is None and view["treatments"] == []
    text = build(copy, figures=False).read_text(encoding="utf-8")
    assert (
        "Maps of where the network looked are not shown" in text and "Maps (integrated" not in text
    )


def test_a_study_without_networks_or_questions_has_no_such_sections(copy):
    for name in ("questions.json", "activation.json"):
        (copy / name).unlink()
    shutil.rmtree(copy / "curves")
    text = build(copy, figures=False).read_text(encoding="utf-8")
    assert "The four research questions" not in text and "Where the network looked" not in text
    assert 'href="#network"' not in text and 'href="#questions"' not in text


def test_curves_have_a_line_for_each_training_and_loss(tables):
    with house_style():
        (drawn,) = curves.draw(tables)
    (axes,) = drawn.figure.axes
    assert len(axes.lines) == 6
    first = next(line for line in axes.lines if line.get_label() == "fold 0")
    assert np.allclose(first.get_ydata(), [1, 1 / 2, 1 / 3])


def test_an_overlay_covers_the_image_where_the_map_is_bright():
    image, seen = np.full((5, 4, 4), 0.4), np.zeros((4, 4))
    seen[0, 0] = 1
    shown = attention.panels(image, seen, ["DNA", "ER", "RNA", "AGP", "Mito"])["Map over image"]
    assert np.allclose(shown[1:], 0.4) and not np.allclose(shown[0, 0], 0.4)


def test_bytes_of_a_network_are_drawn_as_intensities_with_one_contrast():
    stack = np.zeros((2, 1, 10, 10), dtype=np.uint8)
    stack[0], stack[1] = 100, 200
    shown = intensities(stack)
    assert np.allclose(shown[1], 1) and np.allclose(shown[0], 0.25)
    assert np.allclose(intensities(stack[:1], stack), 0.25)


def test_several_cells_a_role_stand_side_by_side_with_their_nuclei(copy):
    names_of = {"role": ["treated"] * 3 + ["control"] * 2, "position": range(5)}
    where = {"Metadata_Plate": "P1", "Metadata_Well": "A01", "target": "x", "fold": "0"}
    where |= {"shown_for": "x", "Metadata_Site": "1", "Metadata_Treatment": "x"}
    rows = pd.DataFrame(names_of).assign(correct=True, **where)
    rows.to_parquet(copy / "attention.parquet", index=False)
    stored = {"pixels": np.zeros((5, 2, 8, 8), np.uint8), "maps": np.zeros((5, 8, 8), np.uint8)}
    nuclei = np.zeros((5, 8, 8), dtype=bool)
    nuclei[0, 2:5, 2:5] = True
    np.savez(copy / "attention.npz", channels=np.array(["DNA", "ER"]), nuclei=nuclei, **stored)
    with house_style():
        (drawn,) = attention.draw(Tables(copy))
    assert len(drawn.figure.axes) == 5 * 4
    outlined = [axes for axes in drawn.figure.axes if axes.collections]
    assert len(outlined) == 1
    assert "outlines of nuclei" in drawn.caption
