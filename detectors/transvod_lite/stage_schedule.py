"""A learning-rate schedule that begins anew with each stage of a training."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from itertools import accumulate

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, SequentialLR


def schedule_of_stages(
    make: Callable[..., LRScheduler], optimizer: Optimizer, lengths: Sequence[int]
) -> SequentialLR:
    """One schedule after the other, each from the optimizer's own rates.

    Args:
        make: optimizer -> schedule; a parameter of it named `total_steps` is given the length of
            its stage.
        optimizer: whose rates are moved.
        lengths: of the stages, in the schedule's steps.

    Raises:
        ValueError: if `make` lacks an argument.
    """
    wants_length = "total_steps" in inspect.signature(make).parameters
    try:
        parts = [
            make(optimizer, **({"total_steps": length} if wants_length else {}))
            for length in lengths
        ]
    except TypeError as error:
        raise ValueError(f"model.schedule: {error}; add it to model.schedule") from error
    return SequentialLR(optimizer, parts, milestones=list(accumulate(lengths))[:-1])
