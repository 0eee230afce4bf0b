"""What a network was shown of some images in training, beside the images as they are."""

from __future__ import annotations

import numpy as np

from phenolens.prepared import Prepared
from phenolens.represent.networks.network import Network


def augmented(
    network: Network, prepared: Prepared, rows: np.ndarray, *, times: int = 7, seed: int = 0
) -> np.ndarray:
    """Images as they are and as training would change them, for a contact sheet.

    Parameters
    ----------
    network : Network
        Fitted, or at least with its pixels standardised; its ``settings.augment`` is what is shown.
    prepared : Prepared
    rows : ndarray of int, shape (n,)
    times : int
        Augmented copies of each.
    seed : int

    Returns
    -------
    ndarray of float32, shape (n, 1 + times, C, S, S)
        On the 0-1 scale of the stored bytes, the image as it is first; of images in tiles the
        first tile.

    Examples
    --------
    The same as a picture::

        from phenolens.report.figures.augmented import contact_sheet
        contact_sheet(augmented(cnn, prepared, rows), prepared.channels).savefig("augmented.png")
    """
    feed = network.inputs(prepared, rows)
    pixels = feed.pixels[np.asarray(rows), 0]
    rng = np.random.default_rng(seed)
    copies = [feed.standard.apply(pixels), *(feed.augmented(pixels, rng) for _ in range(times))]
    mean, sd = (part[:, None, None] for part in (feed.standard.mean, feed.standard.sd))
    shown = np.stack([copy.cpu().numpy() for copy in copies], axis=1)
    return np.clip(shown * sd + mean, 0, 1).astype(np.float32)
