"""The methods text of a study, from its resolved settings and from the tables it wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from phenolens.answers.active import position_safe
from phenolens.answers.tables import Tables
from phenolens.report.references import REFERENCES, Reference
from phenolens.report.spaces import spaces_of
from phenolens.represent.base import REPRESENTATIONS, options_of
from phenolens.words import names
from phenolens.words.numbers import listed, plural, within

_CITE = re.compile(r"\[([a-z0-9, ]+\d{4})\]")
SCALING = {
    "mad": "the median and the median absolute deviation (times 1.4826)",
    "standard": "the mean and standard deviation",
}
ILLUMINATION = {
    "auto": "given with the images or estimated from them",
    "estimate": "estimated from the images",
    "given": "given with the images",
}
PAINTED = {"DNA", "ER", "RNA", "AGP", "Mito"}


@dataclass(frozen=True)
class Piece:
    """Text, followed by the numbers of the references it cites."""

    text: str
    cites: list[int]


@dataclass(frozen=True)
class Methods:
    """Paragraphs (heading, pieces) and the numbered references they cite."""

    paragraphs: list[tuple[str, list[Piece]]]
    references: list[Reference]


def methods(tables: Tables) -> Methods:
    """Write the methods; only steps that the settings or the tables show were done."""
    written = [(title, " ".join(part(tables))) for title, part in PARTS]
    written = [(title, text) for title, text in written if text]
    keys = list(dict.fromkeys(k for _, text in written for k in _keys(text)))
    paragraphs = [(title, _pieces(text, keys)) for title, text in written]
    return Methods(paragraphs, [REFERENCES[key] for key in keys])


def _keys(text: str) -> list[str]:
    return [key for match in _CITE.findall(text) for key in match.split(", ")]


def _pieces(text: str, keys: list[str]) -> list[Piece]:
    parts = _CITE.split(text)
    cites = [[keys.index(k) + 1 for k in match.split(", ")] for match in parts[1::2]] + [[]]
    pairs = zip(parts[::2], cites, strict=True)
    return [Piece(text.rstrip() if numbers else text, numbers) for text, numbers in pairs]


def _screen(tables: Tables) -> Iterator[str]:
    if tables.wells is None:
        return
    plates = tables.wells["Metadata_Plate"].nunique()
    yield (
        f"The screen holds {plural(len(tables.wells), 'well')} on {plural(plates, 'plate')}: "
        f"{plural(len(tables.treatments), 'treatment')} and "
        f"{plural(int(tables.controls.sum()), 'control well')}."
    )
    columns = [c for c in tables.wells.columns if c.startswith("intensity_")]
    stains = [c.removeprefix("intensity_") for c in columns]
    if set(stains) >= PAINTED:
        yield f"Stains are {listed(stains)}, as in Cell Painting [bray2016, cimini2023]."
    elif stains:
        yield f"Stains are {listed(stains)}."


def _images(tables: Tables) -> Iterator[str]:
    images = tables.settings.get("data", {}).get("images")
    if not images:
        return
    how = tables.setting("prepare", "illumination")
    if how and how != "none" and images.get("level") == "field":
        yield (
            "Uneven illumination was corrected per plate and stain by functions "
            f"{ILLUMINATION.get(how, how)} [singh2014]."
        )
    known = REPRESENTATIONS.known()
    wanted = tables.setting("represent", "representations") or []
    for name in sorted(set(wanted) & set(known) & set(tables.real), key=list(known).index):
        options = options_of(known[name], tables.settings)
        yield known[name].methods.format(**options.model_dump())


def _profiles(tables: Tables) -> Iterator[str]:
    given = tables.settings.get("data", {}).get("profiles", [])
    done = [names.label(block.get("name", "")) for block in given if block.get("normalized")]
    if given:
        listed_names = listed([names.label(block.get("name", "")) for block in given])
        yield f"Profiles measured elsewhere were read from tables: {listed_names}."
    if done:
        yield f"Those of {listed(done)} came normalized and were not scaled again."
    imaged = bool(tables.settings.get("data", {}).get("images"))
    how = tables.setting("normalize", "aggregate")
    if how and (imaged or any(block.get("level", "well") != "well" for block in given)):
        yield f"Measurements were aggregated to wells by the {how} [caicedo2017]."
    if imaged or len(done) < len(given):
        yield from _scaling(tables, others=bool(done))
    spaces = spaces_of(tables.activity)
    if spaces.by:
        yield spaces.sentence if spaces.several else f"What follows was {within(spaces.sentence)}"


def _scaling(tables: Tables, *, others: bool) -> Iterator[str]:
    scale = tables.setting("normalize", "method")
    if scale not in SCALING or tables.wells is None or not tables.controls.any():
        return
    whose = "calibrating control wells" if _shared_out(tables) else "control wells"
    what = "In the others, each plate" if others else "Each plate"
    yield (
        f"{what} was scaled by {SCALING[scale]} of its own {whose}; treated wells took no part "
        "[caicedo2017]."
    )
    if _shared_out(tables):
        yield "The controls that calibrate are not the controls that activity is tested against."


def _shared_out(tables: Tables) -> bool:
    """Whether the controls of some plate have different roles."""
    roles = tables.wells.get("role")
    return roles is not None and bool(roles.isin(["judge", "swap-a"]).any())


def _scores(tables: Tables) -> Iterator[str]:
    if tables.results is None:
        return
    tasks = set(tables.results["task"])
    classified = tables.results["task"].str.startswith(("classification", "nearest"))
    splits = {names.split(name) for name in tables.results.loc[classified, "split"]} - {""}
    if classified.any():
        yield (
            "Folds were made and checked before anything learned, the same for every "
            f"representation ({listed(sorted(splits) or ['held-out wells'])}). What a "
            "classification learns from treated wells (selection of features, principal "
            "components, the classifier) it learned inside the folds."
        )
    times = tables.setting("evaluate", "bootstrap")
    if times:
        yield (
            f"Intervals of scores are 95 % bootstrap intervals ({times:,} resamples) over wells or "
            "treatments, never over fields or cells."
        )
    yield from _baselines(tables)
    if "silhouette" in tasks:
        yield "Silhouettes [rousseeuw1987] are taken against treatment, not against clusters."


def _baselines(tables: Tables) -> Iterator[str]:
    found = [name.split(":")[1] for name in tables.representations if names.is_baseline(name)]
    labels = [within(names.label(names.BASELINE + kind)) for kind in dict.fromkeys(found)]
    if labels:
        yield (
            "Baselines were put to the same test and stand beside the scores: "
            f"{listed(labels, 12)} [seal2026]."
        )


def _activity(tables: Tables) -> Iterator[str]:
    if tables.activity is None:
        return
    yield (
        "Activity is mean average precision (mAP): how well a treatment's wells retrieve one "
        "another among control wells by cosine similarity [kalinin2025, chandrasekaran2024]."
    )
    times = tables.setting("evaluate", "permutations")
    drawn = f" ({times:,} draws, or all labelings where there are fewer)" if times else ""
    if position_safe(tables.activity):
        yield (
            "One layout is repeated on every plate, where permuting wells would take position for "
            "effect; a treatment's mAP is therefore compared with that of control wells which "
            "share a position across plates, each compared with controls of other positions."
        )
    else:
        yield (
            "Its p-value comes from permuting the labels of treated and control wells within "
            f"plates{drawn} and is never zero [phipson2010]."
        )
    yield (
        "q-values follow Benjamini and Hochberg [benjamini1995]. A treatment with q < "
        f"{tables.alpha:g} is called active."
    )
    if tables.retrieval is not None:
        places = listed([names.place(across) for across in tables.retrieval["across"].unique()])
        yield (
            "Retrieval was repeated with matches that share these left out, one at a time: "
            f"{places}."
        )
    if tables.dose is not None:
        yield (
            "The benchmark dose [crump1984, nyffeler2020] is where an isotonic curve of distances "
            "from controls over doses reaches three standard deviations of controls; whether they "
            "rise is tested by permuting doses."
        )


def _alike(tables: Tables) -> Iterator[str]:
    if tables.similarity is not None:
        yield "Consensus profiles are medians over a treatment's wells, compared by their cosine."
    if tables.clusters is not None and "leiden" in set(tables.clusters["method"]):
        yield "They were clustered by k-means and with the Leiden algorithm [traag2019]."
    if tables.matching is not None:
        yield (
            "Mechanisms were tested by the mean average precision of their treatments among all "
            "treatments [kalinin2025]; p-values come from permuting mechanisms among treatments."
        )
    if tables.umap is not None:
        yield "Wells are laid out with UMAP [mcinnes2018], for looking only: no number rests on it."


def _compared(tables: Tables) -> Iterator[str]:
    if tables.comparisons is not None:
        yield (
            "Representations were compared by paired differences with sign-flip permutation tests, "
            "intervals from a cluster bootstrap over compounds, and Holm's correction [holm1979]."
        )


PARTS = [
    ("Screen", _screen),
    ("Images and features", _images),
    ("Profiles", _profiles),
    ("Scores", _scores),
    ("Activity", _activity),
    ("Similarity and clusters", _alike),
    ("Comparisons", _compared),
]
