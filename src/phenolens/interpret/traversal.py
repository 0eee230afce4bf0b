"""What an autoencoder sees change from controls to a treatment, as pictures along its code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phenolens.errors import DesignError
from phenolens.prepared import Prepared
from phenolens.profiles import PLATE
from phenolens.represent.networks.devices import autocast
from phenolens.represent.networks.torches import require_torch
from phenolens.represent.vae import VAE

_BEYOND = 1.5


@dataclass(frozen=True)
class Traversal:
    """Images that were never taken: decoded from codes between controls and treatment.

    Attributes
    ----------
    shares : ndarray of float64, shape (n,)
        How far along each lies: 0 is the mean of controls, 1 the mean of the treatment; more
        exaggerates.
    codes : ndarray of float32, shape (n, latent)
    images : ndarray of float32, shape (n, C, S, S)
        On the 0-1 scale of the stored bytes.
    change : ndarray of float32, shape (C, S, S)
        The image at 1 less the image at 0.
    separation : float
        Distance of both means in pooled standard deviations along the line between them: below
        about 1 the pictures show a difference that single images do not have.
    """

    shares: np.ndarray
    codes: np.ndarray
    images: np.ndarray
    change: np.ndarray
    separation: float


def traverse(
    vae: VAE,
    prepared: Prepared,
    *,
    controls: np.ndarray,
    treated: np.ndarray,
    steps: int = 7,
) -> Traversal:
    """Decode the line from the mean code of controls to that of a treatment, and half beyond.

    Means are taken plate by plate, over plates that have both: a plate with more treated images
    would otherwise put its own look into the line.

    Parameters
    ----------
    vae : VAE
        Fitted. Where it is told plates or batches, it decodes with the mean of all.
    prepared : Prepared
    controls, treated : ndarray of int
        Rows of the store.
    steps : int
        Images, 3 or more.

    Raises
    ------
    DesignError
        If no plate has both.

    Examples
    --------
    The same in pictures::

        from phenolens.report.figures.traversal import traversal
        found = traverse(vae, prepared, controls=controls, treated=treated)
        traversal(found.images, found.change, found.shares, channels=prepared.channels)
    """
    plates = prepared.images.table[PLATE].astype(str).to_numpy()
    both = sorted(set(plates[controls]) & set(plates[treated]))
    if not both:
        raise DesignError("No plate has both controls and treated images: nothing to go between.")
    start, end = (
        [vae.extract(prepared, rows[plates[rows] == plate]) for plate in both]
        for rows in (np.asarray(controls), np.asarray(treated))
    )
    first, last = (np.mean([code.mean(0) for code in codes], axis=0) for codes in (start, end))
    shares = np.linspace(0.0, _BEYOND, steps)
    codes = (first + shares[:, None] * (last - first)).astype(np.float32)
    images = decoded(vae, np.concatenate([codes, np.stack([first, last]).astype(np.float32)]))
    return Traversal(
        shares, codes, images[:steps], images[-1] - images[-2], _separation(start, end)
    )


def decoded(vae: VAE, codes: np.ndarray) -> np.ndarray:
    """Images of codes (n, latent), float32 (n, C, S, S) on the 0-1 scale of the stored bytes."""
    torch, standard = require_torch(), vae.standard()
    precision = vae.state["made"]["precision"]
    with torch.no_grad(), autocast(vae.device(), precision):
        out = vae.model.eval().decode(torch.from_numpy(codes).to(vae.device()))
    pixels = out.float().cpu().numpy()
    pixels = pixels * standard.sd[:, None, None] + standard.mean[:, None, None]
    return np.clip(pixels, 0.0, 1.0).astype(np.float32)


def _separation(start: list[np.ndarray], end: list[np.ndarray]) -> float:
    line = np.mean([b.mean(0) - a.mean(0) for a, b in zip(start, end, strict=True)], axis=0)
    length = float(np.linalg.norm(line))
    if length == 0:
        return 0.0
    along = [[(codes - codes.mean(0)) @ line / length for codes in part] for part in (start, end)]
    spread = [np.sqrt(np.mean(np.concatenate(part) ** 2)) for part in along]
    pooled = float(np.sqrt(np.mean(np.square(spread))))
    return length / pooled if pooled else float("inf")
