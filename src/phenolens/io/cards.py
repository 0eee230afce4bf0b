"""How features came to be, as it travels with a table: in memory, in Parquet and in ``.h5ad``.

Text tables and spreadsheets have no place for it; of their features nobody knows what they learned
from until a person says it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from anndata import AnnData

CARD = "phenolens_card"
UNSAID = "unsaid"
OF_STUDY = "phenolens"  # what a study says of the profiles it writes


def card_in(data: pd.DataFrame | AnnData) -> dict[str, Any] | None:
    """The card that a DataFrame has in ``attrs``, or an AnnData in ``uns``; None where it has none.

    Returns
    -------
    dict or None
        Plain values of a :class:`phenolens.represent.base.Card`.
    """
    said = data.attrs if isinstance(data, pd.DataFrame) else data.uns
    if isinstance(about := said.get(OF_STUDY), str):
        return _of_study(json.loads(about))
    held = said.get(CARD)
    return json.loads(held) if isinstance(held, str) else held


def card_of_files(paths: Sequence[Path]) -> dict[str, Any] | None:
    """The card of tables that are stacked: what any of them learned from, all have learned from.

    Returns
    -------
    dict or None
        With a key ``unsaid``, the path of a file that has no card, where others have.
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


def _of_study(about: dict[str, Any]) -> dict[str, Any] | None:
    """The card of profiles that a study wrote: over the fits of all folds, and all blocks."""
    parts = [about, *about.get("made_of", ())]
    cards = [card for part in parts for card in part["cards"].values()]
    return _joined(cards) if cards else None


def _card_of_file(path: Path) -> dict[str, Any] | None:
    """What a file keeps beside its table; a file that cannot be read is told by who reads it."""
    name = path.name.lower()
    try:
        if name.endswith((".parquet", ".pq")):
            import pyarrow.parquet as pq

            said = pq.read_schema(path).metadata or {}
            if OF_STUDY.encode() in said:
                return _of_study(json.loads(said[OF_STUDY.encode()]))
            held = json.loads(said.get(b"PANDAS_ATTRS", b"{}")).get(CARD)
        elif name.endswith(".h5ad"):
            import h5py

            with h5py.File(path) as file:
                told = {n: file["uns"][n][()].decode() for n in (OF_STUDY, CARD)
                        if n in file.get("uns", ())}  # fmt: skip
                if OF_STUDY in told:
                    return _of_study(json.loads(told[OF_STUDY]))
                held = told.get(CARD)
        else:
            return None
    except (OSError, ValueError):
        return None
    return json.loads(held) if isinstance(held, str) else held


def put_card(table: pd.DataFrame | AnnData, card: dict[str, Any] | None) -> None:
    """Let a card travel with a table."""
    if card is None:
        return
    if isinstance(table, pd.DataFrame):
        table.attrs[CARD] = card
    else:
        table.uns[CARD] = json.dumps(card, sort_keys=True)
