"""The join ledger: what came in, what matched, what did not, and what was set aside, by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field

from phenolens.findings import Finding

SHOWN = 10


@dataclass(frozen=True)
class Join:
    """One source and what became of it.

    Attributes
    ----------
    source : str
        File, block or table.
    rows : int
        Rows read.
    matched, unmatched : int
        Wells (for a joined table) or rows (for images and profiles) that found their counterpart,
        and those that did not.
    unmatched_keys : tuple of str
        The first few keys that found nothing.
    duplicates : int
        Rows that repeat a key.
    unused : int
        Keys of the source that no well asked for.
    note : str
        What else is worth knowing.
    """

    source: str
    rows: int
    matched: int
    unmatched: int = 0
    unmatched_keys: tuple[str, ...] = ()
    duplicates: int = 0
    unused: int = 0
    note: str = ""


@dataclass(frozen=True)
class SetAside:
    """One image, profile or well that takes no part, and why.

    Attributes
    ----------
    why : Finding
    plate, well, site, channel, file, object : str
        Which it is; empty where that is not known, or says nothing.
    """

    why: Finding
    plate: str = ""
    well: str = ""
    site: str = ""
    channel: str = ""
    file: str = ""
    object: str = ""

    @property
    def reason(self) -> str:
        """Why, in words."""
        return self.why.text

    def to_json(self) -> dict[str, str]:
        """A plain dictionary; ``object`` only where one object is meant."""
        place = {name: value for name, value in vars(self).items() if name != "why"}
        kept = {name: text for name, text in place.items() if text or name != "object"}
        return {"code": self.why.code, "reason": self.reason} | kept


@dataclass(frozen=True)
class Conflict:
    """One column about which the sources, or the rows of one well, disagree, or that is doubtful.

    ``code`` names the kind of doubt, and is that of its finding.
    """

    column: str
    source: str
    wells: int
    examples: tuple[str, ...]
    consequence: str
    code: str = "labels-disagree"

    def finding(self, **values: object) -> Finding:
        """The doubt as a finding."""
        found = {name: value for name, value in asdict(self).items() if name != "code"}
        return Finding(self.code, "warning", {"column": found.pop("column")}, found | values)

    def line(self) -> str:
        """The doubt in one line."""
        return self.finding().said.phrase

    def to_json(self) -> dict[str, object]:
        """A plain dictionary, in the form of ``ledger.json``."""
        return asdict(self)


@dataclass
class Ledger:
    """Everything that happened between the files and the tables a study works on."""

    joins: list[Join] = field(default_factory=list)
    set_aside: list[SetAside] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict:
        """Plain dictionaries and lists, in the form of ``ledger.json``."""
        return {
            "joins": [asdict(item) for item in self.joins],
            "set_aside": [item.to_json() for item in self.set_aside],
            "conflicts": [item.to_json() for item in self.conflicts],
            "counts": dict(self.counts),
        }

    def lines(self) -> list[str]:
        """The ledger for a terminal, one fact a line."""
        return [
            *map(_join_line, self.joins),
            *(item.line() for item in self.conflicts),
            *_aside_lines(self.set_aside),
            *(f"{name.replace('_', ' ')}: {count}" for name, count in self.counts.items()),
        ]


def first(keys: Iterable[str], *, limit: int = SHOWN) -> tuple[str, ...]:
    """The first few distinct keys, in natural reading order."""
    return tuple(sorted(set(keys))[:limit])


def _join_line(join: Join) -> str:
    parts = [f"{join.source}: {join.rows} rows in, {join.matched} matched"]
    if join.unmatched:
        shown = ", ".join(join.unmatched_keys)
        more = ", ..." if join.unmatched > len(join.unmatched_keys) else ""
        parts.append(f"{join.unmatched} unmatched ({shown}{more})")
    parts += [f"{join.duplicates} repeated rows"] if join.duplicates else []
    parts += [f"{join.unused} keys not asked for"] if join.unused else []
    return ", ".join(parts) + (f"; {join.note}" if join.note else "")


def _aside_lines(items: list[SetAside]) -> list[str]:
    counted = Counter(str(item.why.named()) for item in items)
    firsts = {str(item.why.named()): item for item in reversed(items)}
    return [
        f"set aside: {count} x {firsts[why].reason} (e.g. {_place(firsts[why])})"
        for why, count in counted.items()
    ]


def _place(item: SetAside) -> str:
    parts = [item.plate, item.well, item.site, item.object, item.channel, item.file]
    return " ".join(part for part in parts if part)
