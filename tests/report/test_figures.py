"""Every kind of figure on a made-up study: drawn, described, and the same bytes twice."""

from __future__ import annotations

import shutil
from base64 import b64decode
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from phenolens.answers import scores as questions
from phenolens.answers.tables import Tables
from phenolens.report.embed import data_uri, on_palette
from phenolens.report.figures import (
    activity,
    assay,
    bubbles,
    clusters,
    curves,
    groups,
    house_style,
    montage,
    plates,
    save,
    similarity,
    unique,
)
from phenolens.report.figures.style import LINES, Drawn, file_name, new_figure, wrapped
from phenolens.report.sections import figure_groups

REPRESENTATIONS = 3


def drawn(tables: Tables, group: str) -> list[Drawn]:
    with house_style():
        return list(figure_groups()[group](tables))


@pytest.mark.parametrize("group", figure_groups())
def test_each_group_draws_figures_that_a_page_can_describe(tables, group):
    figures = drawn(tables, group)
    assert figures
    for figure in figures:
        assert figure.name == group or figure.name.startswith(f"{group}-")
        assert figure.alt and figure.caption and figure.label
        assert 0.5 < figure.figure.get_figheight() < 30


@pytest.mark.parametrize("group", figure_groups())
def test_each_group_draws_nothing_from_an_empty_folder(tmp_path, group):
    assert drawn(Tables(tmp_path), group) == []


@pytest.mark.parametrize("name", ["scores", "similarity", "montage"])
def test_figures_have_the_same_bytes_each_time(tables, tmp_path, name):
    written = []
    for attempt in ("first", "second"):
        with house_style():
            paths = save(next(iter(figure_groups()[name](tables))), tmp_path / attempt)
        written.append([path.read_bytes() for path in paths])
    assert written[0] == written[1]


def test_figures_carry_no_date(tables, tmp_path):
    with house_style():
        png, svg = save(next(iter(figure_groups()["comparisons"](tables))), tmp_path)
    assert b"<dc:date>" not in svg.read_bytes()
    assert b"Software" not in png.read_bytes()


def test_the_page_gets_small_pictures_that_look_like_the_files(tmp_path):
    y, x = np.mgrid[:400, :400] / 40
    draw = np.random.default_rng(0)
    panel = 0.5 + 0.4 * np.sin(x) * np.cos(y) + draw.normal(0, 0.01, x.shape)
    with house_style():
        figure = Drawn("a", new_figure(4, width=4), "", "", "", photo=True)
        figure.figure.add_axes((0, 0, 1, 1)).imshow(panel)
        png, svg = save(figure, tmp_path)
        uri = data_uri(figure, png, svg)
        again = data_uri(figure, png, svg)
    kind, data = uri.split(",", 1)
    assert kind == "data:image/jpeg;base64" and uri == again
    shown = _pixels(BytesIO(b64decode(data)))
    with Image.open(png) as whole:
        assert whole.size == (800, 800)
        stored = np.asarray(whole.convert("RGB").resize((600, 600), Image.Resampling.BOX), float)
    assert len(data) < png.stat().st_size
    assert shown.shape == stored.shape and np.abs(shown - stored).mean() < 4


def test_a_palette_keeps_rare_colours(tables, tmp_path):
    with house_style():
        png, _ = save(next(iter(figure_groups()["umap"](tables))), tmp_path)
    small = on_palette(png)
    assert len(small) < png.stat().st_size
    assert np.abs(_pixels(BytesIO(small)) - _pixels(png)).max() <= 16


def _pixels(source: object) -> np.ndarray:
    with Image.open(source) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def test_one_figure_a_representation(tables):
    for group in ("activity", "similarity", "umap"):
        assert len(drawn(tables, group)) == REPRESENTATIONS


def test_figures_of_a_large_screen_stay_of_a_sensible_size(make_study):
    large = Tables(make_study(treatments=300, plates=13, layout=384, images=False))
    for group in ("activity", "similarity", "plates", "clusters", "assay", "features"):
        for figure in drawn(large, group):
            assert figure.figure.get_figheight() < 20, figure.name


@pytest.mark.parametrize("layout", [6, 96, 384, 1536])
def test_plate_maps_have_the_shape_of_their_plates(make_study, layout):
    tables = Tables(make_study(treatments=4, plates=1, layout=layout, images=False))
    wells = plates.with_quantity(tables, "Metadata_CellCount")
    shape = plates.plate_shape(wells)
    assert shape[0] * shape[1] == layout
    assert drawn(tables, "plates")


def test_a_few_wells_near_the_corner_are_part_of_a_96_well_plate():
    wells = pd.DataFrame({"plate": "A", "row": [1, 1, 1, 1], "column": [1, 2, 3, 4]})
    assert plates.plate_shape(wells) == (8, 12)


def test_a_well_is_drawn_at_its_row_and_column(tables):
    wells = plates.with_quantity(tables, "Metadata_CellCount")
    row = tables.wells["Metadata_Well"].tolist().index("C07")
    assert (wells["row"].iloc[row], wells["column"].iloc[row]) == (2, 6)
    assert wells["value"].iloc[row] == tables.wells["Metadata_CellCount"].iloc[row]


def test_controls_show_no_activity(tables):
    wells = plates.with_quantity(tables, "_activity")
    assert wells.loc[wells["control"], "value"].isna().all()
    assert wells.loc[~wells["control"], "value"].notna().all()


def test_a_whole_tasks_baseline_stands_beside_each_readout():
    row = {"metric": "accuracy", "split": "plate", "unit": "well", "fold": "all", "n": 8}
    rows = [
        row | {"representation": "cellprofiler", "task": "classification: logistic", "value": 0.6},
        row
        | {"representation": "baseline:one-over-classes", "task": "classification", "value": 0.1},
    ]
    frame = pd.DataFrame(rows).assign(low=np.nan, high=np.nan)
    found = questions.asked(_only(results=frame))
    assert [key[0] for key, _ in found] == ["classification: logistic"]
    assert questions.best_baseline(found[0][1]) == ("baseline:one-over-classes", 0.1)


def _only(**frames: pd.DataFrame) -> Tables:
    tables = Tables(Path("nowhere"))
    tables.__dict__.update(frames)
    return tables


def test_the_best_baseline_ignores_representations(tables):
    asked = [part for _, part in questions.asked(tables) if questions.has_baseline(part)]
    assert asked
    for part in asked:
        name, value = questions.best_baseline(part)
        baselines = part[part.index.str.startswith("baseline:")]["value"]
        assert name.startswith("baseline:") and value == baselines.max()


@pytest.mark.parametrize("heights", [[4.0] * 9, [4, 3.9, 3.8, 1, 0.99], [0.1, 0.1, 0.0]])
def test_labels_never_overlap_and_stay_inside(heights):
    places = activity.spread(np.array(heights, dtype=float), (0.0, 5.0), 10)
    assert np.all(-np.diff(places) >= 0.5 - 1e-9)
    assert places.max() <= 5 and places.min() >= 0


def test_hits_at_one_place_share_one_label():
    hits = pd.DataFrame(
        {"Metadata_Treatment": list("abc"), "map": [1.0, 1.0, 0.5], "height": [2.0, 2.0, 1.5]}
    )
    assert activity.named_places(hits) == [(1.0, 2.0, "a and 1 more"), (0.5, 1.5, "c")]


def test_chance_by_shuffling_is_a_reference_and_no_panel_of_its_own():
    row = {"representation": "cnn", "task": "silhouette", "split": "none", "unit": "well"}
    row |= {"fold": "all", "low": np.nan, "high": np.nan, "n": 8}
    metrics = {"silhouette": 0.2, "silhouette_null": -0.1, "silhouette_p": 0.01}
    rows = [row | {"metric": metric, "value": value} for metric, value in metrics.items()]
    ((key, scores),) = questions.asked(_only(results=pd.DataFrame(rows)))
    assert key[1] == "silhouette" and scores.loc["cnn", "reference"] == -0.1


def test_treatments_with_few_cells_are_marked_as_lost(tables):
    rows = activity.tested(tables, "cellprofiler")
    lost = rows[activity.lost_cells(rows)]["Metadata_Treatment"]
    assert sorted(lost) == ["cpd-002 @ 5 µM", "cpd-003 @ 5 µM"]


def test_similarities_are_ordered_so_that_alike_ones_are_neighbours():
    profiles = pd.DataFrame(
        {"Metadata_Treatment": list("abcd"), "x": [1.0, 0.0, 0.9, 0.1], "y": [0.0, 1.0, 0.1, 0.9]}
    )
    rows, cosine = similarity.similarities(profiles)
    names = "".join(rows["Metadata_Treatment"])
    assert {"ac", "ca"} & {names[:2], names[2:]} and {"bd", "db"} & {names[:2], names[2:]}
    assert np.allclose(np.diag(cosine), 1) and np.allclose(cosine, cosine.T)


def test_similarity_survives_a_profile_of_zeros():
    profiles = pd.DataFrame({"Metadata_Treatment": list("abc"), "x": [0.0, 1.0, np.nan]})
    _, cosine = similarity.similarities(profiles)
    assert np.isfinite(cosine).all()


def test_bubbles_summarize_by_compartment_family_and_stain(tables):
    moved = bubbles.summary(tables).set_index(
        ["Metadata_Treatment", "compartment", "family", "channel"]
    )
    rows = tables.features.query(
        "Metadata_Treatment == 'cpd-001 @ 5 µM' and compartment == 'Cells' and family == 'Texture'"
        " and channel == 'ER'"
    )
    entry = moved.loc[("cpd-001 @ 5 µM", "Cells", "Texture", "ER")]
    assert entry["size"] == pytest.approx(rows["effect"].abs().median())


def test_an_image_made_from_a_stain_counts_as_that_stain():
    found = bubbles.stain(pd.Series(["Mito", "mito_tubeness", "DNA", None, "", "x_y"]))
    assert list(found) == ["Mito", "Mito", "DNA", "none", "none", "x_y"]


def test_a_few_huge_effects_do_not_shrink_all_other_bubbles():
    assert bubbles.ceiling(pd.Series([1.0] * 99 + [400.0])) == 2
    assert bubbles.ceiling(pd.Series([4000.0])) == 4000


def test_many_plates_run_through_one_scale_of_colours():
    plates = pd.Series([f"P{i:03d}" for i in range(40)])
    found = groups.by_plate(plates)
    assert len({group.colour for group in found}) == 40
    assert sum(group.rows.sum() for group in found) == 40


def test_a_plate_that_did_not_pass_is_marked_on_every_metric():
    rows = pd.DataFrame(
        {
            "Metadata_Plate": ["A", "A", "B", "B"],
            "metric": ["passed", "grit", "passed", "grit"],
            "flag": ["few-control-wells", "", "", ""],
        }
    )
    assert list(assay.marked(rows)) == [True, True, False, False]
    assert assay.measured(rows) == ["grit"]


def test_cluster_bars_count_every_treatment_once(tables):
    rows = tables.clusters.query("representation == 'cellprofiler' and method == 'leiden'")
    table = clusters.contents(rows)
    assert table.to_numpy().sum() == len(rows)
    assert list(table.sum(axis=1)) == sorted(table.sum(axis=1), reverse=True)


def test_treated_stand_above_controls_of_their_own_plate(tables):
    rows = tables.exemplars[tables.exemplars["Metadata_Treatment"] == "cpd-001 @ 5 µM"]
    shown = montage.pairs(rows, 2)
    assert list(shown["role"]) == ["treated", "control"] * 2
    assert list(shown["Metadata_Plate"]) == ["BR001", "BR001", "BR002", "BR002"]


def test_crops_of_one_well_are_drawn_side_by_side(study, tmp_path):
    table = pd.read_parquet(study / "exemplars.parquet").assign(
        Metadata_Plate="BR001", Metadata_Treatment="cpd-001 @ 5 µM"
    )
    table.to_parquet(tmp_path / "exemplars.parquet")
    (tmp_path / "exemplars.npz").write_bytes((study / "exemplars.npz").read_bytes())
    (figure,) = drawn(Tables(tmp_path), "montage")
    assert len(figure.figure.axes) == 2 * montage.MOST_CELLS * 6


def test_the_picture_of_an_unlabelled_well_is_called_by_its_well(study, tmp_path):
    shutil.copytree(study, tmp_path, dirs_exist_ok=True)
    table = pd.read_parquet(tmp_path / "exemplars.parquet").query("role == 'treated'").head(1)
    table.assign(Metadata_Treatment="BR001 B07").to_parquet(tmp_path / "exemplars.parquet")
    (figure,) = drawn(Tables(tmp_path), "montage")
    assert figure.caption.startswith("Well BR001 B07, whose treatment is not given.")
    words = {text.get_text() for axes in figure.figure.axes for text in axes.texts}
    assert "well" in words and "treated" not in words
    assert "control" not in figure.caption + figure.alt


@pytest.mark.parametrize(
    ("width", "size", "text"), [(320, 0.65, "50 µm"), (96, 0.65, "10 µm"), (96, np.nan, "20 px")]
)
def test_scale_bars_are_round_and_a_quarter_wide_at_most(width, size, text):
    length, shown = montage.bar_length(width, size)
    assert shown == text and 0.08 * width <= length <= 0.25 * width


def test_a_composite_of_unknown_stains_has_colour():
    picture = montage.composite(np.ones((3, 4, 4), dtype=np.float32), ["A", "B", "C"])
    assert picture.shape == (4, 4, 3) and picture.max() <= 1 and picture.min() >= 0


def test_the_commonest_mechanisms_get_colours_and_the_rest_is_grey():
    names = [f"m{i:02d}" for i in range(20) for _ in range(20 - i)]
    looks = groups.mechanism_looks([*names, None, np.nan])
    assert list(looks)[:2] == ["m00", "m01"] and len(looks) == groups.MOST
    assert len(set(looks.values())) == groups.MOST


def test_names_that_collide_get_a_number():
    figures = [Drawn(name, new_figure(1), "", "", "") for name in ("a", "a", "b")]
    assert [figure.name for figure in unique(figures)] == ["a", "a-2", "b"]


def test_long_names_are_wrapped_not_cut_and_file_names_are_safe():
    name = "4-[4-[[4-chloro-3-(trifluoromethyl)phenyl]carbamoylamino]phenoxy] @ 10 µM"
    lines = wrapped(name, 20).split("\n")
    assert max(map(len, lines)) <= 20 and "".join(lines).replace(" ", "") == name.replace(" ", "")
    assert wrapped("x" * 300, 20).endswith("…") and wrapped("x" * 300, 20).count("\n") == LINES - 1
    assert wrapped("", 20) == ""
    assert file_name("../../A b/µ.$(x)") == "..-..-a-b-.-x"


@pytest.fixture
def strange(make_study: Callable[..., Path]) -> Path:
    """A study whose treatments have names that mathtext, HTML and fonts trip over."""
    folder = make_study(treatments=6, plates=1, images=False)
    names = {f"cpd-{i + 1:03d} @ 5 µM": name for i, name in enumerate(STRANGE)}
    for path in folder.rglob("*.parquet"):
        pd.read_parquet(path).replace(names).to_parquet(path)
    hits = pd.read_csv(folder / "hits.csv").replace({"treatment": names})
    hits.to_csv(folder / "hits.csv", index=False)
    return folder


STRANGE = ["$x_1$", "<b>&amp;</b>", "化合物", "a" * 90, 'quote"s', "\\frac{1}"]


def test_names_that_look_like_markup_are_drawn_as_they_are(strange, tmp_path):
    tables = Tables(strange)
    with house_style():
        for group in ("activity", "similarity", "features"):
            for figure in figure_groups()[group](tables):
                save(figure, tmp_path)


def test_names_of_many_trainings_stand_inside_the_figure():
    folds = [f"held-out-group-of-treatments-{number}" for number in range(9)]
    keys = [(fold, epoch) for fold in folds for epoch in (1, 2)]
    rows = pd.DataFrame(keys, columns=["fold", "epoch"])
    rows = rows.assign(train_loss=1.0, validation_loss=2.0, validation_accuracy=0.5)
    with house_style():
        figure = curves._panels(rows)
        figure.draw_without_rendering()
        (legend,) = figure.legends
        box = legend.get_window_extent()
    assert [text.get_text() for text in legend.get_texts()] == [f.replace("-", " ") for f in folds]
    assert 0 <= box.x0 < box.x1 <= figure.bbox.width
    assert 0 <= box.y0 < box.y1 < min(axes.get_window_extent().y0 for axes in figure.axes)
