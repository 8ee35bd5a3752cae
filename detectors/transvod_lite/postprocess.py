"""From logits and boxes to detections: the best (query, class) pairs of each frame; no NMS."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.ops import box_convert

from detectors.transvod_lite.matching import at_least_float32


@torch.no_grad()
def detections(
    logits: Tensor, boxes: Tensor, frame_sizes: Sequence[tuple[int, int]], max_detections: int = 100
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Choose the best (query, class) pairs; one query can give boxes of several classes.

    Args:
        logits: float [N, Q, C] of N frames.
        boxes: float [N, Q, 4], cxcywh in 0..1 of the frame without padding.
        frame_sizes: (height, width) in pixels of each frame as stored.
        max_detections: of one frame; fewer where Q · C is less.

    Returns:
        For each frame boxes float [K, 4] (xyxy pixels, clipped to the frame, each with an area),
        scores float [K] in 0..1, descending, and columns of `logits` int64 [K].

    Raises:
        ValueError: if `max_detections` is below 1.
    """
    if max_detections < 1:
        raise ValueError(f"max_detections must be at least 1, got {max_detections}")
    classes = logits.shape[-1]
    probabilities = at_least_float32(logits).sigmoid().flatten(1)
    scores, index = probabilities.topk(min(max_detections, probabilities.shape[1]), dim=1)
    query = (index // classes)[..., None].expand(-1, -1, 4)
    chosen = box_convert(at_least_float32(boxes), "cxcywh", "xyxy").gather(1, query)
    sides = torch.tensor([(width, height, width, height) for height, width in frame_sizes])
    sizes = sides.to(chosen, non_blocking=True)[:, None]  # [N, 1, 4]
    chosen = torch.minimum((chosen * sizes).clamp(min=0), sizes)
    whole = (chosen[..., 2:] > chosen[..., :2]).all(-1)
    # Two waits for the device: for which pairs are kept, and for how many each frame has.
    kept = whole.nonzero(as_tuple=True)
    counts = whole.sum(1).tolist()
    parts = (chosen[kept], scores[kept], (index % classes)[kept])
    return list(zip(*(part.split(counts) for part in parts), strict=True))
