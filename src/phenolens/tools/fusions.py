"""Blocks of the same wells joined by key, and the shares that each question may give them.

Shares come from nothing that is scored. Classification chooses them in each fold on training wells
(:func:`phenolens.tools.classify.candidate`). Activity tests a treatment with shares that were
chosen on *other* compounds: treatments are dealt into groups, and each group takes what made the
replicates of the other groups find each other; controls of the test take no part. Matching asks
for mechanisms and may use the replicates of all treatments: no mechanism has a say in the shares,
so labels of mechanisms that are permuted leave them as they are. What asks whether replicates find
each other (retrieval, silhouette) keeps blocks of equal energy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.learn.choose_blocks import BlockChoice, Replicates, choose_by_replicates
from phenolens.learn.fuse import BlockFusion, join_blocks, noise_block
from phenolens.profiles import COMPOUND, TREATMENT
from phenolens.represent.base import ALL
from phenolens.tools.block import NOBODY, Block
from phenolens.tools.compared import part_of, scale_of_blocks
from phenolens.tools.design import Design
from phenolens.tools.names import NOISE, noise_name

GROUPS = 5
FEWEST_COMPOUNDS = 6
MOST_WELLS = 1_500
EQUAL, ON_OTHERS, BY_REPLICATES = (
    "blocks of equal energy",
    "blocks weighed on other compounds",
    "blocks weighed by replicates",
)
BLOCK_COLUMNS = ("task", "part", "block", "alone", "share", "best", "gain", "gain_errors")


@dataclass(frozen=True)
class Weighed:
    """Wells of a fusion that are compared with one another, and how its blocks were weighed.

    Attributes
    ----------
    wells : DataFrame
        Blocks side by side, each brought to equal energy and its share.
    choices : mapping of str to BlockChoice or None
        By group of treatments that are judged in it (or ``all``), what was chosen for it: the same
        shares for each. None where nothing could be chosen, and shares are equal.
    """

    wells: pd.DataFrame
    choices: Mapping[str, BlockChoice | None]

    @property
    def part(self) -> str:
        """The groups in it."""
        return ", ".join(self.choices)

    @property
    def chosen(self) -> bool:
        """Whether anything was chosen."""
        return any(choice is not None for choice in self.choices.values())


def joined(name: str, blocks: Sequence[Block]) -> Block:
    """Blocks side by side in every table that one of them has, matched by plate and well.

    Parameters
    ----------
    name : str
    blocks : sequence of Block
        Ready to be compared.

    Returns
    -------
    Block
        Its ``notes`` have the wells of each block that another one lacks (``unmatched``).

    Raises
    ------
    InputError
        If the blocks share no well.
    """
    unseen = _unseen(blocks)
    keys = list(dict.fromkeys([*(key for block in blocks for key in block.tables), *unseen]))
    tables, features, unmatched = {}, {}, {}
    for fold in keys:
        parts = {block.name: block.made_for(fold) for block in blocks}
        tables[fold], features[fold], unmatched[fold] = join_blocks(parts)
    common = {
        part: [c for c in columns if all(c in table for table in tables.values())]
        for part, columns in features[keys[0]].items()
    }
    kept = [feature for own in common.values() for feature in own]
    return Block(
        name,
        {fold: table[kept] for fold, table in tables.items()},
        calibrated=any(block.calibrated for block in blocks),
        unseen=unseen,
        made_of=tuple(blocks),
        features=common,
        notes={"space": f"{_spaces(blocks)}; {EQUAL}", "unmatched": unmatched[ALL]},
    )


def _unseen(blocks: Sequence[Block]) -> Mapping[str, tuple[str, ...]]:
    """Treatments by the table in which no block has seen their labels."""
    asked = [dict(block.unseen) for block in blocks if block.unseen]
    if not asked:
        return {}
    first = found = max(asked, key=len)  # networks of one study share their groups
    for other in asked:
        if other == first:
            continue
        if len(other) > 1:
            return {NOBODY: ()}
        (known,) = other.values()
        found = {group: tuple(n for n in names if n in known) for group, names in found.items()}
    left = {group: names for group, names in found.items() if names}
    return left if left and NOBODY not in left else {NOBODY: ()}


def _spaces(blocks: Sequence[Block]) -> str:
    """What the values of the blocks are, in words; noise has no space of its own."""
    known = {block.name: block.notes["space"] for block in blocks if "space" in block.notes}
    if len(set(known.values())) < 2:
        return next(iter(known.values()), "")
    return ", ".join(f"{name}: {space}" for name, space in known.items())


def with_noise(kept: Block, replaced: Sequence[Block], *, seed: int) -> Block:
    """The control of a fusion: one block beside noise as wide as each of the others.

    Wells and judged treatments are those of the fusion.
    """
    others = []
    for number, block in enumerate(replaced):
        name = NOISE if number == 0 else f"{NOISE}{number + 1}"

        def change(
            wells: pd.DataFrame, name: str = name, seed: int = seed + number
        ) -> pd.DataFrame:
            return noise_block(wells, like=name, seed=seed)

        blank = Block(name, block.tables, unseen=block.unseen, calibrated=block.calibrated)
        others.append(blank.mapped(change))
    return joined(noise_name(kept.name, *(block.name for block in replaced)), [kept, *others])


def weighed_for_activity(block: Block, design: Design, *, seed: int) -> list[Weighed]:
    """Wells in as many parts as there are shares: each with what other compounds have chosen.

    Parameters
    ----------
    block : Block
        A fusion.
    design : Design
    seed : int
        Deals the compounds into groups.

    Returns
    -------
    list of Weighed
        Evaluation controls are in each part; groups that take the same shares are one part.
    """
    groups = _groups(block, seed=seed)
    if len(groups) < 2:
        table = next(iter(block.unseen), ALL)
        return [Weighed(_scaled(block, table, None, design), {ALL: None})]
    tables = {table: [n for of, names in groups.values() if of == table for n in names]
              for table, _ in groups.values()}  # fmt: skip
    seen = {
        table: _replicates(block, table, names, design=design, seed=seed)
        for table, names in tables.items()
    }
    parts: dict[tuple[object, ...], tuple[dict[str, BlockChoice | None], list[str]]] = {}
    for group, (table, names) in groups.items():
        others = [one.without(names) for one in seen.values() if one is not None]
        choice = choose_by_replicates([one for one in others if len(one.labels)])
        shares = _shares(choice) or {}
        chosen, judged = parts.setdefault((table, *sorted(shares.items())), ({}, []))
        chosen[group] = choice
        judged.extend(names)
    alone = len(parts) == 1 and not block.unseen
    return [
        Weighed(
            _scaled(
                block,
                str(table),
                None if alone else judged,
                design,
                shares=_shares(next(iter(chosen.values()))),
            ),
            chosen,
        )
        for (table, *_), (chosen, judged) in parts.items()
    ]


def weighed_for_matching(block: Block, design: Design, *, seed: int) -> Weighed:
    """All wells, with the shares by which the replicates of all treatments find each other best."""
    named = [name for _, names in _groups(block, seed=seed).values() for name in names]
    seen = _replicates(block, ALL, named, design=design, seed=seed) if named else None
    choice = choose_by_replicates([] if seen is None else [seen])
    return Weighed(_scaled(block, ALL, None, design, shares=_shares(choice)), {ALL: choice})


def _shares(choice: BlockChoice | None) -> Mapping[str, float] | None:
    return None if choice is None else choice.weights


def _groups(block: Block, *, seed: int) -> dict[str, tuple[str, list[str]]]:
    """By group of treatments, all doses of a compound together: the table to judge it in, names."""
    if len(block.unseen) > 1:
        return {group: (group, list(names)) for group, names in block.unseen.items()}
    if NOBODY in block.unseen:
        return {}
    table, only = next(iter(block.unseen.items()), (ALL, None))
    wells = profiles.metadata(block.tables[table])[~profiles.is_control(block.tables[table])]
    if TREATMENT not in wells:
        return {}
    wells = wells[wells[TREATMENT].notna()]
    wells = wells if only is None else wells[wells[TREATMENT].isin(only)]
    together = COMPOUND if COMPOUND in wells and wells[COMPOUND].notna().all() else TREATMENT
    compounds = np.array(sorted(wells[together].astype(str).unique()), dtype=object)
    if len(compounds) < FEWEST_COMPOUNDS:
        return {}
    dealt = np.random.default_rng([seed, 11]).permutation(len(compounds)) % GROUPS
    group_of = dict(zip(compounds, dealt, strict=True))
    of = wells[together].astype(str).map(group_of)
    return {
        f"compounds-{number}": (table, sorted(set(wells.loc[of == number, TREATMENT].astype(str))))
        for number in range(GROUPS)
    }


def _replicates(
    block: Block, table: str, names: Sequence[str], *, design: Design, seed: int
) -> Replicates | None:
    """Similarities among the treated wells of a group, by block; None without two treatments."""
    wells = block.tables[table]
    treatment = profiles.column(wells, TREATMENT).astype(str)
    counts = pd.Series(treatment[~profiles.is_control(wells)]).value_counts()
    several = [name for name in names if counts.get(name, 0) > 1]
    if len(several) < 2:
        return None
    order = np.random.default_rng([seed, 13]).permutation(len(several))
    reached = np.cumsum([counts[several[i]] for i in order])
    fits = order[: max(2, int((reached <= MOST_WELLS).sum()))]
    rows = np.isin(treatment, [several[i] for i in fits]) & ~profiles.is_control(wells)
    scaled = scale_of_blocks(block, wells, design).transform(profiles.take(wells, rows))
    values = {name: _own(scaled, name) for name in block.features}
    return Replicates({name: one @ one.T for name, one in values.items()}, treatment[rows])


def _own(scaled: pd.DataFrame, block: str) -> np.ndarray:
    mine = [str(column).startswith(f"{block}__") for column in scaled.columns]
    return scaled.loc[:, mine].to_numpy(np.float64)


def _scaled(
    block: Block,
    table: str,
    names: Sequence[str] | None,
    design: Design,
    *,
    shares: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Wells of some treatments and the controls, blocks at their shares; those left out are out."""
    wells = block.tables[table]
    scale: BlockFusion = scale_of_blocks(block, wells, design, shares=shares)
    if table in block.unseen:
        wells = part_of(block, table, design)
    if names is not None and len(wells):
        mine = np.isin(profiles.column(wells, TREATMENT).astype(str), names)
        wells = profiles.take(wells, mine | profiles.is_control(wells))
    return scale.transform(wells) if len(wells) else wells


def blocks_table(weighed: Sequence[Weighed], *, task: str, names: Sequence[str]) -> pd.DataFrame:
    """What each block told alone and the share it got: rows of ``fusion.parquet``.

    Parameters
    ----------
    weighed : sequence of Weighed
    task : str
    names : sequence of str
        The blocks.
    """
    rows = [
        row
        for one in weighed
        for part, choice in one.choices.items()
        for row in choice_rows(choice, part=part, names=names)
    ]
    return pd.DataFrame(rows).assign(task=task).reindex(columns=list(BLOCK_COLUMNS))


def choice_rows(
    choice: BlockChoice | None, *, part: str, names: Sequence[str]
) -> Iterator[dict[str, object]]:
    """A row a block: what it told alone, its share, and what the whole gained over the best one.

    Gains of blocks that were added one after another are summed.
    """
    if choice is None:
        for name in names:
            row = {"part": part, "block": name, "alone": np.nan, "share": 1.0 / len(names)}
            yield row | {"best": False, "gain": np.nan, "gain_errors": np.nan}
        return
    gain, errors = choice.gain
    for name in names:
        yield {
            "part": part,
            "block": name,
            "alone": choice.alone[name],
            "share": choice.weights.get(name, 0.0),
            "best": name == choice.best,
            "gain": gain,
            "gain_errors": errors,
        }
