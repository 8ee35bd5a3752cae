"""Detections of a frame compared as sets: order among equal scores is nobody's promise."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from structures import Prediction

SCORE_TOLERANCE = 1e-4
BOX_TOLERANCE = 1e-2  # pixels of the frame


@dataclass(frozen=True)
class Difference:
    """How two sets of detections of a frame differ.

    Attributes:
        score: largest difference of scores among partners.
        box: largest difference of box edges among partners, in pixels.
        alone: indices of the first set's detections without a partner, and of the second's.
    """

    score: float
    box: float
    alone: tuple[list[int], list[int]]

    @property
    def count(self) -> int:
        """How many detections differ: those without a partner, of the set that has more."""
        return max(map(len, self.alone))


def difference(first: Prediction, second: Prediction, slack: float = 1) -> Difference:
    """Pair the detections of two sets, the nearest first.

    Partners have equal labels, scores within `SCORE_TOLERANCE` and boxes within `BOX_TOLERANCE`.

    Args:
        first: detections of a frame.
        second: detections of the same frame.
        slack: widens both tolerances.
    """
    score = (first.scores[:, None] - second.scores).abs()
    box = (first.boxes[:, None] - second.boxes).abs().amax(2)
    cost = torch.maximum(score / SCORE_TOLERANCE, box / BOX_TOLERANCE)
    cost[first.labels[:, None] != second.labels] = torch.inf
    cost[cost > slack] = torch.inf
    alone = list(range(len(first.scores))), list(range(len(second.scores)))
    largest = [0.0, 0.0]
    while cost.numel() and cost.min() < torch.inf:
        i, j = divmod(int(cost.argmin()), cost.shape[1])
        largest = [max(largest[0], float(score[i, j])), max(largest[1], float(box[i, j]))]
        alone[0].remove(i)
        alone[1].remove(j)
        cost[i], cost[:, j] = torch.inf, torch.inf
    return Difference(largest[0], largest[1], alone)
