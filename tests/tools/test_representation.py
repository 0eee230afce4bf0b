"""No feature is lost without a line, and no answer hangs on the unit of the features."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens.tools.activity import activity
from phenolens.tools.classify import classify
from phenolens.tools.read import read


def embedding(scale: float = 1.0, *, controls: bool = True) -> pd.DataFrame:
    """Two plates of 96 wells, centred: 24 of DMSO, 12 treatments of which the first four act."""
    rng = np.random.default_rng(5)
    names = ["DMSO" if controls else "c99"] * 24 + [f"c{i % 12:02d}" for i in range(72)]
    parts = []
    for plate in ("P1", "P2"):
        frame = pd.DataFrame(
            {
                "Metadata_Plate": plate,
                "Metadata_Well": [f"{r}{c:02d}" for r in "ABCDEFGH" for c in range(1, 13)],
                "Metadata_Compound": rng.permutation(names),
            }
        )
        parts.append(frame)
    frame = pd.concat(parts, ignore_index=True)
    values = rng.normal(size=(192, 40))
    for number in range(4):
        values[frame["Metadata_Compound"] == f"c{number:02d}", number * 5 : number * 5 + 5] += 3
    return pd.concat([frame, pd.DataFrame(values * scale).add_prefix("emb_")], axis=1)


def notes(result, code: str) -> list[str]:
    return [str(note) for note in result.findings if note.code == code]


@pytest.mark.parametrize("normalized", [True, False])
@pytest.mark.parametrize("scale", [1e4, 1e-6])
def test_activity_and_classification_do_not_hang_on_the_scale(scale, normalized):
    ask = {"normalized": normalized, "seed": 1}
    plain = activity(embedding(), permutations=500, **ask)
    other = activity(embedding(scale), permutations=500, **ask)
    np.testing.assert_allclose(plain.table["map"], other.table["map"], atol=1e-6)
    np.testing.assert_allclose(plain.table["p"], other.table["p"], atol=5e-3)
    told = notes(other, "features-rescaled")
    expected = f"Features of another scale were divided: all features by {scale:.0e}"
    assert [text.replace("1.1e", "1e").startswith(expected) for text in told] == [True] * normalized
    assert notes(plain, "features-rescaled") == []
    options = {"baselines": False, "bootstrap": 10} | ask
    first, second = (classify(embedding(s), **options).scores for s in (1.0, scale))
    np.testing.assert_allclose(first["value"], second["value"], atol=0.03)


def test_a_screen_without_controls_keeps_small_features():
    small, plain = (read(embedding(s, controls=False), normalized=False) for s in (1e-6, 1.0))
    assert small.wells.shape == plain.wells.shape == (192, 40)
    np.testing.assert_allclose(small.wells.to_numpy(), plain.wells.to_numpy(), atol=1e-3)


def test_every_feature_that_selection_drops_is_told_by_its_reason():
    frame = embedding()
    frame["emb_40"] = frame["emb_0"] * 1.001
    frame["emb_41"] = np.where(np.arange(192) % 5 == 0, np.nan, 1.5)
    frame["emb_42"] = 1.0
    frame["emb_43"] = np.nan
    frame["emb_44"] = np.where(np.arange(192) == 7, 1e5, frame["emb_1"] ** 3)
    found = activity(frame, normalized=True, permutations=200)
    (text,) = notes(found, "features-dropped")
    assert text.startswith("40 features are compared; dropped: ")
    for part in (
        "1 that repeat another (such as emb_",
        "1 missing in more than 5 % of the wells (such as emb_41)",
        "1 that hardly vary (such as emb_42)",
        "1 without a value (such as emb_43)",
        "1 with a value beyond 500 (such as emb_44)",
    ):
        assert part in text
    (note,) = [note for note in found.findings if note.code == "features-dropped"]
    assert note.severity == "warning"
    assert note.values["dropped"]["wild"] == 1


def test_nothing_dropped_is_nothing_told():
    assert notes(activity(embedding(), normalized=True, permutations=200), "features-dropped") == []
