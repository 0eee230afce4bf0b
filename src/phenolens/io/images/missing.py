"""Plates of which a stain is missing altogether, so that none of their images is complete."""

from __future__ import annotations

import pandas as pd

from phenolens.images import ImageSet
from phenolens.io.ledger import Ledger
from phenolens.profiles import PLATE

_FIELD = ["plate", "well", "site"]


def plates_without_stain(images: ImageSet | None, ledger: Ledger) -> dict[str, list[str]]:
    """Stains that no field of a plate has, by plate, for plates that are left with no image.

    Parameters
    ----------
    images : ImageSet or None
        Those that are complete.
    ledger : Ledger
        Its entries for files that are missing, or that nothing names.
    """
    lost = pd.DataFrame(
        [
            (item.plate, item.well, item.site, item.channel)
            for item in ledger.set_aside
            if item.why.code in ("file-missing", "file-not-named") and item.plate
        ],
        columns=[*_FIELD, "channel"],
    )
    kept = set() if images is None else set(images.table[PLATE])
    lost = lost[~lost["plate"].isin(kept)].drop_duplicates()
    fields = lost.drop_duplicates(_FIELD).groupby("plate").size()
    absent = lost.groupby(["plate", "channel"]).size()
    return {
        str(plate): sorted(
            str(channel) for channel, n in absent[plate].items() if n == fields[plate]
        )
        for plate in fields.index
        if (absent[plate] == fields[plate]).any()
    }
