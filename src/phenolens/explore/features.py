"""The list of features that can be shown on plates and maps, the lead representation first."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from phenolens.explore.screen import Screen
from phenolens.interpret.properties import GROUP, feature_properties


@dataclass(frozen=True)
class Feature:
    """A feature of a representation; `id` is its place in the list."""

    id: int
    name: str
    representation: str
    compartment: str
    family: str
    stain: str
    property: str

    def as_data(self) -> dict:
        """The same as the page reads it."""
        return asdict(self)


def features(screen: Screen) -> list[Feature]:
    """Features of every representation that has profiles of its own; fusions repeat others'."""
    return screen.kept.get("features", lambda: _features(screen))


def _features(screen: Screen) -> list[Feature]:
    found: list[Feature] = []
    for representation in screen.profiled:
        if "+" in representation:
            continue
        names = screen.feature_names(representation)
        told = feature_properties(names)
        for name, row in zip(names, told[GROUP].fillna("").itertuples(index=False), strict=True):
            found.append(Feature(len(found), name, representation, *map(str, row)))
    return found


def most_telling(screen: Screen, most: int) -> list[Feature]:
    """At most so many of each representation: those that treatments moved most, in order of id."""
    moved = screen.tables.features
    reach: dict[tuple[str, str], float] = {}
    if moved is not None:
        sizes = moved.assign(effect=moved["effect"].abs())
        largest = sizes.groupby(["representation", "feature"])["effect"].max()
        reach = {(str(r), str(f)): float(size) for (r, f), size in largest.items()}
    kept: list[Feature] = []
    for representation in dict.fromkeys(one.representation for one in features(screen)):
        own = [one for one in features(screen) if one.representation == representation]
        own.sort(key=lambda one: (-reach.get((one.representation, one.name), 0.0), one.id))
        kept += own[:most]
    return sorted(kept, key=lambda one: one.id)
