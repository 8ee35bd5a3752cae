"""What losses are divided by, when the batch of a step is spread over processes."""

from __future__ import annotations

from torch import Tensor, distributed


def mean_over_processes(count: Tensor) -> Tensor:
    """The mean of a number over the processes of DDP; itself where there is one.

    Args:
        count: scalar, on the device that the processes talk through. It is not changed.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return count
    total = count.clone()
    distributed.all_reduce(total)
    return total / distributed.get_world_size()
