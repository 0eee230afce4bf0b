"""Blocks of a fused table that cannot move a cosine."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from phenolens.audit.basis import AuditFinding, unchecked
from phenolens.errors import InputError
from phenolens.findings import Severity
from phenolens.learn.nearest import unit_rows
from phenolens.published.audit.audit import check
from phenolens.published.audit.declaration import DeclaredRepresentation
from phenolens.published.audit.declared import Declared, feature_frame, feature_values

CODE = "unscaled-blocks"
DROWNED, WEIGHTLESS = 0.1, 0.02


@check(40)
def check_blocks(declared: Declared) -> Iterable[AuditFinding]:
    """Blocks of a fused table that cannot move a cosine."""
    said = declared.declaration.representations
    found = [finding for item in said if item.blocks for finding in _of_fused(declared, item)]
    plain = [item for item in said if not item.blocks and item.scaled is not None]
    found += [finding for item in plain for finding in _as_declared(item)]
    yield from found or [unchecked(CODE, "blocks")]


def _of_fused(declared: Declared, item: DeclaredRepresentation) -> Iterable[AuditFinding]:
    """Shares of the blocks against those of equal columns and of equal blocks, the smaller."""
    if item.name not in declared.embeddings:
        yield from _as_declared(item)
        return
    table = feature_frame(declared.embeddings[item.name])
    columns = block_columns(item, list(table.columns))
    shares = block_shares(feature_values(table), columns)
    sizes = {name: len(where) for name, where in columns.items()}
    total = sum(sizes.values())
    fair = {b: min(size / total, 1 / len(sizes)) for b, size in sizes.items()}
    drowned = [b for b in shares if shares[b] < DROWNED * fair[b]]
    lost = drowned or [b for b in shares if shares[b] < WEIGHTLESS]
    severity: Severity = "error" if drowned else "warning" if lost else "ok"
    about = {"representation": item.name}
    values = {"shares": shares, "columns": sizes, "lost": lost}
    yield AuditFinding(CODE, severity, about, values, worded="declared-blocks")


def _as_declared(item: DeclaredRepresentation) -> Iterable[AuditFinding]:
    if item.scaled is None:
        yield unchecked(CODE, "scaling", representation=item.name)
        return
    severity: Severity = "ok" if item.scaled else "error"
    about, values = {"representation": item.name}, {"scaled": item.scaled}
    yield AuditFinding(CODE, severity, about, values, "declaration", "declared-scaling")


def block_columns(item: DeclaredRepresentation, names: list[str]) -> dict[str, list[int]]:
    """Column numbers of each block: so many in turn, those with a prefix, or those named.

    Raises
    ------
    InputError
        If blocks do not cover the columns, each once.
    """
    out, start = {}, 0
    for block, said in item.blocks.items():
        if isinstance(said, int):
            out[block] = list(range(start, min(start + said, len(names))))
        elif isinstance(said, str):
            out[block] = [k for k, name in enumerate(names) if str(name).startswith(said)]
        else:
            out[block] = [names.index(name) for name in said if name in names]
        start += len(out[block])
    used = sorted(k for where in out.values() for k in where)
    if used != list(range(len(names))) or not all(out.values()):
        raise InputError(
            f"Blocks of {item.name!r} ({', '.join(f'{k}: {len(v)}' for k, v in out.items())}) do "
            f"not cover its {len(names)} columns, each once. Correct 'blocks' in design.toml."
        )
    return out


def block_shares(values: np.ndarray, columns: dict[str, list[int]]) -> dict[str, float]:
    """Share of each block in what a cosine sees: the mean of squared rows of length one."""
    squares = (unit_rows(values) ** 2).mean(axis=0)
    return {name: float(squares[where].sum() / squares.sum()) for name, where in columns.items()}
