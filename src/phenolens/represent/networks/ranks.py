"""Several processes that train one network together (distributed data parallel).

Each process (*rank*) computes the gradient of its part of every batch; the mean over ranks is what
all of them step along, so that their weights stay the same. ``torchrun`` starts the processes and
says in the environment who is who. Rank 0 alone writes files and decides by validation.
"""

from __future__ import annotations

import atexit
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from phenolens.represent.networks.torches import require_torch

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this is.

    Attributes
    ----------
    rank, world : int
    """

    rank: int = 0
    world: int = 1

    @classmethod
    def here(cls, device: str = "cpu") -> Ranks:
        """The rank of this process; the first call under ``torchrun`` joins the others.

        Parameters
        ----------
        device : str
            Decides what they talk by: NCCL between GPUs, else gloo.
        """
        distributed = require_torch().distributed
        if not distributed.is_available():
            return cls()
        if not distributed.is_initialized():
            if int(os.environ.get("WORLD_SIZE", "1")) < 2:
                return cls()
            if gpu := device.startswith("cuda"):
                require_torch().cuda.set_device(device)
            distributed.init_process_group("nccl" if gpu else "gloo")
            atexit.register(_leave)
        return cls(distributed.get_rank(), distributed.get_world_size())

    @property
    def first(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0

    def mine(self, n: int) -> slice:
        """This rank's part of `n` rows: parts differ by one row at most."""
        return slice(self.rank * n // self.world, (self.rank + 1) * n // self.world)

    def wrap(self, module: torch.nn.Module) -> torch.nn.Module:
        """A module whose backward pass leaves the mean gradient of all ranks; itself when alone.

        On GPUs its batch normalisation sees the whole batch, on processors the rank's part.
        """
        if self.world == 1:
            return module
        nn = require_torch().nn
        if next(module.parameters()).is_cuda:
            module = nn.SyncBatchNorm.convert_sync_batchnorm(module)
        return nn.parallel.DistributedDataParallel(module)

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Sum over the ranks, the same tensor on each."""
        if self.world > 1:
            require_torch().distributed.all_reduce(values)
        return values

    def told(self, value: Any) -> Any:
        """What rank 0 has for `value`, on every rank."""
        if self.world == 1:
            return value
        held = [value]
        require_torch().distributed.broadcast_object_list(held, src=0)
        return held[0]

    def take_over(self, tensors: dict[str, torch.Tensor]) -> None:
        """Fill tensors in place with those of rank 0."""
        if self.world > 1:
            for name in sorted(tensors):
                require_torch().distributed.broadcast(tensors[name], src=0)

    @contextmanager
    def first_alone(self) -> Iterator[None]:
        """Rank 0 goes through the block before the others: what it made they find."""
        if self.world == 1:
            yield
            return
        distributed = require_torch().distributed
        if not self.first:
            distributed.barrier()
        yield
        if self.first:
            distributed.barrier()


def _leave() -> None:
    """Leave the group while Python still runs.

    A thread of gloo lets go of a tensor a little after it was sent. If Python is gone by then, the
    process is aborted. The group ends its threads when nothing holds it any longer; wrapped modules
    are in cycles, and do until they are collected.
    """
    gc.collect()
    require_torch().distributed.destroy_process_group()


ALONE = Ranks()
