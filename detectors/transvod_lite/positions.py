"""Where tokens, queries and frames are: codes of place and of time."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from typing_extensions import override

from detectors.transvod_lite.deformable_attention import Shapes

_TEMPERATURE = 10_000.0  # longest wave of a place code, in units of the shortest
_SHORT_TEMPERATURE = 100.0  # the same of the code of time, in frames
_EPSILON = 1e-5  # of inverse_sigmoid


def sine_position(padding: Tensor, width: int) -> Tensor:
    """Sines and cosines of each token's place, normalised to the part without padding.

    Computed in float32 whatever the network's precision. From 'Attention Is All You Need', section
    3.5, in the two-dimensional form of Deformable DETR.

    Args:
        padding: bool [N, h, w], True on padding.
        width: of the code; the first half is y, the second x.

    Returns:
        float32 [N, width, h, w].
    """
    present = ~padding
    y, x = (present.cumsum(axis, dtype=torch.float32) for axis in (1, 2))
    y = (y - 0.5) / (y[:, -1:] + 1e-6) * (2 * math.pi)
    x = (x - 0.5) / (x[:, :, -1:] + 1e-6) * (2 * math.pi)
    halves = [waves(place, width // 2, _TEMPERATURE) for place in (y, x)]
    return torch.cat(halves, -1).permute(0, 3, 1, 2)


def waves(values: Tensor, width: int, temperature: float) -> Tensor:
    """Sine and cosine in turn at falling frequencies: float [...] -> [..., width]."""
    step = torch.arange(width, dtype=torch.float32, device=values.device)
    length = temperature ** (2 * (step // 2) / width)
    angles = values[..., None] / length
    return torch.stack((angles[..., 0::2].sin(), angles[..., 1::2].cos()), -1).flatten(-2)


def valid_ratios(paddings: list[Tensor]) -> Tensor:
    """Share of each map that is not padding.

    Args:
        paddings: for each of L levels bool [N, h, w].

    Returns:
        float32 [N, L, 2], of width and height.
    """
    ratios = []
    for padding in paddings:
        height, width = padding.shape[1:]
        columns = (~padding[:, 0]).sum(1).float() / width
        rows = (~padding[:, :, 0]).sum(1).float() / height
        ratios.append(torch.stack((columns, rows), -1))
    return torch.stack(ratios, 1)


def token_centres(shapes: Shapes, ratios: Tensor) -> Tensor:
    """The centre of every token, as a reference on every level.

    Args:
        shapes: (h, w) of each of the L levels.
        ratios: float32 [N, L, 2], from `valid_ratios`.

    Returns:
        float32 [N, S, L, 2], (x, y) in 0..1 of the padded map of each level.
    """
    centres = []
    for level, (height, width) in enumerate(shapes):
        y = torch.linspace(0.5, height - 0.5, height, device=ratios.device)
        x = torch.linspace(0.5, width - 0.5, width, device=ratios.device)
        y, x = torch.meshgrid(y, x, indexing="ij")
        x = x.flatten() / (ratios[:, level, :1] * width)
        y = y.flatten() / (ratios[:, level, 1:] * height)
        centres.append(torch.stack((x, y), -1))
    return torch.cat(centres, 1)[:, :, None] * ratios[:, None]


def inverse_sigmoid(values: Tensor) -> Tensor:
    """Logits of values in 0..1, finite at the ends: both sides are held 1e-5 away from zero."""
    values = values.clamp(0, 1)
    return torch.log(values.clamp(min=_EPSILON) / (1 - values).clamp(min=_EPSILON))


def time_offsets(times: Tensor, frame_absent: Tensor | None) -> Tensor:
    """Times relative to the last present frame of each clip.

    Args:
        times: float [B, T].
        frame_absent: bool [B, T], or None if all are present.

    Returns:
        float [B, T], not above 0 for present frames.
    """
    known = times if frame_absent is None else times.masked_fill(frame_absent, -math.inf)
    return times - known.amax(1, keepdim=True)


class TimeEmbedding(nn.Module):
    """What a query learns of its frame's time. It is zero before training.

    Args:
        width: of the code that it is read from.
        outputs: of the embedding; as wide as the code where absent.
    """

    def __init__(self, width: int, outputs: int | None = None) -> None:
        super().__init__()
        self.width = width
        self.project = nn.Linear(width, outputs or width)
        nn.init.zeros_(self.project.weight)
        nn.init.zeros_(self.project.bias)

    @override
    def forward(self, offsets: Tensor) -> Tensor:
        """Offsets in units of the cadence, float [...] -> float [..., outputs]."""
        code = waves(offsets.float(), self.width, _SHORT_TEMPERATURE)
        return self.project(code.to(self.project.weight.dtype))
