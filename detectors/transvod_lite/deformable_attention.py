"""Multi-scale deformable attention (Deformable DETR, Zhu et al. 2021, eq. 2 and 3), in torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import accumulate
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import override

from detectors.transvod_lite.matching import at_least_float32

Shapes = Sequence[tuple[int, int]]  # (height, width) of each level, in the order of its tokens

# On a CPU, the work above which the embedding-bag form is the faster one, from the table of
# benchmarks/deformable_attention_speed.py. Below it, its two dozen small steps cost more than they
# save. Work is counted in sampled points, and in values (of one head) that the other form copies:
# it does so in its backward pass, and for more than one frame.
_FORWARD_WORK = 1_500
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
    frames, tokens, heads, _ = value.shape
    copied = frames * tokens * heads if learns or frames > 1 else 0
    return weights.numel() + copied >= (_BACKWARD_WORK if learns else _FORWARD_WORK)


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """Suspend autocast on a device. Where there is none, nothing is entered, which costs time."""
    if not torch.is_autocast_enabled(device.type):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)


def by_grid_sample(value: Tensor, shapes: Shapes, locations: Tensor, weights: Tensor) -> Tensor:
    """One `grid_sample` a level, as usual. Arguments as in `deformable_attention`."""
    frames, _, heads, width = value.shape
    queries = locations.shape[1]
    grid = (2 * locations - 1).transpose(1, 2).flatten(0, 1)
    samples = []
    for level, tokens in enumerate(value.split([h * w for h, w in shapes], 1)):
        # [N * H, D, h, w] read at [N * H, Q, P].
        plane = tokens.flatten(2).transpose(1, 2).reshape(frames * heads, width, *shapes[level])
        samples.append(F.grid_sample(plane, grid[:, :, level], align_corners=False))
    read = samples[0] if len(samples) == 1 else torch.cat(samples, -1)
    shares = weights.transpose(1, 2).reshape(frames * heads, 1, queries, -1)
    summed = (read * shares).sum(-1)
    return summed.view(frames, heads * width, queries).transpose(1, 2)


def by_embedding_bag(value: Tensor, shapes: Shapes, locations: Tensor, weights: Tensor) -> Tensor:
    """The same as one sum over 4 * L * P rows of the values, which are read where they lie.

    Each point is four corners, weighted by bilinear share times attention; corners outside of the
    map weigh nothing. Arguments as in `deformable_attention`.
    """
    frames, tokens, heads, width = value.shape
    queries = locations.shape[1]
    layout = _layout(shapes, heads, value.device)
    last = layout.sizes - 1
    pixels = locations * layout.sizes - 0.5
    low = pixels.detach().floor()
    high = low + 1
    share = pixels - low
    # [N, Q, H, L, P, 2]: what the lower and the higher neighbour weigh, in x and in y.
    below = (1 - share) * (low == torch.minimum(low.clamp(min=0), last))
    above = share * (high == torch.minimum(high.clamp(min=0), last))
    below_x, below_y = below.unbind(-1)
    above_x, above_y = above.unbind(-1)
    below_y, above_y = below_y * weights, above_y * weights
    mass = torch.stack(
        (below_y * below_x, below_y * above_x, above_y * below_x, above_y * above_x), -1
    )
    # Row of the table [N * S * H, D] in which a value lies. A corner outside of the map weighs
    # nothing and may stand for any row; held to the table also after a location that is no number.
    x, y = low.int().unbind(-1)
    base = torch.arange(frames, dtype=torch.int32, device=value.device) * (tokens * heads)
    row = y * layout.row_step + x * heads + layout.starts + base[:, None, None, None, None]
    index = (row[..., None] + layout.corners).clamp_(0, frames * tokens * heads - 1)
    bags = F.embedding_bag(
        index.reshape(frames * queries * heads, -1),
        value.reshape(-1, width),
        mode="sum",
        per_sample_weights=mass.reshape(frames * queries * heads, -1),
    )
    return bags.view(frames, queries, heads * width)


class _Layout(NamedTuple):
    """Where values lie in a row [S * H]: float sizes [L, 1, 2]; the others are int32."""

    sizes: Tensor
    row_step: Tensor  # [L, 1], to the token below
    starts: Tensor  # [H, L, 1], of each head in each level
    corners: Tensor  # [L, 1, 4], to the four neighbours


def _layout(shapes: Shapes, heads: int, device: torch.device) -> _Layout:
    firsts = [0, *accumulate(h * w for h, w in shapes)][:-1]
    starts = [[[head + heads * first] for first in firsts] for head in range(heads)]
    corners = [[[0, heads, heads * w, heads * w + heads]] for _, w in shapes]
    return _Layout(
        torch.tensor([[(w, h)] for h, w in shapes], dtype=torch.float32, device=device),
        torch.tensor([[heads * w] for _, w in shapes], dtype=torch.int32, device=device),
        torch.tensor(starts, dtype=torch.int32, device=device),
        torch.tensor(corners, dtype=torch.int32, device=device),
    )


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
