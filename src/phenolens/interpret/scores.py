"""The number that a pixel explanation explains: a class, or a likeness to a treatment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from phenolens.errors import DesignError, InputError
from phenolens.prepared import Prepared
from phenolens.represent.base import Representation
from phenolens.represent.differentiable import Differentiable
from phenolens.represent.networks.torches import require_torch

if TYPE_CHECKING:
    import torch

_FEWEST = 3
_SMALL = 1e-3


@dataclass(frozen=True)
class Resemblance:
    """How far an embedding lies from controls towards each treatment, in standard deviations.

    Of an embedding e, with the controls' mean c and standard deviations s and the treatment's mean
    t, it is the projection ``(e - c) / s . w`` on the line ``w = (t - c) / s`` of unit length: what
    networks without classes are explained by.

    Attributes
    ----------
    treatments : tuple of str
    centre : ndarray of float32, shape (D,)
    directions : ndarray of float32, shape (len(treatments), D)
        ``w / s`` of each.
    """

    treatments: tuple[str, ...]
    centre: np.ndarray
    directions: np.ndarray

    @classmethod
    def of(
        cls,
        network: Representation,
        prepared: Prepared,
        rows: np.ndarray,
        *,
        treatments: np.ndarray,
        controls: np.ndarray,
    ) -> Resemblance:
        """Learn means and spread from these images, which should not be those explained.

        Parameters
        ----------
        rows : ndarray of int
        treatments : ndarray of str, shape (len(rows),)
        controls : ndarray of bool, shape (len(rows),)
            Which of them are controls.

        Raises
        ------
        DesignError
            If there are fewer than 3 controls or no treated image.
        """
        controls = np.asarray(controls, dtype=bool)
        if controls.sum() < _FEWEST or controls.all():
            raise DesignError(
                f"{int(controls.sum())} control images of {len(controls)}: a likeness to treatments"
                f" needs {_FEWEST} controls at least, and treated images."
            )
        features = network.extract(prepared, rows).astype(np.float64)
        own = features[controls]
        centre, spread = own.mean(axis=0), own.std(axis=0)
        spread = np.maximum(spread, _SMALL * max(float(spread.max()), _SMALL))
        treated = np.asarray(treatments, dtype=object)[~controls].astype(str)
        names = tuple(sorted(set(treated)))
        means = [features[~controls][treated == name].mean(axis=0) for name in names]
        lines = (np.stack(means) - centre) / spread
        lengths = np.linalg.norm(lines, axis=1, keepdims=True)
        directions = lines / np.where(lengths > 0, lengths, 1.0) / spread
        return cls(names, centre.astype(np.float32), directions.astype(np.float32))


@dataclass(frozen=True)
class TargetScores:
    """What is explained of the images of a batch.

    Attributes
    ----------
    score : callable
        From images (B, squares, C, S, S), numbers of what is asked about (B,) and features (or
        None) to one number an image, with gradients.
    chosen : Tensor of int64, shape (B,)
    names : tuple of str
        What the numbers stand for.
    predicted : ndarray of int64, shape (B,), or None
        Classes predicted, where they are what is explained.
    """

    score: Callable[..., torch.Tensor]
    chosen: torch.Tensor
    names: tuple[str, ...]
    predicted: np.ndarray | None = None


def scores_of(
    given: Differentiable, *, targets: np.ndarray | None, towards: Resemblance | None
) -> TargetScores:
    """Log odds of a class, or the likeness to a treatment.

    Parameters
    ----------
    targets : ndarray of str, shape (B,), optional
        Class or treatment of each image; by default the class predicted.
    towards : Resemblance, optional
        Explain likeness, also of a network that has classes.

    Raises
    ------
    InputError
        If a network without classes is given no likeness or no targets, or a target is unknown.
    """
    if towards is not None:
        return _of_likeness(given, targets, towards)
    classify = given.classify
    if classify is None:
        raise InputError(
            "A network without classes is explained by its likeness to treatments: give a "
            "Resemblance (towards) and the treatment of each image (targets)."
        )
    torch = require_torch()
    predicted = None
    if targets is None:
        with torch.no_grad():
            chosen = classify(given.images, given.features).argmax(1)
        predicted = chosen.cpu().numpy()
    else:
        chosen = _numbers(given.classes, targets, given.images)

    def log_odds(images, numbers, features=None):
        logits = classify(images, features)
        own = logits.gather(1, numbers[:, None])
        others = logits.scatter(1, numbers[:, None], -torch.inf).logsumexp(1)
        return own[:, 0] - others

    return TargetScores(log_odds, chosen, given.classes, predicted)


def _of_likeness(
    given: Differentiable, targets: np.ndarray | None, towards: Resemblance
) -> TargetScores:
    torch = require_torch()
    if targets is None:
        raise InputError("Say which treatment each image is compared with (targets).")
    centre, directions = (
        torch.from_numpy(each).to(given.images.device)
        for each in (towards.centre, towards.directions)
    )

    def likeness(images, numbers, features=None):
        del features
        return ((given.embed(images) - centre) * directions[numbers]).sum(1)

    return TargetScores(
        likeness, _numbers(towards.treatments, targets, given.images), towards.treatments
    )


def _numbers(names: tuple[str, ...], targets: np.ndarray, beside: torch.Tensor) -> torch.Tensor:
    """Places of targets among names, where another tensor lies."""
    return require_torch().from_numpy(target_numbers(names, targets)).to(beside.device)


def target_numbers(names: tuple[str, ...] | list[str], targets: np.ndarray) -> np.ndarray:
    """Places of classes or treatments among those that are known, int64.

    Raises
    ------
    InputError
        If one is not.
    """
    known = {name: number for number, name in enumerate(names)}
    unknown = sorted({str(name) for name in targets} - set(known))
    if unknown:
        raise InputError(
            f"The network never learned {unknown[0]!r} (of {len(unknown)} such classes), so it "
            "cannot say where it sees it. Explain predictions, or classes of its training."
        )
    return np.array([known[str(name)] for name in targets], dtype=np.int64)
