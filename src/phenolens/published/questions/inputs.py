"""What the questions are answered from, and the findings that several of them share.

A difference counts when its interval leaves out zero and its Holm-corrected p is below alpha;
otherwise the smallest difference that the design could have seen is given instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd

from phenolens.findings import Finding
from phenolens.tools.names import is_fusion, is_fusion_proper

LEARNED = ("supervised", "pretrained", "unsupervised")
Task = Literal["activity", "classification"]
ACTIVITY: Task = "activity"
CLASSIFICATION: Task = "classification"
FRACTION, BASELINE = "fraction_active", "baseline:"


@dataclass(frozen=True)
class Inputs:
    """Tables of a study, and what its representations are.

    Attributes
    ----------
    results, comparisons, activity, share_active : DataFrame
        As the files of these names; empty where there is none.
    kinds : mapping of str to str
        Of each representation: ``measured``, ``unsupervised``, ``supervised``, ``pretrained``,
        ``fusion`` (trained on measured features too), ``baseline``; ``given`` where nothing says.
    unlearned : tuple of str
        Baselines that have learned nothing: networks of random weights.
    attention : mapping
        As ``activation.json``; empty where no network was to be explained.
    alpha : float
    doubts : sequence of Finding
        What is doubtful of profiles made elsewhere, as in ``blocks.json``.
    """

    results: pd.DataFrame
    comparisons: pd.DataFrame
    activity: pd.DataFrame
    share_active: pd.DataFrame
    kinds: Mapping[str, str]
    unlearned: tuple[str, ...] = ()
    attention: Mapping[str, Any] = field(default_factory=dict)
    alpha: float = 0.05
    doubts: Sequence[Finding] = ()

    @property
    def confounded(self) -> bool:
        """Whether position could explain what most tested treatments show."""
        if not len(self.activity):
            return False
        tested = self.activity[self.activity["p"].notna()]
        return bool(len(tested) and (tested["position"] != "").mean() >= 0.5)

    @property
    def names(self) -> list[str]:
        """Every representation and fusion with a score, in the order of the results."""
        if not len(self.results):
            return []
        known = self.results["representation"].unique()
        return [str(name) for name in known if not str(name).startswith(BASELINE)]

    def kind(self, name: str) -> str:
        """What a representation is; that of a fusion is ``fusion``."""
        return "fusion" if is_fusion(name) else self.kinds.get(name) or "given"

    def of_kind(self, *kinds: str) -> list[str]:
        """Single representations of these kinds."""
        return [n for n in self.names if not is_fusion(n) and self.kind(n) in kinds]

    @property
    def unknown(self) -> list[Finding]:
        """That nothing says how some representations were made."""
        given = self.of_kind("given")
        return (
            [Finding("research-kind-unknown", "info", {"representation": given})] if given else []
        )

    def doubted(self, *names: str) -> list[Finding]:
        """What is doubtful of representations, and of the parts of fusions, the gravest first."""
        parts = {part for name in names for part in name.split("+")}
        found = [one for one in self.doubts if one.about["representation"] in parts]
        grave = [one for one in found if one.code == "agreement-jumps"]
        return grave + [one for one in found if one.code == "training-unknown"]

    def active(self, name: str) -> Finding | None:
        """The share of treatments found active by a representation, or why none is named."""
        rows = self.results
        rows = rows[(rows["representation"] == name) & (rows["metric"] == FRACTION)]
        rows = rows[rows["fold"].astype(str) == "all"]
        if not len(rows):
            return None
        row = rows.iloc[0]
        values = {key: row[key] for key in ("value", "low", "high", "n", "space")}
        values |= {"task": row["task"], "metric": FRACTION, "kind": self.kind(name)}
        about = {"representation": name}
        unnamed = self.share_active
        unnamed = unnamed[unnamed["representation"] == name] if len(unnamed) else unnamed
        if not len(unnamed):
            return Finding("research-active", "info", about, values)
        bound = float(unnamed.iloc[0]["low"])
        if bound > 0:
            return Finding("research-active-unnamed", "info", about, values | {"bound": bound})
        return Finding("research-no-single-hit", "warning", about, values)

    def compared(self, one: str, other: str, task: Task) -> Finding | None:
        """How much better one representation is than another, however the table has the pair."""
        rows = self.comparisons
        if not len(rows):
            return None
        rows = rows[rows["task"] == task]
        for a, b, sign in ((one, other, 1), (other, one, -1)):
            found = rows[(rows["a"] == a) & (rows["b"] == b)].to_dict("records")
            if found:
                values = self._turned(found[0], sign) | {
                    "kinds": [self.kind(one), self.kind(other)]
                }
                about = {"representation": one, "against": other, "task": task}
                return Finding("research-compared", "info", about, values)
        return None

    def _turned(self, row: dict[str, Any], sign: int) -> dict[str, Any]:
        difference = sign * row["difference"]
        low, high = sorted((sign * row["low"], sign * row["high"]))
        if low <= 0 <= high:
            outcome = "similar"
        elif row["p_holm"] >= self.alpha:
            outcome = "unsure"
        else:
            outcome = "better" if difference > 0 else "worse"
        sides = ("space_a", "space_b") if sign > 0 else ("space_b", "space_a")
        return {
            "outcome": outcome,
            "difference": difference,
            "low": low,
            "high": high,
            **{key: row[key] for key in ("metric", "n", "p", "p_holm", "smallest_detectable")},
            "spaces": [row[side] for side in sides],
        }

    def best_of(self, names: list[str], task: Task) -> str:
        """The one that no later one exceeds, by the comparisons of a task."""
        best = names[0]
        for name in names[1:]:
            found = self.compared(name, best, task)
            if found is not None and found.values["difference"] > 0:
                best = name
        return best

    def rivals(self, fusion: str, task: Task) -> list[str]:
        """What a fusion is compared with: its best single block, then its noise control."""
        rows = self.comparisons
        if not len(rows):
            return []
        against = rows[(rows["a"] == fusion) & (rows["task"] == task)]["b"].tolist()
        return sorted(against, key=is_fusion)

    def fusions(self, *, labelled: bool) -> list[str]:
        """Fusions of a learned representation with another.

        Parameters
        ----------
        labelled : bool
            Those with a part that learned labels, or was learned elsewhere or in a way that is
            not known; otherwise those whose learned parts saw no label.
        """
        made = {n: [self.kind(part) for part in n.split("+")] for n in self.names
                if is_fusion_proper(n)}  # fmt: skip
        knowing = {"supervised", "pretrained", "given", "fusion"}
        if labelled:
            return [name for name, kinds in made.items() if knowing & set(kinds)]
        return [
            n for n, kinds in made.items() if "unsupervised" in kinds and not knowing & {*kinds}
        ]
