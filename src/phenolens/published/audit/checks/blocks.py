"""Blocks of a fused table that cannot move a cosine."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from phenolens.audit.basis import DECLARATION, AuditFinding, unchecked
from phenolens.errors import InputError
from phenolens.learn.nearest import unit_rows
from phenolens.published.audit.audit import check
from phenolens.published.audit.declaration import DeclaredRepresentation
from phenolens.published.audit.declared import (
    Declared,
    feature_frame,
    feature_values,
)

BLOCKS, CLUSTERS = "unscaled-blocks", "clusters-as-labels"
DROWNED, WEIGHTLESS = 0.1, 0.02


@check(40)
def check_blocks(declared: Declared) -> Iterable[AuditFinding]:
    """Blocks of a fused table that cannot move a cosine."""
    fused = [item for item in declared.design.representations if item.blocks]
    found = [finding for item in fused for finding in _of_fused(declared, item)]
    told = [i for i in declared.design.representations if not i.blocks and i.scaled is not None]
    found += [finding for item in told for finding in _by_word(item)]
    yield from found or [unchecked(BLOCKS, "no representation names the blocks it was fused from")]


def _of_fused(declared: Declared, item: DeclaredRepresentation) -> Iterable[AuditFinding]:
    if item.name not in declared.embeddings:
        yield from _by_word(item)
        return
    table = feature_frame(declared.embeddings[item.name])
    columns = block_columns(item, list(table.columns))
    shares = block_shares(feature_values(table), columns)
    sizes = {name: len(where) for name, where in columns.items()}
    yield _weighed(item.name, shares, sizes)


def _by_word(item: DeclaredRepresentation) -> Iterable[AuditFinding]:
    if item.scaled is None:
        yield unchecked(BLOCKS, f"neither the table nor the scaling of {item.name} is given")
        return
    if item.scaled:
        what = f"Blocks of {item.name} are scaled, as declared."
        yield AuditFinding(BLOCKS, "ok", item.name, what, basis=DECLARATION)
        return
    yield AuditFinding(
        BLOCKS, "error", item.name, f"Blocks of {item.name} are joined unscaled, as declared.",
        "Columns of the largest unit decide every distance: it is no fusion.",
        "Scale every column on control wells, and every block to equal weight.",
        basis=DECLARATION,
    )  # fmt: skip


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


def _weighed(name: str, shares: dict[str, float], sizes: dict[str, int]) -> AuditFinding:
    """Judge shares against those of equal columns and of equal blocks, whichever is smaller."""
    total = sum(sizes.values())
    told = ", ".join(f"{b}: {s:.2%} ({sizes[b]} of {total} columns)" for b, s in shares.items())
    what = f"What a cosine of {name} sees comes from {told}."
    fair = {b: min(size / total, 1 / len(sizes)) for b, size in sizes.items()}
    drowned = [b for b in shares if shares[b] < DROWNED * fair[b]]
    weightless = [b for b in shares if shares[b] < WEIGHTLESS]
    if not drowned and not weightless:
        return AuditFinding(BLOCKS, "ok", name, what)
    lost = ", ".join(drowned or weightless)
    return AuditFinding(
        BLOCKS, "error" if drowned else "warning", name, what,
        f"{lost} cannot change a neighbour or a cluster: what is called fusion is the other block.",
        "Scale every column on control wells, and every block to equal weight.",
    )  # fmt: skip
