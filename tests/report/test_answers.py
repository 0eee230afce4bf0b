"""The sentences of the overview say what the tables say, and no more."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from phenolens.answers import active, best, doubts, limits, similar
from phenolens.answers.tables import Tables
from phenolens.findings import Finding
from phenolens.report import colours
from phenolens.report.methods import methods
from phenolens.report.references import REFERENCES
from phenolens.report.sections import activity, hits, overview
from phenolens.words.numbers import count, fixed, interval, listed, natural, number, p_value, within


@pytest.fixture
def copy(study: Path, tmp_path: Path) -> Path:
    return shutil.copytree(study, tmp_path / "study")


def changed(folder: Path, name: str, **columns: object) -> Tables:
    """The study with columns of one table replaced."""
    path = folder / f"{name}.parquet"
    pd.read_parquet(path).assign(**columns).to_parquet(path)
    return Tables(folder)


def spoken(answer: object) -> str:
    return " ".join([answer.short, *answer.sentences])


def test_no_active_treatment_is_said_plainly(copy):
    answer = active.answer(changed(copy, "activity", active=False, q=0.6))
    assert answer.short.startswith("None of the 24 treatments tested differs from its controls")
    assert "not evidence that they do nothing" in spoken(answer)


def test_a_design_that_cannot_reject_is_called_so(copy):
    answer = active.answer(changed(copy, "activity", active=False, q=0.6, p_attainable=0.2))
    assert "no treatment could have been called active" in spoken(answer)


def test_a_coarse_design_says_how_many_must_reach_the_floor(copy):
    answer = active.answer(changed(copy, "activity", p_attainable=0.01))
    assert "at least five treatments must reach it" in spoken(answer)


def test_untested_treatments_come_with_their_reason(copy):
    tables = changed(copy, "activity", q=np.nan, p=np.nan, active=False, note="one-well-only")
    answer = active.answer(tables)
    assert answer.state == "open" and "24 of 24: one well only; two are needed." in answer.sentences
    assert not any("active" in card.label for card in overview.view(tables)["cards"])


def test_what_was_tested_is_counted_among_what_there_is(copy):
    told = Tables(copy).activity
    none = told["Metadata_Treatment"] == told["Metadata_Treatment"].iloc[0]
    q, state = told["q"].mask(none), told["active"].astype("boolean").mask(none)
    answer = active.answer(changed(copy, "activity", q=q, p=q, active=state))
    assert " of 23 treatments tested (" in answer.short
    assert "(1 more could not be tested)" in answer.short
    shown = {hit.treatment: hit for hit in hits.view(Tables(copy))["hits"]}
    untested = shown[told["Metadata_Treatment"].iloc[0]]
    assert not untested.tested and not untested.active
    assert sum(hit.tested for hit in shown.values()) == 23


def test_position_that_could_explain_it_is_in_the_headline(copy):
    assert active.answer(changed(copy, "activity", position="")).state == "answered"
    answer = active.answer(changed(copy, "activity", position="layout-block"))
    assert answer.state == "doubtful"
    assert answer.short.endswith(
        " Position could explain it: the layout alone does not rule it out."
    )


def test_representations_not_separated_come_with_the_smallest_p_there_could_be(copy):
    rows = {"low": 0.01, "high": 0.2, "p": 0.125, "p_holm": 0.375, "smallest_p": 0.125}
    said = spoken(best.answer(changed(copy, "comparisons", **rows)))
    assert "P is 0.12" in said or "P is 0.13" in said
    assert "was the smallest possible" in said
    assert "The interval leaves out zero, but it is of this pair alone" in said
    rows |= {"low": -0.01}
    assert "leaves out zero" not in spoken(best.answer(changed(copy, "comparisons", **rows)))


def test_neighbours_of_the_same_compound_do_not_count(tables):
    nearest = similar.nearest_other(tables)
    compounds = tables.activity.drop_duplicates("Metadata_Treatment").set_index(
        "Metadata_Treatment"
    )
    same = compounds["Metadata_Compound"]
    assert (nearest["treatment"].map(same) != nearest["neighbour"].map(same)).all()


def test_without_active_treatments_nothing_is_called_alike(copy):
    answer = similar.answer(changed(copy, "activity", active=False))
    assert answer.state == "open" and "Fewer than two treatments are active" in answer.short


def test_without_mechanisms_only_pairs_are_named(copy):
    answer = similar.answer(changed(copy, "activity", Metadata_Mechanism=None))
    assert answer.short.startswith("Closest active treatments of different compounds")
    assert "in the same mechanism" not in spoken(answer)
    assert "No mechanism is annotated" in spoken(limits.answer(Tables(copy)))


def test_a_flagged_plate_and_lost_cells_are_doubts(tables):
    text = spoken(doubts.answer(tables))
    assert "1 of 4 plates flagged: BR003 (cell count of controls varies by 14%)" in text
    assert "may simply be toxic: cpd-002" in text


def test_a_clean_study_is_called_clean(copy):
    for name in ("ledger.json", "assay.parquet"):
        (copy / name).unlink()
    (copy / "audit.json").write_text("[]")
    answer = doubts.answer(changed(copy, "activity", cell_count_ratio=1.0))
    assert answer.state == "answered" and answer.sentences == []


def test_an_uncertain_difference_is_not_a_ranking(copy):
    answer = best.answer(changed(copy, "comparisons", p_holm=0.4))
    assert "this design cannot separate it from Pixel PCA" in answer.short
    assert "only a difference of 0.07 or more would have been seen" in spoken(answer)


def test_a_score_no_better_than_its_baseline_is_said_to_show_nothing(copy):
    answer = best.answer(changed(copy, "results", low=0.0))
    assert "so nothing is shown beyond it" in spoken(answer)


def test_a_study_whose_baselines_win_is_headed_by_that(copy):
    frame = pd.read_parquet(copy / "results.parquet")
    won = frame["representation"].eq("baseline:position") & frame["low"].notna()
    answer = best.answer(changed(copy, "results", value=frame["value"].where(~won, 1.0)))
    assert answer.state == "doubtful" and answer.short.startswith(
        "A baseline outdoes every representation in classification: position only reaches 1.00"
    )


def test_a_study_that_only_reaches_its_baselines_is_headed_by_that(copy):
    answer = best.answer(changed(copy, "results", low=0.0))
    assert "no representation is shown to beat its baselines" in answer.short


def refuse(folder: Path, *asked: tuple[str, str, Finding]) -> Tables:
    """The study with questions that had no answer."""
    items = [
        {"representation": who, "question": question} | why.data() | {"why": why.text}
        for who, question, why in asked
    ]
    (folder / "unanswered.json").write_text(json.dumps(items))
    return Tables(folder)


def test_questions_that_could_not_be_answered_are_limits_with_their_reason(copy):
    none = Finding("no-control", "error", {"representation": "cnn"}, {})
    said = spoken(limits.answer(refuse(copy, ("cnn", "assay quality", none))))
    assert "Assay quality, for CNN. No usable well of 'CNN' is a negative control" in said


def test_questions_refused_for_one_reason_stand_together_without_names_of_columns(copy):
    place = Finding("one-place-only", "error", {}, {"place": "Metadata_Batch"})
    few = Finding("too-few-positions", "error", {}, {"control_positions": 3})
    tables = refuse(
        copy,
        ("cnn", "retrieval across batch", place),
        ("vae", "retrieval across batch", place),
        ("cnn", "nscb_accuracy", place),
        ("vae", "nscb_accuracy", place),
        ("cnn", "activity", few),
    )
    left = [one for one in limits.answer(tables).details if one.code == "limits-refused"]
    assert [one.about["representation"] for one in left] == [["cnn", "vae"], ["cnn"]]
    assert left[0].values["questions"] == ["retrieval across batch", "nscb_accuracy"]
    assert "has wells in two values of batch." in left[0].text


def test_a_representation_that_could_not_be_judged_is_named_where_they_are_compared(copy):
    frame = pd.read_parquet(copy / "activity.parquet")
    cnn = frame["representation"] == "cnn"
    columns = {"q": frame["q"].mask(cnn), "note": np.where(cnn, "fewer-than-two-compared", "")}
    text = spoken(best.answer(changed(copy, "activity", **columns)))
    assert "By CNN no treatment could be tested (24 treatments): " in text
    assert "fewer than two of its wells can be compared." in text
    assert "By Pixel PCA" not in text


def test_a_position_safe_test_is_named_with_what_the_usual_one_would_say(copy):
    plain = {"test": "label-permutation", "called": 29, "treatments_called": 20}
    tables = with_check(copy, **plain)
    text = spoken(active.answer(tables))
    assert "permuting wells would call 20 of 24 treatments, but also 29 of 64 groups" in text
    assert "One layout is repeated on every plate" in written(tables)


def with_check(folder: Path, **columns: object) -> Tables:
    """The study with a control check of the lead's test."""
    check = {
        "representation": "cellprofiler", "part": 0, "test": "position-safe",
        "shape": "same-position", "wells": 4, "groups": 64, "called": 2, "share": 2 / 64,
        "low": 0.004, "high": 0.108, "called_at_alpha": 2, "p_attainable": 1 / 57, "rows": 16,
        "rows_used": 16, "columns": 22, "columns_used": 24, "treatments": 24,
        "treatments_called": 18, "outcome": "calibrated", "why": "", "covered": True,
        "space": "normalized",
    }  # fmt: skip
    pd.DataFrame([check | columns]).to_parquet(folder / "control_check.parquet")
    return changed(folder, "activity", test="position-safe")


def card_of(tables: Tables) -> object:
    return overview.view(tables)["cards"][0]


def test_a_test_that_holds_on_controls_gets_a_tick(copy):
    tables = with_check(copy)
    answer = active.answer(tables)
    assert answer.state == "answered" and "✓ Control check: 2 of 64 groups of controls" in spoken(
        answer
    )
    assert "✓ 2 of 64 groups of controls called" in card_of(tables).note
    assert activity.view(tables)["checks"][0]["outcome"].startswith("✓")


@pytest.mark.parametrize(
    ("told", "said", "state"),
    [
        (
            {"called": 31, "outcome": "calls-controls"},
            "called than the 5 % that are due",
            "doubtful",
        ),
        ({"groups": 9, "outcome": "too-few-groups"}, "9 groups cannot certify 5 %", "answered"),
        (
            {"groups": 0, "outcome": "not-possible", "why": "wells-not-named"},
            "layout: the names of the wells cannot be read",
            "answered",
        ),
        ({"covered": False}, "They do not lie where the treatments lie", "answered"),
    ],
)
def test_a_test_that_is_not_certified_gets_none(copy, told, said, state):
    tables = with_check(copy, **told)
    answer, (row,) = active.answer(tables), activity.view(tables)["checks"]
    assert said in spoken(answer) and answer.state == state
    assert card_of(tables).tone == ("warn" if state == "doubtful" else "plain")
    shown = f"{spoken(answer)} {row['outcome']} {card_of(tables).note}"
    assert "✓" not in shown


def with_share(folder: Path, **columns: object) -> Tables:
    """The study as one whose design names no single hit."""
    share = {
        "representation": "cellprofiler", "tests": 24, "p_attainable": 1 / 33, "needed": 15,
        "limit": "design", "threshold": 0.05, "called": 12, "groups": 32, "groups_called": 1,
        "share": 0.47, "low": 0.31, "withheld": "", "positions_needed": 60, "plates_needed": 3,
        "permutations_needed": 479, "space": "normalized",
    }  # fmt: skip
    pd.DataFrame([share | columns]).to_parquet(folder / "share_active.parquet")
    return changed(folder, "activity", active=False, q=0.6)


def test_where_no_hit_can_be_named_the_answer_is_a_share_with_its_bound(copy):
    tables = with_share(copy)
    answer = active.answer(tables)
    assert answer.short.startswith("This design cannot name single hits")
    assert answer.state == "doubtful"
    assert "at least 31 % of the treatments are active" in spoken(answer)
    assert "Farthest from controls first, none of them certain" in spoken(answer)
    assert "None of the 24" not in spoken(answer)
    assert card_of(tables).value == "at least 31 %"
    assert "Which treatments are active. This design cannot" in spoken(limits.answer(tables))
    assert "about 60 control positions" in activity.view(tables)["no_hit"][0]["said"].remedy


def test_a_share_that_is_withheld_gives_its_reason_and_no_number(copy):
    tables = with_share(copy, share=np.nan, low=np.nan, withheld="controls-not-among-treatments")
    said = "no share of active treatments is given: the controls do not lie where the treatments"
    assert said in spoken(active.answer(tables))
    assert card_of(tables).value == "none certain"


def test_a_mechanism_of_several_labels_matches_by_any_of_them():
    facts = pd.DataFrame({"compound": list("ab"), "mechanism": ["x|y", "y|z"]})
    assert similar.blind(facts, facts) == 2
    nearest = pd.DataFrame(
        {"compound": ["a"], "neighbour_compound": ["b"], "mechanism": ["x|y"],
         "neighbour_mechanism": ["y|z"]}
    )  # fmt: skip
    assert similar.together(nearest) == {"y": ["a", "b"]}


def test_a_refused_split_is_a_limit(copy):
    values = {"label": "Metadata_Treatment", "classes": 3, "leave_out": "plate"}
    refused = Finding("class-in-one-unit", "error", {}, values)
    (copy / "splits.json").write_text(json.dumps({"refused": refused.to_dict()}))
    said = spoken(limits.answer(Tables(copy)))
    assert "No class of 'treatment' (3 classes) occurs in two or more" in said


def test_the_lead_is_the_one_that_the_study_names_else_the_first(copy):
    assert Tables(copy).lead == "cellprofiler"
    (copy / "provenance.json").write_text('{"lead": "cnn"}')
    assert Tables(copy).lead == Tables(copy).representations[0] == "cnn"
    (copy / "provenance.json").unlink()
    assert Tables(copy).lead == "cellprofiler"


def test_colours_stay_with_the_usual_representations():
    one = colours.of(["pixel-pca", "mine"])
    two = colours.of(["cellprofiler", "mine", "pixel-pca", "yours"])
    assert one["pixel-pca"] == two["pixel-pca"]
    assert len(set(two.values())) == 4
    assert colours.of(["baseline:position"])["baseline:position"] not in colours.COLOURS


def test_methods_cite_only_what_was_done(tables, tmp_path):
    text = methods(tables)
    numbers = [n for _, pieces in text.paragraphs for piece in pieces for n in piece.cites]
    assert sorted(set(numbers)) == list(range(1, len(text.references) + 1))
    assert methods(Tables(tmp_path)).paragraphs == []


def written(tables: Tables) -> str:
    return " ".join(p.text for _, pieces in methods(tables).paragraphs for p in pieces)


def test_profiles_that_came_normalized_are_not_said_to_be_scaled(copy):
    settings = (
        '[normalize]\nmethod = "mad"\naggregate = "median"\n[[data.profiles]]\nname = "cnn"\n'
    )
    path = copy / "study.resolved.toml"
    path.write_text(settings + "normalized = true\n")
    text = written(Tables(copy))
    assert "Those of CNN came normalized and were not scaled again." in text
    assert "was scaled by" not in text and "aggregated" not in text
    path.write_text(settings + "normalized = false\nlevel = 'cell'\n")
    text = written(Tables(copy))
    assert "Each plate was scaled by the median" in text and "aggregated to wells" in text


def test_every_reference_can_be_cited_and_has_a_link(tables):
    cited = {reference.text for reference in methods(tables).references}
    assert {reference.text for reference in REFERENCES.values()} >= cited
    assert all(r.link.startswith("https://") and r.text.endswith(".") for r in REFERENCES.values())


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0432, "0.043"), (0.0004, "0.0004"), (2e-6, "2×10⁻⁶"), (1.0, "1.000"), (np.nan, "–")],
)
def test_p_values_read_well(value, text):
    assert p_value(value) == text


def test_numbers_and_lists_read_well():
    assert [number(v) for v in (0.123456, 1234.5, np.nan, 0, 7, -0.5)] == [
        "0.123", "1,234", "–", "0", "7", "−0.500",
    ]  # fmt: skip
    assert fixed(-0.126) == "−0.13" and interval(np.nan, 1) == "" and interval(0, 1) == "0 to 1"
    assert sorted(["W10", "W2", "W1b"], key=natural) == ["W1b", "W2", "W10"]
    assert listed(["a"]) == "a" and listed("abc") == "a, b and c"
    assert listed("abcdef", 3) == "a, b, c and 3 more"
    assert count(1, "well") == "one well" and count(2867, "field") == "2,867 fields"
    assert [within(x) for x in ("Macro F1", "CNN", "mAP")] == ["macro F1", "CNN", "mAP"]
