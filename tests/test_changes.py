"""Settings written on the command line: dotted keys and values of TOML."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phenolens.changes import Change, changed, parse, placed
from phenolens.config import read_study, require_known
from phenolens.errors import ConfigError


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "study.toml"
    path.write_text(
        '[data.images]\ntable = "t.csv"\n\n[[data.profiles]]\nname = "a"\nfiles = "a.csv"\n',
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize(
    ("written", "path", "value"),
    [
        ("data.images.root=/images", ("data", "images", "root"), "/images"),
        ("data.images.pixel_size_um = 0.6", ("data", "images", "pixel_size_um"), 0.6),
        ('data.images.channels=["DNA", "ER"]', ("data", "images", "channels"), ["DNA", "ER"]),
        ("data.images.projection=best focus", ("data", "images", "projection"), "best focus"),
        ('data.images.files."a b"=x', ("data", "images", "files", "a b"), "x"),
        ("evaluate.hub_correction=true", ("evaluate", "hub_correction"), True),
        (
            "data.controls=\"Metadata_Compound == 'DMSO'\"",
            ("data", "controls"),
            "Metadata_Compound == 'DMSO'",
        ),
        ("data.controls=compound == 'DMSO'", ("data", "controls"), "compound == 'DMSO'"),
        ("data.profiles.0.level=cell", ("data", "profiles", "0", "level"), "cell"),
        ("data.images.root=s3://a b/[1]#2", ("data", "images", "root"), "s3://a b/[1]#2"),
    ],
)
def test_a_key_and_a_value(written, path, value):
    assert parse([written]) == [Change(path, value)]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("data.images.root", "takes key=value, such as data.images.root=/images; got"),
        ("=3", "takes key=value"),
        ("a b=3", "takes key=value"),
        ("data.images.channels=[DNA]", "is no value of TOML for data.images.channels"),
        ("data.images.channels=", "nothing is no value of TOML"),
    ],
)
def test_what_is_no_change_says_how_one_looks(written, said):
    with pytest.raises(ConfigError, match=said):
        parse([written])


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("data.imges.root=x", "'data.imges' is not a setting we know; did you mean 'images'?"),
        ("data.images.chanels=[]", "'data.images.chanels' is not a setting we know; did you mean"),
        ("dat.images.root=x", "'dat' is not a setting we know; did you mean 'data'?"),
        ("data.profiles.0.levl=cell", "'data.profiles.0.levl' is not a setting we know; did you"),
        ("data.profiles.a.levl=cell", "'data.profiles.a.levl' is not a setting we know; did you"),
        ("seed=3", "'seed' is not a setting we know; did you mean 'study.seed'?"),
        ("run.seed=3", "'run' is not a setting we know; did you mean 'study.seed'?"),
        ("sed=3", "'sed' is not a setting we know; did you mean 'study.seed'?"),
        ("nuclei=DNA", "'nuclei' is not a setting we know; did you mean 'data.images.nuclei'?"),
        ("data.clusters=4", "'data.clusters' is not a setting we know; did you mean 'evaluate.cl"),
        ("level=cell", "did you mean 'data.images.level' or 'data.profiles.0.level'?"),
        ("represent.cnn.epoch=3", "'represent.cnn.epoch' is not a setting we know; did you mean"),
    ],
)
def test_an_unknown_key_names_the_nearest(study, written, said):
    with pytest.raises(ConfigError) as refused:
        read_study(study, changes=[written])
    assert said.rstrip("?") in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_study_with_changes(study):
    read = read_study(
        study,
        changes=["data.images.nuclei=DNA", "data.profiles.0.level=cell", "evaluate.clusters=4"],
    )
    assert (read.data.images.nuclei, read.data.images.table) == ("DNA", "t.csv")
    assert (read.data.profiles[0].level, read.evaluate.clusters) == ("cell", 4)


def test_a_block_goes_by_its_name_as_by_its_number(study):
    by_name, by_number = (
        read_study(study, changes=[f"data.profiles.{block}.level=cell"]) for block in ("a", "0")
    )
    assert by_name == by_number
    assert by_name.data.profiles[0].level == "cell"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("data.profiles.b.level=cell", "there is no data.profiles.b; data.profiles has 1.*: 'a'"),
        ("data.profiles.level=cell", "there is no data.profiles.level; data.profiles has 1"),
        ("data.profiles.3.level=cell", "there is no data.profiles.3; data.profiles has 1"),
        ("data.images.table.x=1", "there is no data.images.table.x; data.images.table is a value"),
        ("evaluate.clusters=many", r"with changes \(--set\): 'evaluate.clusters'"),
    ],
)
def test_what_cannot_be_placed_or_taken_is_refused(study, written, said):
    with pytest.raises(ConfigError, match=said):
        read_study(study, changes=[written])


def test_files_are_written_whole_and_columns_are_not():
    folder = Path("/study")
    written = ["data.images.root=../i", "data.images.file=col", 'data.profiles.0.files=["a","/b"]']
    root, column, files = (placed(one, folder).value for one in parse(written))
    assert (root, column, files) == ("/i", "col", ["/study/a", "/b"])


VALUES = st.recursive(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]))
    | st.integers(-(2**60), 2**60)
    | st.booleans(),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


@given(value=VALUES)
def test_any_value_of_toml_arrives(value):
    (change,) = parse([f"data.x={json.dumps(value, ensure_ascii=False)}"])
    assert change.value == value
    assert changed({}, [change]) == {"data": {"x": value}}


def test_changes_do_not_touch_what_was_handed_in():
    study = tomllib.loads("[data]\nmodality = 'compound'")
    changed(study, parse(["data.modality=genetic"]))
    assert study == {"data": {"modality": "compound"}}


def test_known_settings_pass():
    require_known(parse(["data.images.files.DNA=x", "represent.cnn.epochs=3", "study.seed=1"]))
