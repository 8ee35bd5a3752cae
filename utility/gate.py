"""A gate before a detector: pictures of too little utility are set aside before it runs."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch
from torch import Tensor

from utility.module import UtilityPredictor

THRESHOLD = 0.5


class UtilityGate:
    """Lets pictures through that a detector can still make use of.

    `evaluate.py protocol=utility` tells what a gate is worth to detectors: mAP with the pictures
    that it holds back replaced by better ones, and mAP on those that it lets through.

    Args:
        predictor: with its weights, on the device that it is to run on.
        threshold: of the mean probability over its targets, in 0..1, that a picture must reach.

    Attributes:
        judged: pictures so far.
        held: those of them that were not let through.
    """

    def __init__(self, predictor: UtilityPredictor, threshold: float = THRESHOLD) -> None:
        if not 0 <= threshold <= 1:
            raise ValueError(f"the threshold of a gate must lie in 0..1, got {threshold}")
        self.threshold = threshold
        self.judged = 0
        self.held = 0
        self._predictor = predictor.eval()
        self._seconds = 0.0

    def __call__(self, pictures: Sequence[Tensor]) -> Tensor:
        """Which pictures may pass.

        Args:
            pictures: N of uint8 [3, H, W] RGB, of any sizes, on any device.

        Returns:
            float32 [N] on the CPU: their scores; those below the threshold are to be held back.
        """
        if not pictures:
            return torch.zeros(0)
        started = time.perf_counter()
        device = self._predictor.device
        scores = self._predictor.estimate([p.to(device) for p in pictures]).score().cpu()
        self._seconds += time.perf_counter() - started
        self.judged += len(scores)
        self.held += int((scores < self.threshold).sum())
        return scores

    @property
    def milliseconds(self) -> float:
        """What a picture costs, on average so far; nan before the first."""
        return 1000 * self._seconds / self.judged if self.judged else float("nan")
