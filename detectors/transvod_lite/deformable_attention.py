"""Multi-scale deformable attention (Deformable DETR, Zhu et al. 2021, eq. 2 and 3), in torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from typing_extensions import override

from detectors.transvod_lite.deformable_forms import by_embedding_bag, by_grid_sample
from detectors.transvod_lite.matching import at_least_float32

Shapes = Sequence[tuple[int, int]]  # (height, width) of each level, in the order of its tokens

# On a CPU the embedding-bag form is the faster one, by the table of
# benchmarks/deformable_attention_speed.py, but for training steps with less work than this: it is
# counted in sampled points, and in values (of one head) that the other form copies on its way back.
_BACKWARD_WORK = 10_000


def deformable_attention(
    value: Tensor, shapes: Shapes, locations: Tensor, weights: Tensor
) -> Tensor:
    """Weighted sums of values at sampling locations, by the form that is faster here.

    Values are read bilinearly, as zero outside of their map. Half precision is raised to float32
    for reading, since bfloat16 cannot tell apart neighbouring locations of a map of 75x75.

    Args:
        value: float [N, S, H, D], tokens of all levels in one row; S is the sum of h * w.
        shapes: (h, w) of each of the L levels.
        locations: float [N, Q, H, L, P, 2], (x, y) in 0..1 of the map.
        weights: float [N, Q, H, L, P], usually summing to 1 over L and P.

    Returns:
        [N, Q, H * D], of the type of `value`.
    """
    given = value.dtype
    with full_precision(value.device):
        value, locations, weights = (at_least_float32(t) for t in (value, locations, weights))
        form = by_embedding_bag if _prefers_bag(value, locations, weights) else by_grid_sample
        return form(value, shapes, locations, weights).to(given)


def _prefers_bag(value: Tensor, locations: Tensor, weights: Tensor) -> bool:
    if value.device.type != "cpu":
        return False  # its backward sorts all indices there
    learns = torch.is_grad_enabled() and any(
        tensor.requires_grad for tensor in (value, locations, weights)
    )
    if not learns:
        return True
    frames, tokens, heads, _ = value.shape
    return weights.numel() + frames * tokens * heads >= _BACKWARD_WORK


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """Suspend autocast on a device. Where there is none, nothing is entered, which costs time."""
    if not torch.is_autocast_enabled(device.type):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)


def sampling_locations(references: Tensor, offsets: Tensor, shapes: Shapes) -> Tensor:
    """Where to look, in 0..1 of the padded map.

    Offsets from a point are pixels of the level; offsets from a box are shares of half its sides,
    divided by the number of points.

    Args:
        references: float [N, Q, L, 2] points (x, y), or [N, Q, L, 4] boxes cxcywh, in 0..1.
        offsets: float [N, Q, H, L, P, 2].
        shapes: (h, w) of each level.

    Returns:
        float [N, Q, H, L, P, 2].
    """
    references = references[:, :, None, :, None]
    if references.shape[-1] == 2:
        # Filled on the device: numbers copied from the host would make it wait, in every layer.
        sides = [offsets.new_full((), side) for h, w in shapes for side in (w, h)]
        return references + offsets / torch.stack(sides).view(-1, 1, 2)
    return references[..., :2] + offsets / offsets.shape[-2] * references[..., 2:] * 0.5


class DeformableAttention(nn.Module):
    """Attention of each query to P points of each level around its reference.

    Args:
        d_model: width of queries and values; a multiple of `heads`.
        heads: H.
        levels: L.
        points: P.
    """

    def __init__(self, d_model: int, heads: int, levels: int, points: int) -> None:
        super().__init__()
        self.heads, self.levels, self.points = heads, levels, points
        self.sampling_offsets = nn.Linear(d_model, heads * levels * points * 2)
        self.attention_weights = nn.Linear(d_model, heads * levels * points)
        self.value_proj = nn.Linear(d_model, d_model)
        self.output_proj = nn.Linear(d_model, d_model)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Start with rings of points around the reference, a direction a head, equal weights."""
        nn.init.zeros_(self.sampling_offsets.weight)
        rings = ring_offsets(self.heads, self.points)[:, None].expand(-1, self.levels, -1, -1)
        with torch.no_grad():
            self.sampling_offsets.bias.copy_(rings.flatten())
        for linear in (self.attention_weights, self.value_proj, self.output_proj):
            nn.init.zeros_(linear.bias)
        nn.init.zeros_(self.attention_weights.weight)
        nn.init.xavier_uniform_(self.value_proj.weight)
        nn.init.xavier_uniform_(self.output_proj.weight)

    def project(self, memory: Tensor, padding: Tensor | None = None) -> Tensor:
        """Values to look at; a caller that asks several times can keep them.

        Args:
            memory: float [N, S, d_model].
            padding: bool [N, S], True where a token must give nothing.

        Returns:
            float [N, S, H, D].
        """
        value = self.value_proj(memory)
        if padding is not None:
            value = value.masked_fill(padding[..., None], 0.0)
        return value.unflatten(-1, (self.heads, -1))

    @override
    def forward(self, query: Tensor, references: Tensor, value: Tensor, shapes: Shapes) -> Tensor:
        """Look at `value` around `references`.

        Args:
            query: float [N, Q, d_model].
            references: float [N, Q, L, 2 or 4], see `sampling_locations`.
            value: float [N, S, H, D], from `project`.
            shapes: (h, w) of each level.

        Returns:
            float [N, Q, d_model].
        """
        points = (self.heads, self.levels, self.points)
        with full_precision(query.device):
            exact = query.to(self.sampling_offsets.weight.dtype)
            offsets = at_least_float32(self.sampling_offsets(exact)).unflatten(-1, (*points, 2))
            weights = at_least_float32(self.attention_weights(exact)).unflatten(
                -1, (self.heads, -1)
            )
            weights = weights.softmax(-1).unflatten(-1, points[1:])
            locations = sampling_locations(references, offsets, shapes)
        return self.output_proj(deformable_attention(value, shapes, locations, weights))


def ring_offsets(heads: int, points: int) -> Tensor:
    """Offsets float [H, P, 2]: point p of a head lies p steps away, heads in even directions."""
    angles = torch.arange(heads, dtype=torch.float32) * (2 * math.pi / heads)
    directions = torch.stack((angles.cos(), angles.sin()), -1)
    directions = directions / directions.abs().amax(-1, keepdim=True)
    return directions[:, None] * torch.arange(1, points + 1)[:, None]
