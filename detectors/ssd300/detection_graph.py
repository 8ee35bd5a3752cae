"""SSD300 from frames to detections in operations of fixed sizes, for export."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from typing_extensions import override

from detectors.onnx_graph import DetectionGraph, frame_size
from detectors.onnx_suppression import unsuppressed
from detectors.ssd300.network import SSD300Network
from detectors.ssd300.postprocess import candidates
from detectors.ssd300.priors import FRAME


class SSD300Graph(DetectionGraph):
    """What `SSD300.predict` computes, for a whole batch at once.

    Args:
        network: whose weights are used.
        nms_iou: of each class, see `suppress`.
        score_threshold: see `suppress`.
        candidates_per_class: see `candidates`.
        max_detections: K of the outputs, unless there are fewer candidates.
    """

    def __init__(
        self,
        network: SSD300Network,
        nms_iou: Sequence[float],
        score_threshold: float,
        candidates_per_class: int,
        max_detections: int,
    ) -> None:
        super().__init__()
        self.network = network
        self.nms_iou = tuple(nms_iou)
        self.score_threshold = score_threshold
        self.candidates_per_class = min(candidates_per_class, len(network.priors))
        self.max_detections = min(max_detections, self.candidates_per_class * len(self.nms_iou))

    @override
    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        codes, logits = self.network(self.network.warp(frames))
        boxes, scores, labels = candidates(
            codes, logits, self.network.priors, self.candidates_per_class
        )
        alive = self._alive(boxes, scores)
        # A survivor scores more than the threshold, so more than 0.
        best, index = (scores * alive).topk(self.max_detections, 1)
        found = best > 0
        size = frame_size(frames)
        kept = boxes.gather(1, index[..., None].expand(-1, -1, 4)) * (size / FRAME)
        kept = torch.minimum(kept.clamp(min=0), size) * found[..., None]
        return kept, best, labels.gather(1, index) * found, found.sum(1)

    def _alive(self, boxes: Tensor, scores: Tensor) -> Tensor:
        """Which candidates survive suppression within their class: bool [B, M]."""
        by_class = scores.reshape(-1, len(self.nms_iou), self.candidates_per_class)
        boxes_by_class = boxes.reshape(-1, len(self.nms_iou), self.candidates_per_class, 4)
        alive, order = [], []
        for limit in sorted(set(self.nms_iou)):
            members = [i for i, iou in enumerate(self.nms_iou) if iou == limit]
            group_boxes = boxes_by_class[:, members].flatten(0, 1)
            group_scores = by_class[:, members].flatten(0, 1)
            kept = unsuppressed(group_boxes, group_scores, limit, self.score_threshold)
            alive.append(kept.reshape(-1, len(members), self.candidates_per_class))
            order += members
        back = [order.index(i) for i in range(len(order))]
        return torch.cat(alive, 1)[:, back].flatten(1)
