"""Which images of a well speak of its treatment: attention learned from wells' labels.

Imports PyTorch: import it only where it is learned.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from phenolens.represent.networks.devices import repeatable

# So much decay because wells are few: with 0.05 (and a rate of 5e-3) attention learned training
# wells by heart, and in 4 of 6 simulations left out the very images that speak.
_STEPS, _RATE, _DECAY, _SHOWN = 200, 2e-2, 2.0, 0.5


class GatedAttention(nn.Module):
    """A weight for every image of a bag, and the label of the bag from the weighted mean.

    Parameters
    ----------
    n_features, n_classes : int
    hidden : int

    References
    ----------
    Ilse, Tomczak & Welling, ICML 2018 (equations 8 and 9).
    """

    def __init__(self, n_features: int, n_classes: int, *, hidden: int = 32) -> None:
        super().__init__()
        self.content = nn.Linear(n_features, hidden)
        self.gate = nn.Linear(n_features, hidden)
        self.weigh = nn.Linear(hidden, 1, bias=False)
        self.read = nn.Linear(n_features, n_classes)

    def scores(self, images: torch.Tensor) -> torch.Tensor:
        """Unnormalised log weights, (n,)."""
        return self.weigh(self.content(images).tanh() * self.gate(images).sigmoid())[:, 0]

    def weights(self, images: torch.Tensor, bags: torch.Tensor, n_bags: int) -> torch.Tensor:
        """Weights that sum to one in each bag, (n,)."""
        scores = self.scores(images)
        most = scores.new_full((n_bags,), -torch.inf).scatter_reduce(0, bags, scores, "amax")
        raised = (scores - most[bags].detach()).exp()
        sums = raised.new_zeros(n_bags).index_add(0, bags, raised)
        return raised / sums[bags]

    def forward(self, images: torch.Tensor, bags: torch.Tensor, n_bags: int) -> torch.Tensor:
        """Logits of the bags, (n_bags, n_classes)."""
        share = self.weights(images, bags, n_bags)
        means = images.new_zeros(n_bags, images.shape[1])
        return self.read(means.index_add(0, bags, share[:, None] * images))


def attention_weights(
    features: np.ndarray,
    wells: np.ndarray,
    *,
    rows: np.ndarray,
    labels: np.ndarray,
    seed: int,
) -> np.ndarray:
    """How much each image speaks, by an attention that names the wells it was shown.

    At each step half of the images of every well are shown, so that it cannot lean on a single one.

    Parameters
    ----------
    features : ndarray of float32, shape (n, F)
    wells : ndarray of int64, shape (n,)
        Codes from 0.
    rows : ndarray of int
        Images that may be learned from.
    labels : ndarray of object, shape (len(rows),)
    seed : int

    Returns
    -------
    ndarray of float64, shape (n,)
        Positive, of every image; to be normalised in each well.
    """
    centre, spread = features[rows].mean(0), features[rows].std(0)
    scaled = torch.from_numpy((features - centre) / np.where(spread > 0, spread, 1)).float()
    images, (known, bags) = scaled[rows], np.unique(wells[rows], return_inverse=True)
    first = np.unique(bags, return_index=True)[1]
    classes, targets = np.unique(np.asarray(labels).astype(str)[first], return_inverse=True)
    counts = np.bincount(targets)
    balance = torch.from_numpy((len(targets) / len(counts) / counts).astype(np.float32))
    rng = np.random.default_rng([seed, 3])
    with repeatable(seed):
        model = GatedAttention(features.shape[1], len(classes))
        optimiser = torch.optim.AdamW(model.parameters(), lr=_RATE, weight_decay=_DECAY)
        for _ in range(_STEPS):
            shown = rng.random(len(bags)) < _SHOWN
            shown[first] |= ~np.isin(np.arange(len(known)), bags[shown])
            logits = model(images[shown], torch.from_numpy(bags[shown]), len(known))
            loss = functional.cross_entropy(logits, torch.from_numpy(targets), weight=balance)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    with torch.no_grad():
        scores = model.eval().scores(scaled).double().numpy()
    return np.exp(scores - scores.max())
