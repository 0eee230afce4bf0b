"""Steps: each returns what it found, one place writes, and no step touches another's files."""

from __future__ import annotations

import pandas as pd
import pytest

from phenolens import study
from phenolens.files import read_json
from phenolens.findings import Finding
from phenolens.io.ledger import SetAside
from phenolens.study.step import STEPS, VERBS, Made, step, steps, take

DAMAGED = Finding("images-not-readable", "warning")


@pytest.fixture
def session(wells):
    return study.open_study(wells.study, out=wells.out, jobs=1)


@pytest.fixture
def registry():
    """Steps added in a test are forgotten after it."""
    with STEPS.copied():
        yield


def test_every_step_comes_after_what_it_needs_and_belongs_to_a_verb():
    known = list(steps().values())
    for place, item in enumerate(known):
        before = {other.name for other in known[:place]}
        assert set(item.needs) <= before, item.name
        assert item.verb in VERBS
    assert set(VERBS) <= {item.name for item in known}


def test_two_steps_do_not_claim_one_file():
    claimed = [pattern for item in steps().values() for pattern in item.gives]
    twice = {pattern for pattern in claimed if claimed.count(pattern) > 1}
    assert twice == {"profiles/*"}  # representations, then their fusions, each by its own name


def test_a_step_from_elsewhere_is_taken_with_what_it_needs(registry, session):
    @step("extra/*.parquet", "extra.json", verb="check")
    def extra(session, *, screen):
        table = screen.wells[["Metadata_Plate", "Metadata_Well"]]
        return Made(len(table), {"extra/wells.parquet": table, "extra.json": {"n": len(table)}})

    assert take(session, "extra") == read_json(session.out / "extra.json")["n"]
    assert read_json(session.out / "files.json") == {"extra": ["extra.json", "extra/wells.parquet"]}
    assert not (session.out / "splits.parquet").exists()


def test_a_step_is_taken_once_a_session(registry, session):
    taken = []

    @step(verb="check")
    def counted(session):
        taken.append(session)
        return Made(len(taken))

    assert take(session, "counted") == take(session, "counted") == 1


def test_what_a_step_no_longer_makes_is_taken_away(registry, wells):
    made = {"a.parquet": pd.DataFrame({"x": [1]}), "b.json": {"x": 1}}

    @step("*.parquet", "*.json", verb="check")
    def changing(session):
        return Made(None, made)

    take(study.open_study(wells.study, out=wells.out, jobs=1), "changing")
    (wells.out / "mine.json").write_text("{}")
    made["a.parquet"] = pd.DataFrame({"x": []})
    take(study.open_study(wells.study, out=wells.out, jobs=1), "changing")
    assert not (wells.out / "a.parquet").exists()
    assert (wells.out / "b.json").exists() and (wells.out / "mine.json").exists()


def test_a_file_that_is_not_declared_is_refused(registry, session):
    @step("a.json", verb="check")
    def sly(session):
        return Made(None, {"results.parquet": pd.DataFrame({"x": [1]})})

    with pytest.raises(
        ValueError, match=r"'sly' does not declare that it gives 'results\.parquet'"
    ):
        take(session, "sly")
    assert not (session.out / "results.parquet").exists()


def test_a_step_is_refused_that_cannot_be_placed(registry):
    @step(verb="check")
    def lonely(session, *, nowhere):
        return Made()

    with pytest.raises(ValueError, match="'lonely' needs 'nowhere', and there is no such step"):
        steps()
    with pytest.raises(ValueError, match="There is a step 'screen' already"):
        step(verb="check", name="screen")(lambda session: Made())
    with pytest.raises(ValueError, match="belongs to one of"):
        step(verb="later", name="late")(lambda session: Made())


def test_steps_that_need_one_another_are_refused(registry):
    step(verb="check", name="hen")(lambda session, *, egg: Made())
    step(verb="check", name="egg")(lambda session, *, hen: Made())
    with pytest.raises(ValueError, match="Steps need one another: egg > hen > egg"):
        steps()


def test_a_lone_check_keeps_what_later_steps_set_aside(registry, wells):
    @step(verb="prepare")
    def damaged(session, *, screen):
        return Made(
            set_aside=[SetAside(DAMAGED, well="A01")],
            counts={"damaged": 1},
        )

    first = study.open_study(wells.study, out=wells.out, jobs=1)
    take(first, "damaged")
    before = read_json(wells.out / "ledger.json")
    study.check(study.open_study(wells.study, out=wells.out, jobs=1))
    after = read_json(wells.out / "ledger.json")
    assert after["set_aside"] == before["set_aside"]
    assert after["counts"] == before["counts"]
    assert {entry["step"] for entry in after["joins"]} == {"screen"}
    study.check(study.open_study(wells.study, out=wells.out, jobs=1, seed=4))
    assert "damaged" not in read_json(wells.out / "ledger.json")["counts"]


def test_the_verbs_are_the_steps_of_the_command():
    from phenolens.cli.study import STEPS

    assert list(STEPS) == [*VERBS, "run"]


def test_no_step_reads_or_writes_a_file_of_the_study_itself():
    """Only the runner does; the report and the cells, too many to hold, are handed on by place."""
    import ast
    from pathlib import Path

    import phenolens

    root = Path(phenolens.__file__).parent
    forbidden = {"phenolens.files", "phenolens.schema"}
    calls = {
        "read_frame",
        "read_json",
        "read_parquet",
        "to_parquet",
        "to_csv",
        "write_text",
        "open",
    }
    for path in [*root.glob("study/steps/*.py"), *root.glob("published/steps/*.py")]:
        tree = ast.parse(path.read_text())
        imported = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        called = {getattr(n, "attr", getattr(n, "id", "")) for n in ast.walk(tree)}
        assert not imported & forbidden and not called & calls, path.name
