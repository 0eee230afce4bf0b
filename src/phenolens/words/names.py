"""What things are called, the same in every sentence, figure and table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, NamedTuple

from phenolens.words.numbers import listed, within

BASELINE, NOISE = "baseline:", "noise"
LABELS = {
    "baseline:majority": "Majority class",
    "baseline:cell-count": "Cell count only",
    "baseline:intensity": "Mean intensity only",
    "baseline:position": "Position only",
    "baseline:random-projection": "Random projection",
    "baseline:shuffled-labels": "Shuffled labels",
    "baseline:one-over-classes": "One over classes",
    "baseline:untrained-network": "Untrained network",
}
SHUFFLED = "baseline:shuffled-labels:"
_ENDS = {"_without_controls": " without controls", "_null": ", labels shuffled", "_p": ", p"}
Kind = Literal["representation", "metric"]


class Called(NamedTuple):
    """What a reader calls a thing, and its place in lists, low first."""

    label: str
    rank: int


Source = Callable[[], Mapping[str, Called]]
_LEARNED: dict[Kind, list[Source]] = {"representation": [], "metric": []}
_FUSION, _OWN, _NOISE = 50, 60, 70  # ranks, among those that representations have
TASKS = {
    "classification": "Classification",
    "classification: logistic": "Logistic regression",
    "classification: nearest": "Nearest profile",
    "nearest-neighbour": "Nearest neighbour",
    "activity": "Activity",
    "retrieval": "Retrieval",
    "silhouette": "Separation",
    "clustering": "Clustering",
    "matching": "Matching",
    "clustering: leiden": "Leiden",
    "clustering: kmeans-chosen": "k-means, k chosen by silhouette",
    "clustering: kmeans-10": "k-means, k = 10",
    "batch effect": "Batch effect",
    "assay quality": "Assay quality",
}


def learn(kind: Kind, source: Source) -> None:
    """Take in what a registry calls its own things.

    Parameters
    ----------
    kind : {"representation", "metric"}
    source : callable
        Gives :class:`Called` by name when asked. Metrics of retrieval end in what matches may not
        share, as ``drop_plate`` does: their name ends in ``_{}``, and their label has that place.
    """
    _LEARNED[kind].append(source)


def known(kind: Kind) -> dict[str, Called]:
    """What the registries hold, by name."""
    return {name: called for source in _LEARNED[kind] for name, called in source().items()}


def label(representation: str) -> str:
    """The name of a representation or baseline for a reader."""
    if representation.startswith(SHUFFLED):
        return f"Shuffled, {label(representation.removeprefix(SHUFFLED))}"
    if f"+{NOISE}:" in representation:
        kept, other = representation.split(f"+{NOISE}:")
        return (
            f"{label(kept)} + noise as wide as {listed([label(one) for one in other.split(',')])}"
        )
    if representation in LABELS:
        return LABELS[representation]
    if not is_baseline(representation):
        labels = known("representation")
        parts = representation.split("+")
        return " + ".join(labels[part].label if part in labels else part for part in parts)
    return representation.removeprefix(BASELINE).replace("-", " ")


def inside(representation: str) -> str:
    """The name of a representation inside a sentence."""
    name = within(label(representation))
    return f"{name} features" if name.endswith("-type") else name


def is_baseline(representation: str) -> bool:
    return representation.startswith(BASELINE)


def is_noise(representation: str) -> bool:
    """Whether this is the control of a fusion, with noise in place of one block."""
    return f"+{NOISE}" in representation


def metric(name: str) -> str:
    """The name of a metric for a reader."""
    labels = known("metric")
    for end, words in _ENDS.items():
        plain = name.removesuffix(end)
        if plain != name and name not in labels and (plain in labels or end != "_p"):
            return f"{metric(plain)}{words}"
    for pattern, found in labels.items():
        before, place_of, _ = pattern.partition("_{}")
        across = name.removeprefix(f"{before}_")
        if place_of and across != name and name not in labels and re.fullmatch("[a-z_ ]+", across):
            return found.label.format(place(across))
    return labels[name].label if name in labels else name.replace("_", " ").capitalize()


def task(name: str) -> str:
    """The name of a task for a reader."""
    return TASKS.get(name, name.replace("-", " ").capitalize())


def place(across: str) -> str:
    """What matches may not share, for a reader: ``position``, ``plate``, ``batch``."""
    return across.removeprefix("Metadata_").replace("_", " ").lower()


def plain(key: str, value: object) -> object:
    """A value of a finding as readers call it: columns without prefix, representations by label."""
    if isinstance(value, list | tuple):
        return [plain(key, one) for one in value]
    if isinstance(value, str) and key == "representation":
        return label(value)
    return place(value) if isinstance(value, str) and value.startswith("Metadata_") else value


def task_rank(name: str) -> tuple[int, str]:
    """Sort key that puts tasks in the order a reader asks them."""
    order = list(TASKS)
    return (order.index(name) if name in order else len(order), name)


def split(name: str) -> str:
    """How wells were held out, for a reader; empty where nothing was held out."""
    if name in ("none", ""):
        return ""
    unit = name.removeprefix("leave-").removesuffix("-out").replace("-", " ")
    return f"leave {unit} out"


def in_order(found: Iterable[str], *, first: str | None = None) -> list[str]:
    """Representations from top to bottom: the first, then the usual ones, baselines last."""
    return sorted(found, key=lambda n: (is_baseline(n), n != first, usual_rank(n), n))


def usual_rank(name: str) -> int:
    """Place of a representation in lists, low first."""
    if is_baseline(name):
        order = list(LABELS)
        return order.index(name) if name in order else len(order)
    ranks = known("representation")
    if name in ranks:
        return ranks[name].rank
    parts = name.split("+")
    if parts[1:] == [NOISE]:
        return _NOISE
    return _FUSION if len(parts) > 1 and all(part in ranks for part in parts) else _OWN
