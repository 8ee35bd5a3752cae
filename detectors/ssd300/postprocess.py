"""From box codes and logits to detections: fixed-size candidates, then class-wise NMS."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.ops import batched_nms, clip_boxes_to_image

from detectors.ssd300.box_codes import decode
from detectors.ssd300.priors import FRAME


def candidates(
    codes: Tensor, logits: Tensor, priors: Tensor, per_class: int = 400
) -> tuple[Tensor, Tensor, Tensor]:
    """The best boxes of each class, before any is suppressed.

    All sizes are fixed by the input's, so that this can be exported together with the network.

    Args:
        codes: float [B, P, 4], predicted box codes.
        logits: float [B, P, C + 1], class 0 is background.
        priors: float32 [P, 4], xyxy pixels of the 300x300 frame.
        per_class: boxes kept of each class, at most P.

    Returns:
        boxes float32 [B, M, 4] xyxy pixels clipped to the 300x300 frame, scores float32 [B, M]
        (softmax probability) and labels int64 [B, M], with M = C · per_class, class by class, best
        first.
    """
    boxes = decode(codes.float(), priors).clamp(0, FRAME)
    probabilities = logits.float().softmax(-1)[..., 1:].transpose(1, 2)  # [B, C, P]
    batch, class_count, prior_count = probabilities.shape
    kept = min(per_class, prior_count)
    scores, index = probabilities.topk(kept, dim=2)
    index = index.flatten(1)
    chosen = boxes.gather(1, index[..., None].expand(-1, -1, 4))
    labels = torch.arange(1, class_count + 1, device=index.device).repeat_interleave(kept)
    return chosen, scores.flatten(1), labels.expand(batch, -1)


def suppress(
    boxes: Tensor,
    scores: Tensor,
    labels: Tensor,
    nms_iou: Sequence[float],
    score_threshold: float = 0.01,
    max_detections: int = 200,
) -> Tensor:
    """Greedy class-wise non-maximum suppression of one frame.

    Args:
        boxes: float32 [M, 4], xyxy pixels.
        scores: float32 [M].
        labels: int64 [M], 1..C.
        nms_iou: for each class 1..C the IoU up to which two of its boxes may stand together.
        score_threshold: a box must score more than this.
        max_detections: kept over all classes.

    Returns:
        int64 [K]: indices of the kept boxes, best score first.
    """
    alive = (scores > score_threshold).nonzero().flatten()
    kept = []
    for limit in sorted(set(nms_iou)):
        members = labels.new_tensor([i + 1 for i, iou in enumerate(nms_iou) if iou == limit])
        part = alive[torch.isin(labels[alive], members)]
        kept.append(part[batched_nms(boxes[part], scores[part], labels[part], limit)])
    indices = torch.cat(kept)
    return indices[scores[indices].argsort(descending=True, stable=True)][:max_detections]


def to_frame(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Map boxes of the 300x300 frame to a frame of `size` (height, width) and clip them to it."""
    scale = boxes.new_tensor([size[1], size[0], size[1], size[0]]) / FRAME
    return clip_boxes_to_image(boxes * scale, size)
