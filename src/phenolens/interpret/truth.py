"""How often maps of this very network are right: spikes of known truth in this screen's controls.

A spike counts only where the network sees it: where it moves the score of some class (or treatment)
by more than most control cells differ from their mean. The map of the spiked image is then asked
about that class. What the network does not see, no map of it can show: it is counted as not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from phenolens.errors import DesignError
from phenolens.findings import Finding
from phenolens.interpret.attribution_checks import pointing
from phenolens.interpret.explain import DEFAULT, Maps, Method, explain
from phenolens.interpret.scores import Resemblance
from phenolens.interpret.spikes import KINDS, Kind, Spiked, plant
from phenolens.prepared import Prepared
from phenolens.represent.base import Representation
from phenolens.represent.networks.torches import require_torch
from phenolens.stats.intervals import bootstrap_mean, wilson_interval

SEEN = 2.0
LEAST, FEWEST = 0.5, 10
MEASURES = ("hit", "energy", "stain_right", "compartment_right")


@dataclass(frozen=True)
class ControlCells:
    """Control images for planting, and treated ones that give their stains.

    Attributes
    ----------
    rows : ndarray of int, shape (n,)
    parts : ndarray, shape (n, 3, S, S)
        Compartments of these images.
    givers : ndarray of int
        Rows of treated images.
    nuclear : int or None
        Place of the nuclear stain, where it is known.
    """

    rows: np.ndarray
    parts: np.ndarray
    givers: np.ndarray
    nuclear: int | None = 0


def spike_table(
    network: Representation,
    prepared: Prepared,
    controls: ControlCells,
    *,
    methods: Sequence[Method] = (DEFAULT,),
    kinds: Sequence[Kind] = KINDS,
    towards: Resemblance | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Plant every kind in every control image, and look where each method's map points.

    Returns
    -------
    DataFrame
        One row a spike and method: ``method``, ``kind``, ``row``, ``planted``, ``moved`` (change of
        the score in standard deviations of the controls'), ``seen``, ``target``, and for those
        seen ``hit``, ``chance``, ``energy``, ``iou``, ``stain_right`` (NaN where the method
        tells no stains), ``compartment_right`` (the compartment with most of the map in it).

    Raises
    ------
    DesignError
        If there are fewer than 3 control images.
    """
    if len(controls.rows) < 3:
        raise DesignError(f"{len(controls.rows)} control images: spikes need 3 at least.")
    before = read_whole(network, prepared, controls.rows)
    usual = all_scores(network, prepared, controls.rows, before, towards=towards)
    spread = usual[0].std(axis=0)
    givers, methods = None, tuple(dict.fromkeys(methods))
    if len(controls.givers):
        chosen = np.resize(controls.givers, len(controls.rows))
        givers = read_whole(network, prepared, chosen)
    found = []
    for number, kind in enumerate(kinds):
        rng = np.random.default_rng([seed, number])
        spiked = plant(
            kind, before, controls.parts, rng=rng, givers=givers, nuclear=controls.nuclear
        )
        after, names = all_scores(network, prepared, controls.rows, spiked.images, towards=towards)
        rise = (after - usual[0]) / np.maximum(spread, 1e-6)
        best, every = rise.argmax(axis=1), np.arange(len(rise))
        table = pd.DataFrame(
            {
                "kind": kind,
                "row": controls.rows,
                "planted": spiked.planted,
                "moved": rise[every, best],
                "seen": spiked.planted & (rise[every, best] >= SEEN),
                "target": names[best],
            }
        )
        for method in methods:
            found.append(_pointed(network, prepared, table, spiked, method=method, towards=towards))
    return pd.concat(found, ignore_index=True)


def _pointed(
    network: Representation,
    prepared: Prepared,
    table: pd.DataFrame,
    spiked: Spiked,
    *,
    method: Method,
    towards: Resemblance | None,
) -> pd.DataFrame:
    """Where the maps of the spikes that were seen point."""
    out = table.assign(method=method)
    seen = np.flatnonzero(table["seen"])
    if not len(seen):
        return out
    maps = explain(
        network,
        prepared,
        table["row"].to_numpy()[seen],
        method=method,
        targets=table["target"].to_numpy()[seen],
        towards=towards,
        change=instead(spiked.images[seen]),
    )
    measured = judged(maps, spiked, seen)
    measured.index = out.index[seen]
    return out.join(measured)


def judged(maps: Maps, spiked: Spiked, places: np.ndarray) -> pd.DataFrame:
    """Maps of some spiked images against what was planted; as in :func:`spike_table`."""
    found = pointing(maps.maps, spiked.truth[places])
    marked = (maps.maps[:, None] * spiked.parts[places]).sum(axis=(2, 3))
    right = (marked.argmax(axis=1) == spiked.compartment[places]).astype(float)
    stains = np.full(len(places), np.nan)
    if maps.values.shape[1] > 1:
        stains = (maps.by_stain.argmax(axis=1) == spiked.stain[places]).astype(float)
    found["hit"] = found["hit"].astype(float)
    return found.assign(stain_right=stains, compartment_right=right)


def instead(images: np.ndarray) -> Any:
    """A change for ``explain``: these whole images (n, C, T, T) in place of those of the store."""

    def change(given, places: np.ndarray):
        torch = require_torch()
        squares, side = given.shape[1], given.shape[-1]
        tiles = round(squares**0.5)
        whole = torch.from_numpy(np.ascontiguousarray(images[places]))
        cut = whole.unflatten(3, (tiles, side)).unflatten(2, (tiles, side))
        return cut.permute(0, 2, 4, 1, 3, 5).flatten(1, 2).to(given.device)

    return change


def read_whole(network: Representation, prepared: Prepared, rows: np.ndarray) -> np.ndarray:
    """Images as the network reads them, squares put together, float32 (n, C, T, T)."""
    from phenolens.interpret.cams import stitch

    parts = []
    for given in network.differentiable(prepared, rows):
        flat = given.images.flatten(0, 1).cpu().numpy()
        parts.append(stitch(flat, round(given.images.shape[1] ** 0.5)))
    return np.concatenate(parts)


def all_scores(
    network: Representation,
    prepared: Prepared,
    rows: np.ndarray,
    images: np.ndarray,
    *,
    towards: Resemblance | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Score of every class or treatment for whole images, (n, K), and their names."""
    torch = require_torch()
    change, parts, names = instead(images), [], np.array([])
    with torch.no_grad():
        for given in network.differentiable(prepared, rows):
            pixels = change(given.images, given.rows)
            if towards is not None:
                names = np.array(towards.treatments)
                embedded = given.embed(pixels).cpu().numpy() - towards.centre
                parts.append(embedded @ towards.directions.T)
                continue
            assert given.classify is not None
            logits = given.classify(pixels, given.features).cpu().double()
            odds = [
                logits[:, k] - logits[:, [j for j in range(logits.shape[1]) if j != k]].logsumexp(1)
                for k in range(logits.shape[1])
            ]
            names = np.array(given.classes)
            parts.append(torch.stack(odds, dim=1).numpy())
    return np.concatenate(parts), names


def rates(table: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """How often each method is right, of every kind and of all.

    Returns
    -------
    DataFrame
        ``method``, ``kind`` (or ``all``), ``measure`` (hit, energy, stain_right,
        compartment_right, chance), ``value``, ``low``, ``high`` (95 %, Wilson's of shares, of
        energy a bootstrap over spikes), ``n`` (seen), ``n_planted``.
    """
    rows = []
    for method, own in table.groupby("method", sort=False):
        for kind in (*own["kind"].unique(), "all"):
            part = own if kind == "all" else own[own["kind"] == kind]
            seen = part[part["seen"]]
            about = {"method": method, "kind": kind, "n_planted": int(part["planted"].sum())}
            for measure in (*MEASURES, "chance"):
                values = seen.get(measure, pd.Series(dtype=float)).dropna().to_numpy(float)
                rows.append(about | {"measure": measure, **_with_interval(values, measure, seed)})
    columns = ["method", "kind", "measure", "value", "low", "high", "n", "n_planted"]
    return pd.DataFrame(rows)[columns]


def _with_interval(values: np.ndarray, measure: str, seed: int) -> dict:
    n = len(values)
    if not n:
        return {"value": np.nan, "low": np.nan, "high": np.nan, "n": 0}
    mean = float(values.mean())
    if measure in ("energy", "chance"):
        low, high = bootstrap_mean(values, seed=seed) if n > 1 else (np.nan, np.nan)
    else:
        low, high = wilson_interval(round(values.sum()), n)
    return {"value": mean, "low": float(low), "high": float(high), "n": n}


def why_withheld(found: pd.DataFrame, method: str) -> Finding | None:
    """What speaks against maps of a method, from :func:`rates`; None where nothing does.

    Fewer than ten spikes that the network sees test nothing (``maps-untested``); below a hit rate
    of one half a map misleads more often than not (``maps-miss``): it is withheld.
    """
    own = found[(found["method"] == method) & (found["kind"] == "all")].set_index("measure")
    hit, n = own.loc["hit"], int(own.loc["hit", "n"])
    about = {"method": method}
    if n < FEWEST:
        values = {"n": n, "planted": int(hit["n_planted"]), "fewest": FEWEST}
        return Finding("maps-untested", "warning", about, values)
    if hit["value"] < LEAST:
        chance = float(own.loc["chance", "value"])
        values = {"hit": hit["value"], "low": hit["low"], "high": hit["high"], "n": n}
        return Finding("maps-miss", "warning", about, values | {"least": LEAST, "chance": chance})
    return None
