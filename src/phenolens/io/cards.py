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


def card_in(data: pd.DataFrame | AnnData) -> dict[str, Any] | None:
    """The card that a DataFrame has in ``attrs``, or an AnnData in ``uns``; None where it has none.

    Returns
    -------
    dict or None
        Plain values of a :class:`phenolens.represent.base.Card`.
    """
    held = (data.attrs if isinstance(data, pd.DataFrame) else data.uns).get(CARD)
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
    seen = {
        part: sorted({name for card in cards for name in card[part]})
        for part in ("trained_on", "labels_seen")
    }
    most = max((card["learns"] for card in cards), key=("nothing", "pixels", "labels").index)
    unsaid = [str(path) for path, card in found.items() if card is None]
    return cards[0] | seen | {"learns": most} | ({UNSAID: unsaid[0]} if unsaid else {})


def _card_of_file(path: Path) -> dict[str, Any] | None:
    """What a file keeps beside its table; a file that cannot be read is told by who reads it."""
    name = path.name.lower()
    try:
        if name.endswith((".parquet", ".pq")):
            import pyarrow.parquet as pq

            held = (pq.read_schema(path).metadata or {}).get(b"PANDAS_ATTRS", b"{}")
            held = json.loads(held).get(CARD)
        elif name.endswith(".h5ad"):
            import h5py

            with h5py.File(path) as file:
                held = file["uns"][CARD][()].decode() if CARD in file.get("uns", ()) else None
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
