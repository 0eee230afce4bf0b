"""How features came to be, as it travels with a table: in memory, in Parquet and in ``.h5ad``.

Text tables and spreadsheets have no place for it; of their features nobody knows what they learned
from until a person says it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from phenolens.errors import InputError
from phenolens.remote import local

if TYPE_CHECKING:
    from anndata import AnnData

CARD = "phenolens_card"
UNSAID = "unsaid"
_NEEDED = ("learns", "kind", "weights", "licence", "trained_on", "labels_seen")
OF_STUDY = "phenolens"  # what a study says of the profiles it writes


def card_in(data: pd.DataFrame | AnnData) -> dict[str, Any] | None:
    """The card that a DataFrame has in ``attrs``, or an AnnData in ``uns``; None where it has none.

    Returns
    -------
    dict or None
        Plain values of a :class:`phenolens.represent.base.Card`.

    Raises
    ------
    InputError
        If what stands in its place is no card.
    """
    said = data.attrs if isinstance(data, pd.DataFrame) else data.uns
    return _card({name: said[name] for name in (OF_STUDY, CARD) if name in said}, "The table")


def card_of_files(paths: Sequence[Path]) -> dict[str, Any] | None:
    """The card of tables that are stacked: what any of them learned from, all have learned from.

    Returns
    -------
    dict or None
        With a key ``unsaid``, the path of a file that has no card, where others have.

    Raises
    ------
    InputError
        If what stands in the place of a card is none.
    """
    found = {path: _card_of_file(path) for path in paths}
    cards = [card for card in found.values() if card is not None]
    if not cards:
        return None
    unsaid = [str(path) for path, card in found.items() if card is None]
    return _joined(cards) | ({UNSAID: unsaid[0]} if unsaid else {})


def _joined(cards: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One card for several: what any has learned from, and what of any nobody knows."""
    seen = {
        part: sorted({name for card in cards for name in card.get(part, ())})
        for part in ("trained_on", "labels_seen", "unknown")
    }
    most = max((card["learns"] for card in cards), key=("nothing", "pixels", "labels").index)
    return cards[0] | seen | {"learns": most}


def _card(told: Mapping[str, Any], source: str) -> dict[str, Any] | None:
    """The card in what a table keeps beside its numbers.

    Profiles that a study wrote have one of every fold and block; theirs is over all of these.
    """
    try:
        if isinstance(about := told.get(OF_STUDY), str):
            parts = json.loads(about)
            blocks = [parts, *parts.get("made_of", ())]
            cards = [card for block in blocks for card in block["cards"].values()]
            return _joined(cards) if cards else None
        held = told.get(CARD)
        held = json.loads(held) if isinstance(held, str) else held
        if held is not None:
            _joined([{key: held[key] for key in _NEEDED}])
        return held
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InputError(
            f"{source} holds a card of its features that cannot be read ({CARD} or {OF_STUDY}). "
            "Take it out, or have the table written anew."
        ) from None


def _card_of_file(path: Path) -> dict[str, Any] | None:
    """What a file keeps beside its table; a file that cannot be read is told by who reads it."""
    name = path.name.lower()
    told: dict[str, Any] = {}
    try:
        if name.endswith((".parquet", ".pq")):
            import pyarrow.parquet as pq

            said = pq.read_schema(local(path)).metadata or {}
            told = json.loads(said.get(b"PANDAS_ATTRS", b"{}"))
            if OF_STUDY.encode() in said:
                told[OF_STUDY] = said[OF_STUDY.encode()].decode()
        elif name.endswith(".h5ad"):
            import h5py

            with h5py.File(local(path)) as file:
                beside = file.get("uns", {})
                kept = {n: beside[n] for n in (OF_STUDY, CARD) if n in beside}
                told = {n: item[()].decode() for n, item in kept.items() if item.shape == ()}
    except (OSError, ValueError, TypeError, AttributeError):
        return None
    return _card(told, str(path))


def put_card(table: pd.DataFrame | AnnData, card: dict[str, Any] | None) -> None:
    """Let a card travel with a table."""
    if card is None:
        return
    if isinstance(table, pd.DataFrame):
        table.attrs[CARD] = card
    else:
        table.uns[CARD] = json.dumps(card, sort_keys=True)
