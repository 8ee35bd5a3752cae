"""Two equal forms of what deformable attention reads: weighted sums at sampling locations.

Arguments and result are those of `deformable_attention.deformable_attention`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

_SUM = 0  # the mode of `torch.embedding_bag`
# Up to so many queries of all frames each corner is summed for itself: the four results take less
# time to add than rows and weights of all corners to bring together. They fill the cache beyond.
_FEW_QUERIES = 1024


def by_grid_sample(
    value: Tensor, shapes: Sequence[tuple[int, int]], locations: Tensor, weights: Tensor
) -> Tensor:
    """One `grid_sample` a level, as usual."""
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


def by_embedding_bag(
    value: Tensor, shapes: Sequence[tuple[int, int]], locations: Tensor, weights: Tensor
) -> Tensor:
    """Sums over rows of the values, which are read where they lie.

    Corners are weighted by bilinear share times attention; outside of the map they weigh nothing.
    With few queries the time goes into the number of operators, so these are few, on whole planes
    of x, of y and of corners.
    """
    frames, tokens, heads, width = value.shape
    queries, points = locations.shape[1], locations.shape[4]
    # A compiled graph holds such numbers itself, and keeps nothing between calls.
    lay_out = _lay_out if torch.compiler.is_compiling() else _kept_layout
    layout = lay_out(tuple(shapes), frames, tokens, queries, heads, points, value.device)
    rows, mass = _corners(locations, weights, layout)
    bags = layout.bags
    if frames * queries <= _FEW_QUERIES:
        corners = _sums(value, rows, mass, bags)
        return corners.view(frames, queries, 4, heads * width).sum(2)
    by_head = (frames, queries, 4, heads, -1)
    rows, mass = (t.reshape(by_head).transpose(2, 3) for t in (rows, mass))
    whole = _sums(value, rows, mass, 4 * bags[: frames * queries * heads])
    return whole.view(frames, queries, heads * width)


def _corners(locations: Tensor, weights: Tensor, layout: _Layout) -> tuple[Tensor, Tensor]:
    """Rows of the table [N * S * H, D] and what they weigh: two of [N, Q, 2, 2, H * L * P]."""
    frames, queries, heads = weights.shape[:3]
    each = (frames, queries, 1, layout.step.shape[-1])  # of an axis or a side, H * L * P
    planes = locations.reshape(*each, 2).permute(0, 1, 4, 2, 3)
    pixels = torch.addcmul(layout.half, planes, layout.sizes)
    low = pixels.detach().floor()
    # [N, Q, 2, 2, H * L * P]: of x and of y the lower and the higher neighbour. As whole numbers
    # they lie in the map once clamped, also after a location that is no number.
    neighbours = low.int() + layout.side
    inside = torch.clamp(neighbours, layout.zero, layout.last)
    x, y = inside.unbind(2)
    shares = torch.addcmul(layout.other_side, pixels - low, layout.slope)
    across, down = shares.mul_(neighbours.eq_(inside)).unbind(2)
    mass = (down * weights.reshape(each)).unsqueeze(3) * across.unsqueeze(2)
    row = torch.addcmul(layout.start, y, layout.step)
    return torch.add(row.unsqueeze(3), x.unsqueeze(2), alpha=heads), mass


def _sums(value: Tensor, rows: Tensor, mass: Tensor, bags: Tensor) -> Tensor:
    """Weighted sums of rows of the table, one from each of `bags` to the next."""
    table, rows, mass = value.reshape(-1, value.shape[-1]), rows.reshape(-1), mass.reshape(-1)
    # Not that of `torch.nn.functional`, whose checks take longer than the sums of a few queries.
    return torch.embedding_bag(table, rows, bags, False, _SUM, False, mass)[0]


class _Layout(NamedTuple):
    """Where values lie in the table; of each H * L * P what holds for its head and level."""

    half: Tensor  # float [2, 1, HLP], -0.5: pixels count from their centres
    sizes: Tensor  # float [2, 1, HLP], width and height
    last: Tensor  # int32 [2, 1, HLP], the last pixel of each
    zero: Tensor  # int32, 0
    step: Tensor  # int32 [HLP], rows from a pixel to the one below
    start: Tensor  # int32 [N, 1, 1, HLP], row of the first pixel
    side: Tensor  # int32 [2, HLP], 0 and 1
    other_side: Tensor  # float [2, HLP], 1 and 0
    slope: Tensor  # float [2, HLP], -1 and 1: how a share changes with the pixel
    bags: Tensor  # int32 [N * Q * 4 * H], where the L * P rows of each sum begin


def _lay_out(
    shapes: tuple[tuple[int, int], ...],
    frames: int,
    tokens: int,
    queries: int,
    heads: int,
    points: int,
    device: torch.device,
) -> _Layout:
    sides = torch.tensor([[(w, h) for h, w in shapes]] * heads, device=device)  # [H, L, 2]
    sides = sides.repeat_interleave(points, 1).view(-1, 1, 2).permute(2, 1, 0).contiguous()
    firsts = torch.tensor([0, *accumulate(h * w for h, w in shapes)][:-1], device=device)
    head = torch.arange(heads, device=device)[:, None]
    start = (firsts * heads + head).repeat_interleave(points, 1).view(1, 1, 1, -1)
    frame = torch.arange(frames, device=device).view(-1, 1, 1, 1) * (tokens * heads)
    # Spread over all points, since operators with several short tensors are slow.
    side = torch.arange(2, device=device)[:, None].repeat(1, sides.shape[-1])
    return _Layout(
        torch.full_like(sides, -0.5, dtype=torch.float32),
        sides.float(),
        (sides - 1).int(),
        torch.zeros((), dtype=torch.int32, device=device),
        (sides[0, 0] * heads).int(),
        (frame + start).int(),
        side.int(),
        1.0 - side,
        2.0 * side - 1,
        torch.arange(frames * queries * 4 * heads, dtype=torch.int32, device=device)
        * (len(shapes) * points),
    )


# Numbers from Python take as long to lay out as the sums of a few queries to compute.
_kept_layout = lru_cache(maxsize=16)(torch.inference_mode(False)(_lay_out))
