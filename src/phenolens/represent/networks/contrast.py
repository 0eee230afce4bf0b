"""What is asked of two views of the same thing: to agree, without all becoming the same.

lightly has these losses too, but needs torchvision, Hydra and Lightning; they are a few lines each.
Imports PyTorch: import it only where a network is built.
"""

from __future__ import annotations

import torch
from torch.nn import functional

_SMALLEST_VARIANCE = 1e-4


def nt_xent(
    first: torch.Tensor,
    second: torch.Tensor,
    *,
    temperature: float = 0.2,
    groups: torch.Tensor | None = None,
) -> torch.Tensor:
    """Normalised, temperature-scaled cross-entropy: each view must find its partner in the batch.

    Parameters
    ----------
    first, second : Tensor of float32, (B, D)
        Projections of two views of the same B things.
    temperature : float
    groups : Tensor of int64, (B,), optional
        What each thing belongs to. Others of the same group are nobody's negatives: two cells of
        one well need not be told apart where cells of one well are positives.

    Returns
    -------
    Tensor
        The mean over both views, in nats; ``log(2 B - 1)`` where all projections are the same and
        each thing is its own group.

    References
    ----------
    Chen, Kornblith, Norouzi & Hinton, ICML 2020.
    """
    n = len(first)
    with torch.autocast(first.device.type, enabled=False):
        both = functional.normalize(torch.cat([first, second]).float(), dim=1)
        alike = both @ both.T / temperature
    number = torch.arange(2 * n, device=first.device)
    partner = number.roll(n)
    group = number % n if groups is None else groups.repeat(2)
    left_out = group[:, None] == group[None, :]
    left_out[number, partner] = False
    return functional.cross_entropy(alike.masked_fill(left_out, -torch.inf), partner)


def vicreg(
    first: torch.Tensor,
    second: torch.Tensor,
    *,
    invariance: float = 25.0,
    variance: float = 25.0,
    covariance: float = 1.0,
) -> torch.Tensor:
    """Variance, invariance and covariance: partners agree, no direction dies, none repeats another.

    Parameters
    ----------
    first, second : Tensor of float32, (B, D)
        Projections of two views of the same B things, B at least 2.
    invariance, variance, covariance : float
        Weights of the mean squared difference of partners; of how far each direction's standard
        deviation in the batch falls short of 1; of the squared covariances of pairs of directions.

    References
    ----------
    Bardes, Ponce & LeCun, ICLR 2022.
    """
    first, second = first.float(), second.float()
    loss = invariance * functional.mse_loss(first, second)
    for view in (first, second):
        centred = view - view.mean(0)
        spread = (centred.square().sum(0) / (len(view) - 1) + _SMALLEST_VARIANCE).sqrt()
        with torch.autocast(view.device.type, enabled=False):
            shared = centred.T @ centred / (len(view) - 1)
        apart = shared.square().sum() - shared.diagonal().square().sum()
        loss = loss + variance * functional.relu(1 - spread).mean()
        loss = loss + covariance * apart / view.shape[1]
    return loss


def cross_views(
    student: torch.Tensor,
    teacher: torch.Tensor,
    centre: torch.Tensor,
    *,
    cold: float = 0.04,
    warm: float = 0.1,
) -> torch.Tensor:
    """Cross-entropy of each of a student's views with each *other* view of its teacher.

    Parameters
    ----------
    student : Tensor of float32, (V, B, K)
        Scores of V views; the first of them are those that the teacher has seen.
    teacher : Tensor of float32, (T, B, K)
        Scores of the first T views.
    centre : Tensor of float32, (K,)
        Subtracted from the teacher's scores, so that no score wins for everything.
    cold, warm : float
        Temperatures of teacher and student; the teacher's is lower, so that it is surer.

    Returns
    -------
    Tensor
        The mean over pairs of different views, in nats.

    References
    ----------
    Caron et al., ICCV 2021.
    """
    target = ((teacher.float() - centre) / cold).softmax(-1)
    said = (student.float() / warm).log_softmax(-1)
    pairs = [
        -(target[seen] * said[view]).sum(-1).mean()
        for seen in range(len(target))
        for view in range(len(said))
        if seen != view
    ]
    return torch.stack(pairs).mean()


def effective_dimensions(features: torch.Tensor) -> float:
    """Participation ratio of the directions' variances: 1 where all lies on a line, 0 on a point.

    References
    ----------
    Gao et al., bioRxiv 214262 (2017).
    """
    values = torch.linalg.svdvals((features - features.mean(0)).double()).square()
    total = float(values.sum())
    return total**2 / float(values.square().sum()) if total > 1e-12 * len(features) else 0.0
