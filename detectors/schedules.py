"""Learning-rate schedules that `torch.optim.lr_scheduler` has not in one piece."""

from __future__ import annotations

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


class WarmupCosine(LambdaLR):
    """Linear rise over the first steps, then half a cosine down to zero.

    Scales each group's own rate, so that e.g. biases keep their doubled one.

    Args:
        optimizer: whose rates are moved.
        total_steps: length of the training in steps; `Detector` fills it in.
        warmup: share of `total_steps` that the rise takes, in [0, 1).
    """

    def __init__(self, optimizer: Optimizer, total_steps: int, warmup: float = 0.05) -> None:
        rise = max(1, round(warmup * total_steps))

        def factor(step: int) -> float:
            if step < rise:
                return (step + 1) / rise
            progress = min(1.0, (step - rise) / max(1, total_steps - rise))
            return 0.5 * (1.0 + math.cos(math.pi * progress))

        super().__init__(optimizer, factor)
