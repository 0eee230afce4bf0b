"""Labels of several values, in whatever way they are parted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens.errors import DesignError
from phenolens.tools.match import match


def screen(labels: dict[str, str]) -> pd.DataFrame:
    """Three plates of 48 wells; treatments of a first letter look alike."""
    rng = np.random.default_rng(0)
    names = ["DMSO"] * 16 + [name for name in labels for _ in range(32 // len(labels))]
    parts = []
    for plate in ("P1", "P2", "P3"):
        frame = pd.DataFrame(
            {
                "Metadata_Plate": plate,
                "Metadata_Well": [f"{r}{c:02d}" for r in "ABCDEF" for c in range(1, 9)],
                "Metadata_Compound": rng.permutation(names),
            }
        )
        parts.append(frame)
    frame = pd.concat(parts, ignore_index=True)
    frame["Metadata_target"] = frame["Metadata_Compound"].map(labels)
    values = rng.normal(size=(len(frame), 20))
    for number, letter in enumerate("abcd"):
        values[frame["Metadata_Compound"].str.startswith(letter), number * 3 : number * 3 + 3] += 6
    return pd.concat([frame, pd.DataFrame(values).add_prefix("f")], axis=1)


LABELS = {
    "a1": "EGFR{0}ERBB2", "a2": "EGFR", "b1": "TUBA{0}TUBB", "b2": "TUBB", "c1": "HDAC1",
    "c2": "HDAC1{0}HDAC2", "d1": "KIT", "d2": "KIT",
}  # fmt: skip


def asked(mark: str, **options: object):
    labels = {name: label.format(mark) for name, label in LABELS.items()}
    return match(screen(labels), label="Metadata_target", permutations=200, **options)


@pytest.mark.parametrize("mark", ["|", "; ", ";", ", "])
def test_a_target_in_common_is_found_whatever_parts_them(mark):
    found = asked(mark)
    assert found.table["label"].tolist() == ["EGFR", "HDAC1", "KIT", "TUBB"]
    assert (found.table["map"] > 0.9).all()
    assert found.settings["separator"] == mark.strip()
    (note,) = [note for note in found.findings if note.code == "labels-parted"]
    assert str(note).startswith(f"3 treatments have several values in Metadata_target, parted at "
                                f"{mark.strip()!r}, such as 'EGFR{mark}ERBB2'; ")  # fmt: skip


def test_another_mark_and_none():
    assert len(asked("/").table) == 1
    assert len(asked("/", separator="/").table) == 4
    whole = asked("|", separator="")
    assert whole.table["label"].tolist() == ["KIT"]
    assert whole.findings and not [n for n in whole.findings if n.code == "labels-parted"]


def test_the_neighbour_shares_a_part_and_active_ones_keep_other_columns():
    found = asked("; ", among="active", not_same=["Metadata_Well"])
    assert found.summary["treatments"] == 8
    assert found.summary["nsc_accuracy"]["value"] == 1.0


def test_labels_that_share_nothing_whole_are_said_to_hold_several_perhaps():
    targets = {"a": "EGFR / KIT", "b": "KIT / ALK", "c": "ALK and EGFR", "d": "BRAF"}
    with pytest.raises(DesignError, match=r"'ALK and EGFR' may hold several: .*--separator"):
        match(screen(targets), label="Metadata_target", seed=0)
