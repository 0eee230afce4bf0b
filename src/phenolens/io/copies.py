"""Plates and wells that look like others measured again: asked about, never counted in silence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

from phenolens import profiles
from phenolens.errors import UndecidedError, named, reasons
from phenolens.io.columns import key_text
from phenolens.io.ledger import Conflict, Ledger, first
from phenolens.normalize.copies import LikelyCopies, compared_plates, likely_copies, repeated_wells
from phenolens.profiles import PLATE, TREATMENT, WELL, WELL_KEY

APART = 0.25
_SHARE = 0.9
# What names add where a plate is measured again; "run" and "rep" name replicates as often.
_AGAIN = re.compile(
    r"[-_ .(]*(?<![a-z])(?:measurement|meas|rescan(?:ned)?|scan|re[-_ ]?imag(?:ed|ing|e)|"
    r"re[-_ ]?acquired|re[-_ ]?scan(?:ned)?|re[-_ ]?read|re[-_ ]?measured)[-_ ]*\d*\)?$",
    re.IGNORECASE,
)
_DATE = re.compile(r"[-_ .]+(?:\d{4}-\d\d-\d\d|(?:19|20)\d{6})(?:[T_ -][\d_:.\-]+)?$")


@dataclass(frozen=True)
class Copies:
    """Plates that may be one.

    Attributes
    ----------
    plates : tuple of str
    why : str
        What makes them look so: the rest of a sentence.
    """

    plates: tuple[str, ...]
    why: str


def ask_about_copies(
    wells: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame],
    *,
    distinct: Sequence[str] = (),
    ledger: Ledger | None = None,
    of_table: bool = False,
) -> None:
    """Raise where plates or wells may be others measured again, and nobody has said so.

    A pair of plates is asked about when the profiles of every representation that can tell say so
    (what one alone says is about that representation, and is noted), or when their names differ by
    a measurement or a date only and both hold the same.

    Parameters
    ----------
    wells : DataFrame
        One row a well, with ``Metadata_Treatment`` where it is known.
    tables : mapping of str to DataFrame
        Profile tables by the representation's name, one row a well.
    distinct : sequence of str
        Plates of which a person said that they are different ones.
    ledger : Ledger, optional
        Takes note of what was said to be distinct, and of what one representation alone says.
    of_table : bool
        Whether a question about a table asks, and not a study: how the setting is spelled.

    Raises
    ------
    UndecidedError
        Names plates or wells, why, and what to say.
    """
    ledger = Ledger() if ledger is None else ledger
    alike = {name: {a.plates: a for a in likely_copies(t)} for name, t in tables.items()}
    found = dict(_by_profiles(alike, tables, wells=wells, ledger=ledger))
    for pair, why in _by_name(wells, tables):
        found.setdefault(pair, why)
    said = {pair: why for pair, why in found.items() if set(pair) <= set(distinct)}
    for pair, why in said.items():
        _note_distinct(pair, why, wells, ledger)
    copies = _grouped({pair: why for pair, why in found.items() if pair not in said})
    repeated = [
        group
        for table in tables.values()
        for group in repeated_wells(table)
        if not _explained(group, copies, distinct)
    ]
    if copies:
        raise _undecided_plates(copies, of_table=of_table)
    if repeated:
        raise _undecided_wells(repeated, of_table=of_table)


def _by_profiles(
    alike: Mapping[str, Mapping[tuple[str, str], LikelyCopies]],
    tables: Mapping[str, pd.DataFrame],
    *,
    wells: pd.DataFrame,
    ledger: Ledger,
) -> Iterator[tuple[tuple[str, str], str]]:
    """Pairs that every representation takes for one plate, if it can tell."""
    for pair in sorted(set().union(*alike.values())):
        by = [name for name in alike if pair in alike[name]]
        others = [name for name in alike if name not in by]
        against = [name for name in others if _distinguishable(tables[name], pair)]
        if not against:
            yield pair, _words(alike[by[0]][pair])
            continue
        count = int(wells[PLATE].isin(pair).sum())
        ledger.conflicts.append(
            Conflict(
                PLATE, f"profiles {', '.join(by)}", count, (" and ".join(pair),),
                f"{_words(alike[by[0]][pair])}, which {', '.join(against)} contradicts: "
                "the representation knows these wells, as one that learned on both plates does",
                code="plates-similar-by-one",
            )
        )  # fmt: skip


def _distinguishable(table: pd.DataFrame, pair: tuple[str, str]) -> bool:
    found = compared_plates(table, pair)
    return found is not None and found.basis != "wells" and found.agreement < APART


def _words(alike: LikelyCopies) -> str:
    if alike.basis == "identical":
        return f"{alike.wells} of their wells have equal values"
    beyond = "" if alike.basis == "wells" else " beyond treatment and position"
    return (
        f"{alike.wells} wells agree{beyond} (correlation {alike.agreement:.2f}; {alike.matched:.0%}"
        " are nearest to themselves) as replicates do not, unless a network learned on both"
    )


def _by_name(
    wells: pd.DataFrame, tables: Mapping[str, pd.DataFrame]
) -> Iterator[tuple[tuple[str, str], str]]:
    """Pairs whose names differ by a measurement or a date only, and that hold the same.

    A date alone may as well be that of a replicate: profiles that tell the wells apart decide.
    """
    names = sorted(wells[PLATE].astype(str).unique())
    bare = {name: _bare(name) for name in names}
    by_plate = {str(name): part for name, part in wells.groupby(wells[PLATE].astype(str))}
    for left, right in combinations(names, 2):
        if bare[left][0] != bare[right][0] or not _same_content(by_plate[left], by_plate[right]):
            continue
        dated = not (bare[left][1] or bare[right][1])
        if dated and any(_distinguishable(table, (left, right)) for table in tables.values()):
            continue
        what = "a date" if dated else "a measurement"
        yield (left, right), f"their names differ by {what} only, and they hold the same"


def _bare(name: str) -> tuple[str, bool]:
    """A plate's name without measurement and date, and whether it had a measurement."""
    without = _AGAIN.sub("", name)
    plain = _DATE.sub("", without)
    return plain, without != name


def _same_content(left: pd.DataFrame, right: pd.DataFrame) -> bool:
    """Whether two plates have the same wells, nine in ten, with the same in them."""
    labels = [
        pd.Series(key_text(part[TREATMENT]) if TREATMENT in part else "", index=part[WELL])
        for part in (left, right)
    ]
    both = labels[0].index.intersection(labels[1].index)
    if len(both) < _SHARE * min(len(left), len(right)):
        return False
    one, other = labels[0][both], labels[1][both]
    known = (one != "") & (other != "")
    return not known.any() or bool((one[known] == other[known]).mean() >= _SHARE)


def _note_distinct(pair: tuple[str, str], why: str, wells: pd.DataFrame, ledger: Ledger) -> None:
    count = int(wells[PLATE].isin(pair).sum())
    said = f"{why}, but they count as different plates, as said"
    found = Conflict(
        PLATE, "distinct_plates", count, (" and ".join(pair),), said, "plates-kept-apart"
    )
    if all((c.source, c.examples) != (found.source, found.examples) for c in ledger.conflicts):
        ledger.conflicts.append(found)


def _grouped(found: Mapping[tuple[str, str], str]) -> list[Copies]:
    """Plates that hang together by pairs, each group with the reasons of its pairs."""
    groups: list[set[str]] = []
    for pair in found:
        joined = [group for group in groups if group & set(pair)]
        groups = [group for group in groups if group not in joined]
        groups.append(set(pair).union(*joined))
    result = []
    for group in groups:
        why = [reason for pair, reason in found.items() if set(pair) <= group]
        result.append(Copies(tuple(sorted(group)), why[0]))
    return sorted(result, key=lambda copies: copies.plates)


def _explained(group: Sequence[str], copies: Sequence[Copies], distinct: Sequence[str]) -> bool:
    """Whether equal wells are of plates that are asked about, or were said to be distinct."""
    plates = {name.rpartition("/")[0] for name in group}
    return plates <= set(distinct) or any(plates <= set(one.plates) for one in copies)


def _undecided_plates(copies: Sequence[Copies], *, of_table: bool) -> UndecidedError:
    found = []
    for one in copies[:3]:
        names = " and ".join([", ".join(map(repr, one.plates[:-1])), repr(one.plates[-1])])
        times = "twice" if len(one.plates) == 2 else f"{len(one.plates)} times"
        found.append(f"plates {names} look like one measured {times}: {one.why}")
    more = f"; and {len(copies) - 3} more groups" if len(copies) > 3 else ""
    groups = [list(one.plates) for one in copies]
    flat = [name for group in groups for name in group]
    what = "one well each: profiles are averaged, of images the first counts"
    if of_table:
        same = " or ".join(f"{'='.join(group)!r}" for group in groups[:3])
        say = (
            f"Say {named('same_plate')} {same} ({what}), or name them in "
            f"{named('distinct_plates')} (they count as replicates)"
        )
    else:
        say = (
            f"Say same_plate = {_toml(groups)} in [data] ({what}), or "
            f"distinct_plates = {_toml(flat)} (they count as replicates)"
        )
    text = reasons(found).rstrip(".")
    return UndecidedError(
        f"{text[0].upper()}{text[1:]}{more}. {say}.",
        setting="same_plate",
        choices=(f"same_plate = {_toml(groups)}", f"distinct_plates = {_toml(flat)}"),
    )


def _toml(names: Sequence) -> str:
    parts = [_toml(n) if isinstance(n, list) else '"' + n.replace('"', '\\"') + '"' for n in names]
    return f"[{', '.join(parts)}]"


def _undecided_wells(repeated: Sequence[Sequence[str]], *, of_table: bool) -> UndecidedError:
    """Wells here and there with the values of another, which no setting can make one."""
    plates = sorted({name.rpartition("/")[0] for group in repeated for name in group})
    count = sum(len(group) - 1 for group in repeated)
    example = " and ".join(first(repeated[0], limit=2))
    wells = [name.rpartition("/") for group in repeated for name in group[1:]]
    query = " or ".join(f"({PLATE} == '{p}' and {WELL} == '{w}')" for p, _, w in wells)
    out = "drop them from the table" if of_table else "exclude them"
    setting = named("distinct_plates") if of_table else "distinct_plates in [data]"
    return UndecidedError(
        f"{count} wells have the values of another well in every feature, such as {example}: one "
        f"measurement under two names. Take the repeats out ({out}), or, if these are different "
        f"wells all the same, name their plates in {setting}.",
        setting="exclude",
        choices=(f'exclude = "{query}"', f"distinct_plates = {_toml(plates)}"),
    )


def wells_of(table: pd.DataFrame, level: str) -> pd.DataFrame:
    """A profile table with one row a well, by means: to look at, not to count."""
    if level == "well":
        return table
    held = [name for name in (*WELL_KEY, TREATMENT, profiles.CONTROL) if name in table.index.names]
    return profiles.aggregate(profiles.keep_metadata(table, held), list(WELL_KEY), how="mean")
