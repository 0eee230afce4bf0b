"""Batch normalisation that takes its mean and spread from a plate's own calibrating controls.

Imports PyTorch: import it only where a network is built.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from torch import nn

from phenolens.errors import InputError
from phenolens.represent.networks.feed import Batch, Feed


@contextmanager
def adapted(
    model: nn.Module, controls: Feed, *, batch: int, see: Callable[[Batch], object]
) -> Iterator[None]:
    """Within the block each batch normalisation knows the mean and spread that these images have.

    Controls only: the share of treated cells on a plate, which differs from plate to plate, then
    cannot move anything. Weights stay, and so do statistics after the block.

    Parameters
    ----------
    model : Module
    controls : Feed
        Calibrating controls of one plate, read as they lie.
    batch : int
    see : callable
        Shows the network a batch.

    Raises
    ------
    InputError
        If the network has no batch normalisation.

    References
    ----------
    Li, Wang, Shi, Liu & Hou, ICLR workshops 2017 (AdaBN).
    """
    kind = nn.modules.batchnorm._BatchNorm
    layers = [layer for layer in model.modules() if isinstance(layer, kind)]
    if not layers:
        raise InputError(
            "adapt = 'controls' needs batch normalisation, and this network has none (ConvNeXt and "
            "transformers normalise each image by itself). Choose adapt = 'none'."
        )
    before = [(copy.deepcopy(layer.state_dict()), layer.momentum) for layer in layers]
    was_training = model.training
    try:
        model.eval()
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None  # the plain mean over batches
            layer.train()
        even = -(-len(controls) // -(-len(controls) // batch))  # no batch of a few counts like many
        for part in controls.ordered(even):
            if len(part.images) > 1:
                see(part)
        for layer in layers:
            layer.eval()
        yield
    finally:
        for layer, (state, momentum) in zip(layers, before, strict=True):
            layer.load_state_dict(state)
            layer.momentum = momentum
        model.train(was_training)
