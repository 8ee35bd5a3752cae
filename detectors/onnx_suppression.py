"""Non-maximum suppression of many groups of boxes at once, as ONNX has it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torchvision.ops import nms
from typing_extensions import override


def unsuppressed(boxes: Tensor, scores: Tensor, iou: float, score_threshold: float) -> Tensor:
    """Which boxes survive greedy non-maximum suppression within their group.

    Args:
        boxes: float32 [G, M, 4], xyxy pixels.
        scores: float32 [G, M].
        iou: up to which two boxes of a group may stand together.
        score_threshold: a box must score more than this.

    Returns:
        bool [G, M].
    """
    rows = _NonMaxSuppression.apply(boxes, scores[:, None], iou, score_threshold)
    marked = torch.zeros_like(scores).flatten()
    marked = marked.scatter(0, rows[:, 0] * scores.shape[1] + rows[:, 2], 1.0)
    return marked.reshape_as(scores) > 0


class _NonMaxSuppression(torch.autograd.Function):
    """The ONNX operator NonMaxSuppression: rows (batch, class, box) of the kept boxes, [n, 3]."""

    @staticmethod
    @override
    def forward(
        ctx: Any, boxes: Tensor, scores: Tensor, iou: float, score_threshold: float
    ) -> Tensor:
        rows = [torch.zeros(0, 3, dtype=torch.int64, device=boxes.device)]
        for group in range(len(boxes)):
            alive = (scores[group, 0] > score_threshold).nonzero().flatten()
            kept = alive[nms(boxes[group, alive], scores[group, 0, alive], iou)]
            where = torch.full_like(kept, group)
            rows.append(torch.stack((where, torch.zeros_like(kept), kept), 1))
        return torch.cat(rows)

    @staticmethod
    def symbolic(g: Any, boxes: Any, scores: Any, iou: float, score_threshold: float) -> Any:
        """The node of the exported graph; the operator has no bound on the boxes by default 0."""
        no_bound = g.op("Constant", value_t=torch.tensor([torch.iinfo(torch.int64).max]))
        limits = [
            g.op("Constant", value_t=torch.tensor([value])) for value in (iou, score_threshold)
        ]
        return g.op("NonMaxSuppression", boxes, scores, no_bound, *limits)
