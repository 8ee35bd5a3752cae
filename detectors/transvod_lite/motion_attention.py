"""What a query learns from how boxes of other frames lie and differ from its own."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from typing_extensions import override

# Units in which the network is told of differences: each is then of the order of one.
_DISTANCE = 0.1  # of the frame
_GROWTH = 0.25  # of the logarithm of a side
_FRAMES = 4.0
_HIDDEN = 32
_CODE = 16  # numbers that a head takes over from a pair


class MotionAttention(nn.Module):
    """Attention whose values are differences of boxes and of times, instead of contents.

    Queries hardly hold where their box lies, for the decoder is told of places by references
    alone. Here a query finds its like in other frames by content and by place, and takes over how
    far that lies from its own box, how much larger it is, and how much later. As only differences
    count, a motion that was learnt in one corner of the frame is known in all others. The bias by
    geometry is that of 'Relation Networks for Object Detection' (Hu et al. 2018, section 3.1);
    values by geometry, and time, are ours. It is zero before training.

    Cost: `heads · 17` numbers for each pair of an asking and a seen query.

    Args:
        d_model: width of queries.
        heads: of the attention; a divisor of `d_model`.
    """

    def __init__(self, d_model: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(d_model)
        self.ask = nn.Linear(d_model, d_model)
        self.key = nn.Linear(d_model, d_model)
        self.pair = nn.Sequential(
            nn.Linear(6, _HIDDEN), nn.GELU(), nn.Linear(_HIDDEN, heads * (1 + _CODE))
        )
        self.project = nn.Linear(heads * _CODE, d_model)
        nn.init.zeros_(self.project.weight)
        nn.init.zeros_(self.project.bias)

    @override
    def forward(
        self,
        asking: Tensor,
        asking_places: Tensor,
        seen: Tensor,
        seen_places: Tensor,
        absent: Tensor | None = None,
    ) -> Tensor:
        """What each asking query takes over.

        Args:
            asking: float [B, N, d_model].
            asking_places: of their boxes, float [B, N, 5], from `places`.
            seen: float [B, M, d_model], the queries of all frames.
            seen_places: of their boxes, float [B, M, 5].
            absent: bool [B, M], True where nobody may look; not all of a clip.

        Returns:
            float [B, N, d_model], to be added to the asking queries.
        """
        ask = self.ask(self.norm(asking)).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        key = self.key(self.norm(seen)).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        apart = differences(asking_places, seen_places)
        pairs = self.pair(apart.to(self.project.weight.dtype))
        bias, codes = pairs.unflatten(-1, (self.heads, -1)).split((1, _CODE), -1)
        likeness = ask @ key.mT / math.sqrt(ask.shape[-1]) + bias[..., 0].permute(0, 3, 1, 2)
        if absent is not None:
            likeness = likeness.masked_fill(absent[:, None, None], -math.inf)
        taken = torch.einsum("bhnm,bnmhc->bnhc", likeness.softmax(-1).to(codes.dtype), codes)
        return self.project(taken.flatten(2))


def places(boxes: Tensor, times: Tensor) -> Tensor:
    """Boxes and times in units in which they can be compared.

    Args:
        boxes: cxcywh in 0..1, float [..., 4].
        times: in units of the cadence, float, of the shape [...] or one that expands to it.

    Returns:
        float32 [..., 5]: centre, logarithms of the sides, time.
    """
    boxes = boxes.float()
    centres, sides = boxes[..., :2] / _DISTANCE, boxes[..., 2:].clamp(min=1e-4).log() / _GROWTH
    times = times.float().expand(boxes.shape[:-1]) / _FRAMES
    return torch.cat((centres, sides, times[..., None]), -1)


def differences(one: Tensor, other: Tensor) -> Tensor:
    """How each of M places differs from each of N, far ones compressed.

    Args:
        one: float32 [B, N, 5].
        other: float32 [B, M, 5].

    Returns:
        float32 [B, N, M, 6]: of centre (x, y), sides and time, and the distance of the centres,
        which is the same whichever way a motion goes.
    """
    difference = other[:, None] - one[:, :, None]
    # Not the norm, whose gradient at zero is none.
    distance = difference[..., :2].square().sum(-1, keepdim=True).add(1e-6).sqrt()
    # Across the whole frame the exact distance matters no more.
    return torch.cat((difference, distance), -1).asinh()
