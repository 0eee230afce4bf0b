"""What the command prints after a step: the finding itself, or where it lies."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from phenolens.ngff import VERSION
from phenolens.prepared import Prepared
from phenolens.study.session import Session
from phenolens.study.step import take
from phenolens.tools.design import Design

if TYPE_CHECKING:
    from phenolens.represent.base import Representation

_MARKS = {"error": "✗", "warning": "!", "info": "·", "ok": "✓"}


def lines_of_files(session: Session, result: object) -> Iterator[str]:
    """Where the step left its files."""
    yield f"Results: {session.place if session.remote else _seen_from_here(session.out)}"


def lines_of_prepare(session: Session, prepared: Prepared | None) -> Iterator[str]:
    """Where the pixels are, for viewers, beside what the step left."""
    yield from lines_of_files(session, prepared)
    if prepared is not None and prepared.images.level != "cell":
        plates = sorted(path for path in prepared.folder.glob("*.zarr"))
        shown = plates[0] if len(plates) == 1 else prepared.folder / "*.zarr"
        yield f"Plates as OME-Zarr {VERSION}: {_seen_from_here(shown)}"


def _seen_from_here(path: Path) -> Path:
    """Relative, where it lies below the current folder."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def lines_of_check(session: Session, findings: list) -> Iterator[str]:
    """The join ledger, then the audit, worst first."""
    yield from take(session, "screen").ledger.lines()
    if headers := take(session, "headers"):
        yield from headers.ledger.lines()
    order = list(_MARKS)
    for finding in sorted(findings, key=lambda f: order.index(f.severity)):
        said = finding.said
        yield f"{_MARKS[finding.severity]} {finding.code}: {said.what} {said.consequence}"
    refused = take(session, "splits").refused
    if refused:
        yield f"✗ no honest split: {refused.said.advice}"


def lines_of_splits(session: Session, design: Design) -> Iterator[str]:
    """How the screen was divided."""
    if design.refused is not None:
        yield f"No split: {design.refused.said.advice}"
    if design.folds is not None:
        tested = (design.folds.table["fold"] >= 0).sum()
        kind = f"leave-{design.folds.leave_out}-out"
        yield f"{design.folds.n_folds} folds ({kind}), {tested} wells tested"
    yield from lines_of_files(session, design)


def lines_of_report(session: Session, path: object) -> Iterator[str]:
    """Where the report is."""
    yield f"Report: {path}"
    if session.remote is not None:
        yield f"Results: {session.place}"


lines_of_run = lines_of_report


def lines_of_encoders() -> Iterator[str]:
    """Every representation: what it is, learns and reads, and its options with their defaults."""
    from phenolens.represent.base import REPRESENTATIONS

    kinds = REPRESENTATIONS.known()
    common: dict[str, dict[str, str]] = {}
    for kind in kinds.values():
        told, before = _defaults(kind), common.get(kind.section)
        both = told if before is None else {k: v for k, v in before.items() if told.get(k) == v}
        common[kind.section] = both if kind.section else {}
    for name, kind in kinds.items():
        learns = "learns nothing" if kind.learns == "nothing" else f"learns from {kind.learns}"
        yield f"{name}: {kind.label} ({kind.kind}; {learns}; reads {kind.reads})"
        own = [told for key, told in _defaults(kind).items() if key not in common[kind.section]]
        if common[kind.section]:
            own = [f"those of [{kind.section}] below", *own]
        if own:
            place = f"[{kind.section}], " if kind.section else ""
            yield _filled(f"{place}[represent.{name}] or [[encoders]] settings: {', '.join(own)}")
    for section, shared in common.items():
        if shared:
            yield f"[{section}]: what all of these share"
            yield _filled(", ".join(shared.values()))
    for name, why in REPRESENTATIONS.broken.items():
        yield f"{name}: could not be loaded ({why})"


def _defaults(kind: type[Representation]) -> dict[str, str]:
    """Each option as a study file writes it; where nothing is the default, its name alone."""
    found = {}
    for key, option in kind.Options.model_fields.items():
        value = option.get_default(call_default_factory=True)
        found[key] = key if value is None else f"{key} = {_toml(value)}"
    return found


def _toml(value: object) -> str:
    if is_dataclass(value) and not isinstance(value, type):
        inner = ", ".join(f"{key} = {_toml(one)}" for key, one in asdict(value).items())
        return f"{{ {inner} }}"
    return json.dumps(value, default=str)


def _filled(text: str) -> str:
    indent = " " * 4
    whole = text.replace(" = ", "\u00a0=\u00a0")  # a setting and its value stay together
    filled = textwrap.fill(
        whole, 100, initial_indent=indent, subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    return filled.replace("\u00a0", " ")
