"""Look at a folder and say what a study of it would read, or what a person must add."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from phenolens.changes import Change, changed
from phenolens.errors import InputError, PhenolensError, UndecidedError, named
from phenolens.findings import Finding
from phenolens.io.columns import has
from phenolens.io.discovery.contents import contents
from phenolens.io.discovery.images import Seen, elsewhere, image_section, see
from phenolens.io.discovery.profiles import (
    cellprofiler_places,
    plates_of_folders,
    profile_sections,
)
from phenolens.io.discovery.proposal import Discovery, Question
from phenolens.io.discovery.study_text import study_toml
from phenolens.io.discovery.survey import (
    FoundTables,
    Surveyed,
    column_for,
    plates_of,
    survey,
    unnamed_profiles,
)
from phenolens.io.discovery.tables import MAP_NAME, Known, table_sections, treatment_columns
from phenolens.io.discovery.tree import Tree, Unused, look_around
from phenolens.io.discovery.unused import reasons_for_rest, unused_findings
from phenolens.io.features import names_a_feature
from phenolens.io.formats.base import ImageProposal, image_formats, recognised
from phenolens.io.formats.cellprofiler import FOLDER
from phenolens.io.formats.names import EXAMPLE
from phenolens.io.labels import CANONICAL
from phenolens.io.ledger import Ledger
from phenolens.io.paths import expand
from phenolens.io.roles import gene_column, named_roles
from phenolens.profiles import CELL_COUNT, PLATE, WELL

READABLE = 300_000_000
CLOSED = (".npz", ".properties", ".sql", ".db", ".sqlite", ".sqlite3")

__all__ = ["Discovery", "Question", "discover", "study_toml"]


def discover(
    source: str | Path,
    *,
    taken: Collection[str] = (),
    changes: Sequence[Change] = (),
    only: Sequence[str] = (),
    tell: Callable[[int], None] | None = None,
) -> Discovery:
    """Say what a study of this folder would read.

    Parameters
    ----------
    source : path
        A folder of images, profiles and tables; or one file: then nothing else is used but what
        it names.
    taken : collection of str
        Names that representations made of images have: given profiles get others.
    changes : sequence of Change
        Settings of ``[data]`` that are decided already; their paths are absolute.
    only : sequence of str
        Patterns of folders' names, see :func:`phenolens.io.discovery.tree.chosen`.
    tell : callable, optional
        Called with how many files of a URL were listed so far.

    Returns
    -------
    Discovery
        ``questions`` names what a person must fill in.

    Raises
    ------
    InputError
        If there is no such folder, it holds neither images nor profiles, or none of the images
        that its tables list is there; or if `only` would choose among images that no table lists.
    """
    given = changed({}, changes).get("data", {})
    tree = look_around(Path(source), only=only, tell=tell)
    found = _what_to_study(tree, changes, taken=taken)
    left_out = any(one.code == "unused-not-chosen" for one in tree.unused)
    if left_out and found.images is not None and "table" not in found.images:
        raise InputError(
            f"{named('only')} chooses among tables that list images; those of {tree.source} are "
            "found by their names. Give the folder of the plate or batch itself."
        )
    columns, questions = _places(found, tree)
    columns |= given.get("columns", {})
    seen = Seen()
    if found.images is not None:
        located = None if found.proposal is None else found.proposal.locate
        seen = see(found.images, columns, tree, looked_at=located)
    known = _known(found.looked, found.images, found.profiles, seen=seen, tree=tree)
    if columns.get("plate") == FOLDER:
        names = sorted(plates_of_folders(found.profiles, tree.source))
        known.learn(pd.DataFrame({PLATE: names}), names=None)
    tables, left = table_sections(known, _metadata(found.looked.tables), tree)
    said = () if found.proposal is None else found.proposal.notes
    discovery = Discovery(
        source=tree.source,
        images=found.images,
        labels={} if found.proposal is None else found.proposal.labels,
        profiles=tuple(found.profiles),
        tables=tuple(tables),
        notes=(*said, *_maps_not_here(found.looked, known, tables)),
        findings=seen.findings,
    )
    discovery = _with_roles(discovery, columns, known, found.looked)
    discovery = _with_changes(discovery, changes)
    decided = {".".join(one.path[1:]) for one in changes}
    asked = [one for one in questions if one.setting not in decided]
    discovery = replace(discovery, questions=(*asked, *_try(discovery, seen)))
    explained = [*tree.unused, *found.looked.unused, *found.unused, *left]
    return replace(discovery, unused=_unused(discovery, tree, found.looked, seen, explained))


@dataclass(frozen=True)
class _Sources:
    """The sections of images and profiles, and what was looked at but not taken."""

    looked: Surveyed
    proposal: ImageProposal | None
    images: dict[str, Any] | None
    profiles: list[dict]
    unused: list[Unused]


def _what_to_study(tree: Tree, changes: Sequence[Change], *, taken: Collection[str]) -> _Sources:
    """What there is to study; measurements of unknown names only where there is nothing else."""
    given = changed({}, changes).get("data", {}).get("images", {})
    looked = survey(tree, root=given.get("root"))
    proposal, unused = image_section(looked, tree, given=given)
    images = {"layout": "table", "channels": []} | given if "table" in given else None
    if proposal is not None:
        images = changed(_alone(proposal.section, tree), _below(changes, "data", "images"))
    profiles, stages = profile_sections(looked.tables, tree)
    if images is None and not profiles:
        looked = replace(looked, tables=unnamed_profiles(looked.tables))
        profiles, stages = profile_sections(looked.tables, tree)
    if images is None and not profiles:
        raise _nothing(tree, looked)
    if images is not None:
        names = [block["name"] + "-given" * (block["name"] in taken) for block in profiles]
        profiles = [b | {"name": name} for b, name in zip(profiles, names, strict=True)]
    return _Sources(looked, proposal, images, profiles, [*unused, *stages])


def _places(found: _Sources, tree: Tree) -> tuple[dict[str, str], list[Question]]:
    """Columns of plate, well and site as the images' format, or CellProfiler's tables, say them."""
    if found.proposal is not None:
        columns, questions = found.proposal.columns, found.proposal.questions
    else:
        columns, questions = cellprofiler_places(found.profiles, tree.source)
    return dict(columns), [Question(*question) for question in questions]


def _below(changes: Sequence[Change], *place: str) -> list[Change]:
    """Changes below a place, from there."""
    under = [one for one in changes if one.path[: len(place)] == place]
    return [Change(one.path[len(place) :], one.value) for one in under]


def _with_changes(discovery: Discovery, changes: Sequence[Change]) -> Discovery:
    """The settings as they were found, with those that were handed in."""
    held = {
        "modality": discovery.modality,
        "columns": discovery.columns,
        "profiles": list(discovery.profiles),
        "tables": list(discovery.tables),
    }
    made = changed(held, [one for one in _below(changes, "data") if one.path[0] != "images"])
    return replace(
        discovery,
        modality=made.pop("modality"),
        columns=made.pop("columns"),
        profiles=tuple(made.pop("profiles")),
        tables=tuple(made.pop("tables")),
        settings=made,
    )


def _alone(images: dict, tree: Tree) -> dict:
    """The section, of that image only which was handed in."""
    one = tree.only is not None and "table" not in images
    return images | {"root": tree.files[0].name} if one else images


def _nothing(tree: Tree, looked: Surveyed) -> InputError:
    """Why there is nothing to study, in one line."""
    for item in looked.tables:
        if item.kind == "elsewhere":
            return InputError(unused_findings(elsewhere(item, tree))[0])
    for path in tree.files:
        kind = recognised(path) if path.suffix.lower() in CLOSED else None
        if kind is not None:
            kind.read(path)  # says what to do with what cannot be read as it is
    where = tree.only or tree.source
    if looked.images:
        several = len(looked.images) > 1
        names = " and ".join(tree.relative(path) for path in _unlike(looked.images))
        names = f" ({names})" if several else ""
        return InputError(
            f"{where} {'holds' if several else 'is'} {len(looked.images):,} image "
            f"file{'s' if several else ''}{names} but no table that says which plate and well "
            f"{'they come' if several else 'it comes'} from, and no names that we know. Add a CSV "
            "with a row an image: the file, Metadata_Plate, Metadata_Well; or write how the names "
            f"are built into a study file: [data.images] layout = 'names', pattern = '{EXAMPLE}' "
            f"(docs/data-integration.md).{_pages(looked.images[0])}"
        )
    refused = [text for one in image_formats() if (text := one.refusal(tree.files)) is not None]
    if refused:
        return InputError(f"{where} {refused[0]}")
    explained = [*tree.unused, *looked.unused]
    tables = sum(len(item.paths) for item in looked.tables)
    rest = reasons_for_rest(
        tree, used=[str(p) for i in looked.tables for p in i.paths], explained=explained,
        images=None,
    )  # fmt: skip
    why = [one.said.phrase or one.text for one in unused_findings([*explained, *rest])[:3]]
    held = f"{_tables(looked, tree, tables)} neither" if tables else "neither"
    because = f" Not used: {' '.join(why)}" if why else ""
    return InputError(f"{where} holds {held} images nor profiles that we recognise.{because}")


def _pages(path: Path) -> str:
    """What to say of the pages of a file that does not say what they are; '' where there is one."""
    try:
        one, *_ = contents(path)
    except InputError:
        return ""
    pages = 1 if one.said or "S" in one.axes else math.prod(one.shape[:-2])
    if pages == 1:
        return ""
    return (
        f" Each file holds {pages} pages, such as {path.name}, and does not say what they are: if "
        f"they are stains, name {pages} in [data.images] channels, in their order; if they are "
        "fields or planes, write a row a page, with its number from 0 in the column that "
        "[data.images] index names."
    )


def _tables(looked: Surveyed, tree: Tree, count: int) -> str:
    """``1 table (p.csv: no column of wells) that holds``."""
    first = looked.tables[0]
    if feature := names_a_feature(first.head):
        lacks = f"a row a feature, which {feature} names, where a column a feature is needed"
        return f"{count} table{'s' * (count > 1)} ({tree.relative(first.paths[0])}: {lacks}) with"
    lacks = "wells" if column_for(first.head, WELL) is None else "features"
    name = f"{tree.relative(first.paths[0])}: no column{'s' * (lacks == 'features')} of {lacks}"
    if count == 1:
        return f"1 table ({name}) that holds"
    return f"{count} tables (such as {name}) that hold"


def _unlike(images: Sequence[Path]) -> list[Path]:
    """Two of the images that show how their names differ: the first, and one beside it."""
    first = images[0]
    beside = [path for path in images[1:] if path.parent == first.parent]
    return [first, *(beside or images[1:])[:1]]


def _unused(
    discovery: Discovery,
    tree: Tree,
    looked: Surveyed,
    seen: Seen,
    explained: list[Unused],
) -> tuple[Finding, ...]:
    """Every file that the study does not read, with the reason."""
    used = seen.files | _tables_used(discovery, looked)
    explained = [item for item in explained if str(tree.source / item.path) not in used]
    absent = [item for item in looked.tables if item.kind == "elsewhere"]
    told = (unused for item in absent for unused in elsewhere(item, tree))
    away = [one for one in told if str(tree.source / one.path) not in used]
    explained = [*(item for item in explained if item.path not in {a.path for a in away}), *away]
    rest = reasons_for_rest(tree, used=used, explained=explained, images=discovery.images)
    return unused_findings([*explained, *rest])


def _tables_used(discovery: Discovery, looked: Surveyed) -> set[str]:
    """Tables of images and metadata, and files or folders of profiles."""
    images = [] if discovery.images is None else [discovery.images.get("table")]
    named = [*images, *(t["file"] for t in discovery.tables)]
    named += [block["files"] for block in discovery.profiles]
    paths = {path for names in named if names for path in expand(names, discovery.source)}
    kinds = {path: recognised(path) for path in paths}
    inside = {t for path, kind in kinds.items() if kind for t in kind.read_with(path)}
    return {str(path) for path in paths | inside}


def _metadata(found: Sequence[FoundTables]) -> list[FoundTables]:
    return [item for item in found if item.kind in {"metadata", "barcodes", "elsewhere"}]


def _known(
    looked: Surveyed, images: dict | None, profiles: Sequence[dict], *, seen: Seen, tree: Tree
) -> Known:
    """The columns that images and profiles bring, with values to compare keys by."""
    plates, whole = _plates(profiles, tree)
    known = Known(all_plates=whole and (images is None or len(seen.keys) > 0))
    for item in looked.tables:
        if item.kind in _sources(images, profiles):
            known.learn(item.head, names=None)
    known.learn(seen.keys, names=None)
    known.learn(pd.DataFrame({PLATE: sorted(plates)}), names=None)
    return known


def _maps_not_here(
    looked: Surveyed, known: Known, tables: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Plate maps that a list of barcodes names, where no table of the study is one of them."""
    named = sorted(known.texts(MAP_NAME))
    listed = any(item.kind == "barcodes" for item in looked.tables)
    if not (listed and named) or any(MAP_NAME in table["on"] for table in tables):
        return []
    shown = ", ".join(named[:3]) + (", ..." if len(named) > 3 else "")
    return [
        f"the list of barcodes names plate maps that are not here ({shown}): put them beside it"
    ]


def _sources(images: dict | None, profiles: Sequence[dict]) -> set[str]:
    kinds = {"profiles", "cellprofiler"} if profiles else set()
    if images is not None:
        kinds.add(images.get("layout", ""))
    return kinds


def _with_roles(
    discovery: Discovery, columns: dict[str, str], known: Known, looked: Surveyed
) -> Discovery:
    roles, modality = named_roles(known.values, known.texts(PLATE))
    if "compound" not in roles and len(held := treatment_columns(known)) == 1:
        roles["compound"] = held[0]
    gene = gene_column(known.values)
    if gene is not None and roles.get("compound") == gene and _differs_in_wells(looked, gene):
        roles.pop("compound")  # what was done to cells of a pool
    return replace(discovery, columns=columns | roles, modality=modality)


def _differs_in_wells(looked: Surveyed, name: str) -> bool:
    """Whether a table has rows of one well that differ in a column."""
    for item in looked.tables:
        column, well = has(item.head, name), column_for(item.head, WELL)
        if column is None or well is None:
            continue
        plate = column_for(item.head, PLATE)
        if (item.head.groupby([well, *filter(None, [plate])])[column].nunique() > 1).any():
            return True
    return False


def _plates(profiles: Sequence[dict], tree: Tree) -> tuple[set[str], bool]:
    """Plates of all rows of the profiles, and whether these are all.

    A table's head may hold the first plate only, and large tables are not read whole.
    """
    found: set[str] = set()
    readable = [block for block in profiles if block["level"] == "well"]
    if _size(readable, tree.source) > READABLE:
        return found, False
    for block in readable:
        for path in expand(block["files"], tree.source):
            found |= plates_of(path, **{k: block[k] for k in ("obsm", "layer") if k in block})
    return found, len(readable) == len(profiles)


def _try(discovery: Discovery, seen: Seen) -> list[Question]:
    """Join what was found, and ask about what the joined wells do not say."""
    from phenolens.io.copies import ask_about_copies, wells_of
    from phenolens.io.integrate import integrate

    if _size(discovery.profiles, discovery.source) > READABLE:
        return []
    section, asked = discovery.section(), []
    if seen.located is not None:
        section["images"] |= {"located": seen.located}
    while True:
        try:
            joined = integrate(section, discovery.source)
        except UndecidedError as error:
            asked.append(Question(error.setting, str(error), choices=error.choices))
            if not _decided(section, error):
                return asked
        except PhenolensError as error:
            return [*asked, Question("data", str(error))]
        else:
            break
    asked += _about_labels(joined.wells, joined.ledger)
    try:
        tables = {n: wells_of(block.table, block.level) for n, block in joined.profiles.items()}
        ask_about_copies(joined.wells, tables)
    except UndecidedError as error:
        asked.append(Question(error.setting, str(error), choices=error.choices))
    return asked


def _decided(section: dict[str, Any], error: UndecidedError) -> bool:
    """Take the first choice, so that what must be decided behind it shows too."""
    table, _, setting = error.setting.rpartition(".")
    held = section[table] if table else section
    if setting not in ("projection", "measurement", "plate_format") or held[setting] is not None:
        return False
    held |= tomllib.loads(error.choices[0])
    return True


def _size(profiles: Sequence[dict], source: Path) -> int:
    """Bytes of all profiles."""
    paths = [path for block in profiles for path in expand(block["files"], source)]
    files = [f for path in paths for f in (path.rglob("*") if path.is_dir() else [path])]
    return sum(file.stat().st_size for file in files if file.is_file())


def _about_labels(wells: pd.DataFrame, ledger: Ledger) -> list[Question]:
    shown = [str(c) for c in wells if wells[c].notna().any() and wells[c].dtype != bool]
    if wells["Metadata_Compound"].isna().all():
        differ = sorted({one.column for one in ledger.conflicts if one.wells == len(wells)})
        until = "until then the study shows features and pictures only"
        if may := _maybe_treatments(wells):
            text = (
                "no column says what was done to a well under a usual name. Name the one that does"
            )
            lines = tuple(f"compound = {json.dumps(name, ensure_ascii=False)}" for name in may)
            return [Question("columns.compound", f"{text}; {until}", tuple(may), lines)]
        text = (
            "no column says what was done to a well"
            + (f" ({', '.join(differ)} differs within every well)" if differ else "")
            + ". Add a plate map as [[data.tables]] and name "
            f"its column here; {until}"
        )
        return [Question("columns.compound", text, tuple(shown))]
    if not wells["Metadata_Control"].any():
        text = "no well is a negative control by convention. Say which wells are"
        return [Question("controls", text, _candidates(wells))]
    return []


def _maybe_treatments(wells: pd.DataFrame) -> list[str]:
    """Columns of words, of which several wells share some: one of them may say what was done."""
    names = [str(name) for name in wells if name not in CANONICAL and name != CELL_COUNT]
    words = {name: wells[name].dropna() for name in names if wells[name].dtype == object}
    return [name for name, held in words.items() if 1 < held.nunique() < len(held)]


def _candidates(wells: pd.DataFrame) -> tuple[str, ...]:
    """The compounds in most wells: a control is among them."""
    counts = (
        wells["Metadata_Compound"]
        .value_counts()
        .sort_index()
        .sort_values(ascending=False, kind="stable")
    )
    return tuple(f"{name} ({count} wells)" for name, count in counts.head(5).items())
