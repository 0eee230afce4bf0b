"""The methods text of a study, from its resolved settings and from the tables it wrote."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from phenolens.report import names
from phenolens.report.references import REFERENCES, Reference
from phenolens.report.tables import Tables
from phenolens.report.words import count, listed

_CITE = re.compile(r"\[([a-z0-9, ]+\d{4})\]")
SCALING = {
    "mad": "the median and the median absolute deviation (times 1.4826)",
    "standard": "the mean and standard deviation",
}
LEFT_OUT = {
    "leave-plate-out": "whole plates were left out",
    "leave-well-out": "whole wells were left out",
}


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
    return [Piece(text, numbers) for text, numbers in zip(parts[::2], cites, strict=True)]


def _screen(tables: Tables) -> Iterator[str]:
    if tables.wells is None:
        return
    wells, controls = (
        tables.wells,
        tables.wells["Metadata_Control"].fillna(value=False).astype(bool),
    )
    plates = wells["Metadata_Plate"].nunique()
    treatments = wells.loc[~controls, "Metadata_Treatment"].nunique()
    yield (
        f"The screen holds {count(len(wells), 'well')} on {count(plates, 'plate')}: "
        f"{count(treatments, 'treatment')} and {count(int(controls.sum()), 'control well')}."
    )
    stains = [c.removeprefix("intensity_") for c in wells.columns if c.startswith("intensity_")]
    if stains:
        yield (
            f"Stains are {listed(stains)}; the assay is Cell Painting [bray2016, cimini2023]."
            if set(stains) >= {"DNA", "ER", "AGP"}
            else f"Stains are {listed(stains)}."
        )


def _images(tables: Tables) -> Iterator[str]:
    images = tables.settings.get("data", {}).get("images")
    if not images:
        return
    how = tables.setting("prepare", "illumination")
    if how and how != "none" and images.get("level") == "field":
        yield f"Uneven illumination was corrected per plate and stain (setting “{how}”) [singh2014]."
    if _has(tables, "cellprofiler") and "cellprofiler" in (
        tables.setting("represent", "representations") or []
    ):
        yield (
            "Nuclei and cells were segmented and measured with our own implementation of "
            "CellProfiler's families of features [stirling2021], under CellProfiler's names."
        )
    if _has(tables, "pixel-pca"):
        size, parts = (
            tables.setting("represent", "pixel_size"),
            tables.setting("represent", "components"),
        )
        yield f"Pixel PCA keeps at most {parts} principal components of images reduced to {size} × {size} pixels."


def _has(tables: Tables, name: str) -> bool:
    return name in names.real(tables)


def _profiles(tables: Tables) -> Iterator[str]:
    given = [block.get("name", "") for block in tables.settings.get("data", {}).get("profiles", [])]
    if given:
        yield f"Profiles measured elsewhere were read as they are: {listed(given)}."
    how, scale = tables.setting("normalize", "aggregate"), tables.setting("normalize", "method")
    if how:
        yield f"Measurements were aggregated to wells by the {how} [caicedo2017]."
    if scale in SCALING:
        yield (
            f"Each plate was scaled by {SCALING[scale]} of its own calibrating control wells; "
            "treated wells took no part, and the controls that judge activity are others."
            if _shared_out(tables)
            else f"Each plate was scaled by {SCALING[scale]} of its own control wells."
        )


def _shared_out(tables: Tables) -> bool:
    if tables.wells is None or "role" not in tables.wells:
        return False
    roles = {str(role) for role in tables.wells["role"].dropna()}
    return any(role.startswith("judg") for role in roles)


def _scores(tables: Tables) -> Iterator[str]:
    if tables.results is None:
        return
    tasks, splits = set(tables.results["task"]), sorted(set(tables.results["split"]) - {"none"})
    if tasks & {"classification", "nearest-neighbour"}:
        how = listed(
            [LEFT_OUT.get(split, split.replace("-", " ")) for split in splits]
            or ["wells were left out"]
        )
        yield (
            "Folds were made and checked before anything learned, the same for every "
            f"representation: {how}. Whatever learns from treated wells (selection of features, "
            "whitening [kessy2018], classifiers) learned inside the folds."
        )
    boot = tables.setting("evaluate", "bootstrap")
    if boot:
        yield f"Intervals are 95 % bootstrap intervals over wells or treatments ({boot:,} resamples), never over fields or cells."
    found = [names.label(n).lower() for n in names.representations(tables) if names.is_baseline(n)]
    if found:
        yield f"Baselines scored in the same way stand beside every score: {listed(found, 12)} [seal2026]."
    if "silhouette" in tasks:
        yield "Silhouettes [rousseeuw1987] are taken against treatment, not against clusters."


def _activity(tables: Tables) -> Iterator[str]:
    if tables.activity is None:
        return
    times = tables.setting("evaluate", "permutations")
    yield (
        "Activity is mean average precision (mAP): how well a treatment's wells retrieve one "
        "another among control wells by cosine similarity [kalinin2025, chandrasekaran2024]."
    )
    drawn = f", {times:,} draws or all labelings where there are fewer" if times else ""
    yield (
        "Its p-value comes from permuting the labels of treated and control wells within plates"
        f"{drawn}, never zero [phipson2010]; q-values follow Benjamini and Hochberg [benjamini1995]. "
        f"A treatment with q < {tables.alpha:g} is called active."
    )


def _alike(tables: Tables) -> Iterator[str]:
    if tables.similarity is not None:
        yield "Consensus profiles are medians over a treatment's wells, compared by cosine similarity."
    if tables.clusters is not None and "leiden" in set(tables.clusters["method"]):
        yield "They were clustered by k-means and with the Leiden algorithm [traag2019]."
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
