"""Pictures drawn to compare detectors on."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor


def drawn_batches(batch: int | None) -> Iterator[Tensor]:
    """Rectangles on clouds in several sizes, then plain black, from a fixed seed.

    Args:
        batch: frames a batch; None for several numbers of them.

    Yields:
        uint8 [B, 3, H, W].
    """
    random = torch.Generator().manual_seed(0)
    for count, height, width in (
        (1, 300, 300),
        (3, 240, 320),
        (2, 333, 500),
        (4, 97, 150),
        (1, 480, 360),
        (2, 64, 64),
    ):
        frames = [_drawn(height, width, random) for _ in range(batch or count)]
        yield torch.stack(frames)
    yield torch.zeros(batch or 2, 3, 200, 280, dtype=torch.uint8)


def _drawn(height: int, width: int, random: torch.Generator) -> Tensor:
    """Clouds, rectangles on them, and a little noise over all: uint8 [3, height, width].

    No area may be flat: neighbouring cells would find equal things, and chance choose among them.
    And noise alone is too rough: resizing it multiplies the rounding of coordinates.
    """

    def below(high: int, *shape: int) -> Tensor:
        return torch.randint(high, shape, generator=random)

    clouds = below(120, 1, 3, height // 16 + 2, width // 16 + 2).float()
    frame = F.interpolate(clouds, size=(height, width), mode="bicubic")[0].clamp(0, 120)
    for _ in range(8):
        top, left = int(below(height * 3 // 4)), int(below(width * 3 // 4))
        bottom, right = top + 4 + int(below(height // 2)), left + 4 + int(below(width // 2))
        frame[:, top:bottom, left:right] += below(120, 3, 1, 1)
    return (frame.clamp(0, 240) + below(6, 3, height, width)).to(torch.uint8)
