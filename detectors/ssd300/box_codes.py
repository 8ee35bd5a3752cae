"""Box codes of SSD: offsets from priors, scaled by variances (Liu et al. 2016, equation 2)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

CENTRE_VARIANCE = 0.1
SIZE_VARIANCE = 0.2
MAX_LOG_SCALE = math.log(1000 / 16)  # a wild code must not overflow exp; torchvision's bound, 4.135


def encode(boxes: Tensor, priors: Tensor) -> Tensor:
    """Codes from which `decode` makes `boxes` again.

    Args:
        boxes: float [..., P, 4], xyxy pixels, with an area.
        priors: float [P, 4], xyxy pixels of the same frame.

    Returns:
        float [..., P, 4]: (dx/w/.1, dy/h/.1, ln(w'/w)/.2, ln(h'/h)/.2) with the prior's w, h.
    """
    prior_centre, prior_size = _centre_and_size(priors)
    centre, size = _centre_and_size(boxes)
    offset = (centre - prior_centre) / prior_size / CENTRE_VARIANCE
    scale = (size / prior_size).log() / SIZE_VARIANCE
    return torch.cat((offset, scale), -1)


def decode(codes: Tensor, priors: Tensor) -> Tensor:
    """Boxes that the codes describe.

    Args:
        codes: float [..., P, 4], see `encode`; log scales are capped at ln(1000/16).
        priors: float [P, 4], xyxy pixels.

    Returns:
        float [..., P, 4], xyxy pixels of the priors' frame, not clipped.
    """
    prior_centre, prior_size = _centre_and_size(priors)
    centre = codes[..., :2] * CENTRE_VARIANCE * prior_size + prior_centre
    half = (codes[..., 2:] * SIZE_VARIANCE).clamp(max=MAX_LOG_SCALE).exp() * prior_size / 2
    return torch.cat((centre - half, centre + half), -1)


def _centre_and_size(boxes: Tensor) -> tuple[Tensor, Tensor]:
    size = boxes[..., 2:] - boxes[..., :2]
    return boxes[..., :2] + 0.5 * size, size
