"""Training divided among several processes, as `torchrun` starts them; alone without it.

Every process draws the same batches and takes its own shard of each, so the result depends on how
many there are only by rounding and dropout. Process 0 alone writes.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")
_PATIENCE = timedelta(hours=6)  # the others wait while process 0 reads all images


@dataclass(frozen=True)
class DistributedContext:
    """The processes that train together, and which of them this is."""

    rank: int = 0  #: this one's number
    size: int = 1
    local_rank: int = 0  #: its number on this machine

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    @property
    def device(self) -> torch.device:
        if not torch.cuda.is_available():
            return torch.device("cpu")
        return torch.device("cuda", self.local_rank % torch.cuda.device_count())

    def shard(self, batch: int) -> slice:
        """This process's part of a batch of that many."""
        return slice(self.rank * batch // self.size, (self.rank + 1) * batch // self.size)

    def wrap_ddp(self, module: nn.Module) -> nn.Module:
        """Has gradients averaged over all processes."""
        if self.size == 1:
            return module
        ids = [self.device.index] if self.device.type == "cuda" else None
        return DistributedDataParallel(module, device_ids=ids)

    def barrier(self) -> None:
        if self.size > 1:
            distributed.barrier()

    def rank_ordered(self, make: Callable[[], T]) -> T:
        """`make` by process 0, then by the first of each machine, then by all the others: what one
        has left on the disk is there for the next."""
        made: list[T] = []
        for turn in (self.rank == 0, self.rank != 0 == self.local_rank, self.local_rank != 0):
            if turn:
                made.append(make())
            self.barrier()
        return made[-1]


@contextmanager
def process_group() -> Iterator[DistributedContext]:
    """The group that `torchrun` describes in the environment, left again at the end."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield DistributedContext()
        return
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    distributed.init_process_group(backend, timeout=_PATIENCE)
    try:
        local_rank = int(os.environ.get("LOCAL_RANK", "0"))
        yield DistributedContext(distributed.get_rank(), size, local_rank)
    finally:
        distributed.destroy_process_group()
