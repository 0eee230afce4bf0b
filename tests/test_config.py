"""The study file refuses what it does not know, and says where."""

from __future__ import annotations

import pytest

from phenolens.config import read_study
from phenolens.errors import ConfigError
from phenolens.represent.base import kinds_of, options_of
from phenolens.represent.pixel_pca import PixelPCA

SHORTEST = '[[data.profiles]]\nname = "cp"\nfiles = "p.csv"\n'
IMAGES = '[data.images]\ntable = "i.csv"\n'
ENCODER = (
    SHORTEST
    + IMAGES
    + """
[[encoders]]
name = "few"
kind = "pixel-pca"
[encoders.settings]
components = 3
"""
)


def read(tmp_path, text: str):
    path = tmp_path / "study.toml"
    path.write_text(text)
    return read_study(path)


def test_the_shortest_study_has_every_default(tmp_path):
    study = read(tmp_path, SHORTEST)
    assert study.evaluate.permutations == 10_000
    assert study.data.profiles[0].level == "well"


def test_an_encoder_has_its_settings_before_those_it_shares_and_is_a_representation(tmp_path):
    text = ENCODER + '[[encoders]]\nname = "many"\nkind = "pixel-pca"\n'
    shared = '[represent]\ncomponents = 7\npixel_size = 32\nrepresentations = ["many+cp"]\n'
    study = read(tmp_path, text + shared)
    assert study.represent.representations == ["many+cp", "few", "many"]
    values = study.model_dump()
    kinds = kinds_of(values)
    found = [options_of(kinds[name], values).model_dump() for name in ("few", "many", "pixel-pca")]
    assert [options["components"] for options in found] == [3, 7, 7]
    assert {options["pixel_size"] for options in found} == {32}
    assert issubclass(kinds["few"], PixelPCA) and kinds["few"].label == "few"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[data]\n", r"give \[data.images\]"),
        (SHORTEST + "[evaluate]\npermutation = 5\n", "'evaluate.permutation' is not a setting"),
        (SHORTEST + "[splits]\nleave_outs = 'well'\n", "did you mean 'leave_out'"),
        (SHORTEST + "[split]\nleave_out = 'well'\n", "'split' .*did you mean 'splits'"),
        (SHORTEST + "filse = 'p.csv'\n", "'data.profiles.0.filse' .*did you mean 'files'"),
        (SHORTEST + "[data.images]\ntabel = 'p.csv'\n", "did you mean 'table'"),
        ("[data]\nexclude_marks = ['hit']\n" + SHORTEST, "exclude_marks needs marks"),
        ("[data]\nmarks = 'm'\nexclude_marks = ['no']\n" + SHORTEST, "'data.exclude_marks"),
        (SHORTEST + "[splits]\nmoon = 1\n", "setting we know .see docs/study-file.md"),
        (SHORTEST + "[evaluate]\npermutations = 0\n", "'evaluate.permutations'.*got 0"),
        (SHORTEST + "[splits]\nleave_out = 'moon'\n", "'splits.leave_out'"),
        (SHORTEST + SHORTEST, "share a name"),
        ("[data\n", "not valid TOML"),
        (f"a = {'1' * 5000}", "not valid TOML: .*4300 digits"),
        ("a = " + "[" * 9000 + "]" * 9000, "not valid TOML: its lists nest too deep"),
        ("# a page\n" * 300_000, "has 3 MB and is no study file"),
        (SHORTEST.replace('"p.csv"', "[]"), "'data.profiles.0.files': it names no file"),
        ("", "'data' is missing"),
        ("[study]\nname = 1979-05-27\n[data]\ncontrols = 07:32:00\n", "'study.name'.*a valid str"),
        (SHORTEST + "[study]\nseed = 9223372036854775808\n", "'study.seed'.*4294967295"),
        (SHORTEST + "[study]\nseed = -1\n", "'study.seed'.*greater than or equal to 0"),
        ("[study]\nname = 'x'\n", "'data' is missing"),
        (
            ENCODER.replace("pixel-pca", "pixl-pca"),
            "'encoders.few.kind'.* 'pixl-pca'; did you",
        ),
        (ENCODER.replace("pixel-pca", "moon"), "'encoders.few.kind'.* there are cellprofiler, "),
        (ENCODER.replace('"few"', '"cnn"'), "'encoders.cnn': there is a representation"),
        (
            ENCODER.replace('"few"', '"cp"'),
            r"'encoders.cp': there is \[\[data.profiles\]\]",
        ),
        (
            ENCODER.replace('"few"', '"noise"'),
            "'encoders.noise': there is a representation",
        ),
        (ENCODER.replace('"few"', '"A b"'), "'encoders.0.name': 'A b' is no name of an encoder"),
        (ENCODER + ENCODER.removeprefix(SHORTEST + IMAGES), "'encoders.few': there is another of"),
        (ENCODER.replace(IMAGES, ""), r"'encoders.few': there is no .data.images."),
        (ENCODER + "moon = 3\n", "'encoders.few.settings.moon' is not a setting we know"),
        (ENCODER + "component = 3\n", "settings.component' is not .* did you mean 'components'"),
        (ENCODER + "groups = 3\n", "settings.groups' is not .* did you mean 'networks.groups'"),
        (ENCODER + "pixel_size = 'x'\n", "'encoders.few.settings.pixel_size': .*got 'x'"),
        (ENCODER + "[represent.few]\ncomponents = 3\n", "'represent.few': write it as settings of"),
    ],
)
def test_faults_are_named_with_their_place(tmp_path, text, said):
    with pytest.raises(ConfigError, match=said):
        read(tmp_path, text)


def test_a_missing_study_file_says_how_to_get_one(tmp_path):
    with pytest.raises(ConfigError, match="phenolens init"):
        read_study(tmp_path / "nothing.toml")
