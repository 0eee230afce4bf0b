"""What the scores of a study show when they are audited."""

from __future__ import annotations

from collections.abc import Sequence

from phenolens.words import Said, wording
from phenolens.words.numbers import portion


@wording("unchecked-results")
def _(*, file: str) -> str:
    return f"Not checked: {file} is not there yet; 'phenolens run' makes it."


@wording("unchecked-majority-in-results")
def _() -> str:
    return "Not checked: the results hold no accuracy beside the majority's."


@wording("results-majority")
def _(
    *, representation: str, value: float, low: float, high: float, share: float, split: str, n: int,
    grave: bool,
) -> Said:  # fmt: skip
    return Said(
        f"Accuracy of {representation}: {portion(value)} ({portion(low)} to {portion(high)}); the "
        f"majority class alone {portion(share)} ({split}, {n:,} wells).",
        "It cannot be told from always naming the most frequent class." if grave else "",
        "Read balanced accuracy and accuracy without controls." if grave else "",
    )


@wording("baseline-not-beaten")
def _(
    *, representation: str, value: float, low: float, high: float, baseline: str, reached: float,
    grave: bool,
) -> Said:  # fmt: skip
    return Said(
        f"Balanced accuracy of {representation}: {portion(value)} ({portion(low)} to "
        f"{portion(high)}); best baseline {baseline}: {portion(reached)}.",
        "It need not have seen more than that baseline." if grave else "",
        "Call it better only where a paired comparison says so." if grave else "",
    )


@wording("results-baselines")
def _(baseline: Sequence[str]) -> str:
    if baseline:
        return f"Missing: {', '.join(baseline)}."
    return "Every score stands beside baselines."


@wording("results-gap")
def _(*, representation: str, value: float, grave: bool) -> Said:
    return Said(
        f"Training accuracy of {representation} is {100 * value:.0f} points above that of the "
        "tested wells.",
        "The classifier knows its training wells by heart." if grave else "",
        "Add replicate plates, or fewer components." if grave else "",
    )


@wording("results-map")
def _(
    *, representation: str, value: float, low: float, high: float, raw: float | None, grave: bool
) -> Said:
    seen = "" if raw is None else f", raw mAP {raw:.3f}"
    return Said(
        f"Normalized mAP of {representation}: {value:.3f} ({low:.3f} to {high:.3f}; 0 is chance)"
        f"{seen}.",
        "As a whole, replicates are no nearer to each other than to controls." if grave else "",
        "Read it by treatment, with q." if grave else "",
    )


@wording("results-silhouette")
def _(*, representation: str, value: float, p: float) -> str:
    return (
        f"Silhouette of {representation} is against treatment: {value:.3f}, permutation p {p:.3g}."
    )
