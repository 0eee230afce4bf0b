"""Encoders that Python hands to a study, and those that fail: one line that names them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from phenolens import study
from phenolens.errors import ConfigError, InputError
from phenolens.represent.base import REPRESENTATIONS, Options, Representation
from phenolens.study.session import Session, open_study
from phenolens.study.step import take


class StainOptions(Options):
    power: float = 1.0


class Stains(Representation):
    """Mean of each stain, to a power."""

    name = "stains"
    label = "Mean of each stain"
    kind = "unsupervised"
    reads = "images"
    methods = "Stains are means to the power {power}."
    Options = StainOptions

    def __init__(self, power: float) -> None:
        self.power = power

    @classmethod
    def of(cls, options, *, level, seed):
        return cls(options.power)

    def extract(self, prepared, rows, *, progress=None):
        means = [prepared.pixels(int(row)).mean(axis=(1, 2)) for row in rows]
        return (np.stack(means) ** self.power).astype(np.float32)


@dataclass(frozen=True)
class Frozen(Stains):
    """As an object: with a name of its own, and nothing in the study file."""

    power: float = 1.0
    name: str = "roots"
    label: ClassVar[str] = "Roots"


class Raises(Stains):
    name = "raises"
    learns = "pixels"

    def fit(self, prepared, rows, *, labels=None, seed=0, progress=None):
        raise ZeroDivisionError("no plate\nto divide by")


class Lost(Stains):
    name = "lost"

    def extract(self, prepared, rows, *, progress=None):
        return super().extract(prepared, rows) * np.float32(np.nan)


class Short(Stains):
    name = "short"

    def extract(self, prepared, rows, *, progress=None):
        return super().extract(prepared, rows[:-1])


class Ragged(Stains):
    name = "ragged"

    def extract(self, prepared, rows, *, progress=None):
        return [[0.5] * (1 + row % 2) for row in range(len(rows))]


class Beyond(Stains):
    name = "beyond"

    def extract(self, prepared, rows, *, progress=None):
        return super().extract(prepared, rows).astype(float) * 1e300


class Featureless(Stains):
    name = "featureless"

    def extract(self, prepared, rows, *, progress=None):
        return super().extract(prepared, rows)[:, :0]


class Listed(Stains):
    name = "listed"

    def extract(self, prepared, rows, *, progress=None):
        return super().extract(prepared, rows).tolist()


class Tensors(Stains):
    name = "tensors"

    def extract(self, prepared, rows, *, progress=None):
        torch = pytest.importorskip("torch")
        return torch.tensor(super().extract(prepared, rows)).requires_grad_()


class Blind(Representation):
    name, label, kind = "blind", "Blind", "unsupervised"


class Unlearned(Stains):
    name = "unlearned"
    learns = "pixels"


class Wordless(Stains):
    name = "wordless"

    def card(self, prepared, *, fold="all"):
        return None


class Odd(Stains):
    name = "odd"
    learns = "everything"


@pytest.fixture(scope="module")
def folder(simulated, tmp_path_factory):
    """The simulated screen, prepared; each test has its own representations."""
    copy = tmp_path_factory.mktemp("brought") / "copy"
    shutil.copytree(simulated, copy)
    text = (copy / "study.toml").read_text()
    text = text.replace("[represent]", "[represent]\nrepresentations = []")
    (copy / "study.toml").write_text(text)
    study.prepare(opened(copy))
    return copy


def opened(folder, *encoders, changes=()) -> Session:
    return open_study(
        folder / "study.toml", out=folder / "out", jobs=1, encoders=encoders, changes=changes
    )


def block_of(session: Session, name: str):
    study.represent(session)
    return take(session, "represent").blocks[name]


def test_a_class_has_its_options_in_the_study_file(folder):
    first = block_of(opened(folder, Stains), "stains")
    other = block_of(opened(folder, Stains, changes=["represent.stains.power=2"]), "stains")
    assert first.cards["all"].kind == "unsupervised"
    assert not np.allclose(first.wells, other.wells)
    with pytest.raises(ConfigError, match=r"'represent.stains.pow' is not .* mean 'power'"):
        opened(folder, Stains, changes=["represent.stains.pow=2"])
    both = ['encoders=[{name = "squares", kind = "stains", settings = {power = 2.0}}]']
    assert np.array_equal(
        block_of(opened(folder, Stains, changes=both), "squares").wells, other.wells
    )


def test_an_object_is_made_as_it_is_and_anew_when_it_has_changed(folder):
    session = opened(folder, Frozen(0.5))
    assert session.study.represent.representations == ["roots"]
    assert session.kinds["roots"].learns == "nothing"
    root = block_of(session, "roots").wells
    assert np.array_equal(block_of(opened(folder, Frozen(0.5)), "roots").wells, root)
    assert not np.allclose(block_of(opened(folder, Frozen(0.25)), "roots").wells, root)


@pytest.mark.parametrize("encoder", [Listed, Tensors])
def test_lists_and_tensors_are_taken_as_the_numbers_they_hold(folder, encoder):
    same = block_of(opened(folder, Stains), "stains").wells
    assert np.array_equal(block_of(opened(folder, encoder), encoder.name).wells, same)


def test_a_notebook_may_hand_in_a_class_and_then_its_object_and_back(folder):
    square = ["represent.stains.power=2"]
    known = block_of(opened(folder, Stains, changes=square), "stains").wells
    assert np.array_equal(block_of(opened(folder, Stains(2.0)), "stains").wells, known)
    assert np.array_equal(block_of(opened(folder, Stains, changes=square), "stains").wells, known)
    with pytest.raises(ConfigError, match="two are called 'stains'"):
        opened(folder, Stains, Stains(2.0))


@pytest.mark.parametrize(
    ("encoder", "said"),
    [
        (Raises, r"'raises' failed in fit, fold all: ZeroDivisionError: no plate to divide by \(.*"
                 r"test_encoders_brought.py, line \d+\)"),
        (Lost, r"'lost', fold all, gave values that are not finite for 28 of 28 images"),
        (Short, r"'short', fold all, gave float32 of shape \(27, 5\) for 28 images"),
        (Ragged, r"'ragged', fold all, gave rows of different lengths for 28 images"),
        (Beyond, r"'beyond', fold all, gave values that are not finite for 28 of 28 images"),
        (Featureless, r"'featureless', fold all, gave float32 of shape \(28, 0\) .* one feature"),
        (Wordless, r"'wordless' failed in card, fold all: AttributeError"),
    ],
)  # fmt: skip
def test_one_that_fails_is_named_in_one_line(folder, encoder, said):
    session = opened(folder, encoder)
    with pytest.raises(InputError, match=said) as error:
        study.represent(session)
    assert "\n" not in str(error.value)


def test_two_sessions_with_encoders_of_one_name_do_not_see_each_others(folder, tmp_path):
    def of(power: float, *more) -> Session:
        return open_study(folder / "study.toml", out=tmp_path / f"{power}", encoders=[
            Frozen(power), *more])  # fmt: skip

    one, other = of(1.0), of(2.0, Stains)
    assert "stains" in other.kinds
    assert "stains" not in one.kinds
    with one.own_encoders():
        assert REPRESENTATIONS.get("roots").of(None, level="field", seed=0).power == 1.0
        with other.own_encoders():
            assert REPRESENTATIONS.get("roots").of(None, level="field", seed=0).power == 2.0
    assert not {"roots", "stains"} & set(REPRESENTATIONS.names())
    first, second = (block_of(session, "roots").wells for session in (one, other))
    assert np.allclose(first**2, second, rtol=0.05)
    assert not np.allclose(first, second)
    with pytest.raises(ConfigError, match="'stains' is not known"):
        changed = ['represent.representations=["stains"]']
        study.represent(opened(folder, changes=changed))


@pytest.mark.parametrize(
    ("encoder", "said"),
    [
        (Odd, "'odd': learns is one of nothing, pixels, labels; got 'everything'"),
        (Blind, "'blind' has no extract"),
        (Unlearned, "'unlearned' learns pixels and has no fit"),
        (3, "3 is no object of phenolens.represent.base.Representation"),
        (str, "needs a name"),
        (Frozen(0.5, name="cnn"), "There is a representation 'cnn' already"),
        (Frozen(lambda: 3), "'roots' cannot be pickled"),
    ],
)
def test_what_is_no_encoder_is_refused(folder, encoder, said):
    with pytest.raises(ConfigError, match=said):
        opened(folder, encoder)


def test_a_name_that_given_profiles_have_is_refused_and_a_screen_without_images(wells):
    with pytest.raises(ConfigError, match=r"\[\[data.profiles\]\] 'deep'; give the encoder"):
        open_study(wells.study, encoders=[Frozen(name="deep")])
    with pytest.raises(ConfigError, match=r"no \[data.images\] for 'roots' to read"):
        open_study(wells.study, encoders=[Frozen()])
    with pytest.raises(ConfigError, match="encoders is a list of classes or objects"):
        open_study(wells.study, encoders=Frozen())
