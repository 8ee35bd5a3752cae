"""What reads classes and boxes off a query."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from typing_extensions import override

from detectors.transvod_lite.matching import at_least_float32
from detectors.transvod_lite.positions import inverse_sigmoid

_PRIOR = 0.01  # probability of a class before training (Focal Loss, Lin et al. 2017, section 4.1)


def class_head(d_model: int, class_count: int) -> nn.Linear:
    """Logits of C classes, each at first as probable as 1 %."""
    head = nn.Linear(d_model, class_count)
    nn.init.constant_(head.bias, -math.log((1 - _PRIOR) / _PRIOR))
    return head


class BoxHead(nn.Module):
    """How far a query's box lies from its reference, in logits: zero before training.

    Args:
        d_model: width of queries.
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        last = nn.Linear(d_model, 4)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.layers = nn.ModuleList(
            [nn.Linear(d_model, d_model), nn.Linear(d_model, d_model), last]
        )

    @override
    def forward(self, queries: Tensor, references: Tensor) -> Tensor:
        """Boxes of queries.

        Args:
            queries: float [N, Q, d_model].
            references: float [N, Q, 2] points (x, y), or [N, Q, 4] boxes cxcywh, in 0..1.

        Returns:
            float [N, Q, 4], cxcywh in 0..1 of the frame without padding; at least float32.
        """
        hidden = queries
        for layer in self.layers[:-1]:
            hidden = layer(hidden).relu()
        # bfloat16 would round a coordinate to a 256th of the frame.
        delta = at_least_float32(self.layers[-1](hidden))
        start = inverse_sigmoid(references)
        if start.shape[-1] == 2:
            start = torch.cat((start, torch.zeros_like(start)), -1)
        return (delta + start).sigmoid()
