"""The files an image table names, looked for one folder at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from phenolens.io.columns import FOLDER
from phenolens.io.images.table import Located
from phenolens.io.paths import ImageFinder
from phenolens.places import is_url
from phenolens.remote import look_at


def find_files(
    located: Located, bases: Sequence[Path]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Absolute paths of each channel, and which of them are not there.

    A row's relative path starts from the given root or its own table's folder, never from another
    table's: plates have files of the same names.
    """
    folders = located.frame.get(FOLDER, pd.Series("", index=located.frame.index)).to_numpy()
    own = {f: ImageFinder([bases[0], *([Path(f)] if f else []), *bases[1:]]) for f in set(folders)}
    paths, missing = {}, {}
    for channel, texts in located.paths.items():
        paths[channel], there = _find_all(texts, folders, own)
        missing[channel] = ~there
    for channel, texts in located.illumination.items():
        found, there = _find_all(texts, folders, own)
        located.illumination[channel] = np.where(there, found, "")
    for compartment, texts in located.labels.items():
        located.labels[compartment] = _find_all(texts, folders, own)[0]
    return paths, missing


def _find_all(
    texts: np.ndarray, folders: np.ndarray, finders: Mapping[str, ImageFinder]
) -> tuple[np.ndarray, np.ndarray]:
    pairs = list(zip(texts, folders, strict=True))
    results = {
        (text, folder): finders[folder].find(text, look_elsewhere=False)
        for text, folder in set(pairs)
    }
    afar = [pair for pair, (_, there) in results.items() if not there and is_url(pair[0])]
    if afar:
        look_at({str(text).strip() for text, _ in afar})
        results |= {(text, folder): finders[folder].find(text) for text, folder in afar}
    found = np.array([results[pair][0] for pair in pairs], dtype=object)
    return found, np.array([results[pair][1] for pair in pairs], dtype=bool)
