"""Which query learns which box: the bipartite matching of DETR (Carion et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from detectors.transvod_lite.box_overlap import generalized_iou

Output = tuple[Tensor, Tensor]  # logits [N, Q, C] and boxes [N, Q, 4]
Pairs = tuple[Tensor, Tensor]  # query and target indices of a frame, int64 [M] each
Truth = tuple[Tensor, Tensor]  # labels [n] and boxes [n, 4] of a frame

# Of the focal loss (Lin et al. 2017), which the class cost imitates.
ALPHA, GAMMA = 0.25, 2.0
_TINY = 1e-8  # within the logarithms of the class cost


class Weights(NamedTuple):
    """Weights of class, L1 and GIoU, in the matching cost or in the loss."""

    classification: float = 2.0
    l1: float = 5.0
    giou: float = 2.0


@torch.no_grad()
def matching_costs(
    logits: Tensor, boxes: Tensor, target_labels: Tensor, target_boxes: Tensor, weights: Weights
) -> Tensor:
    """Cost of giving each query each target of its frame.

    The class cost is the focal loss of a positive less that of a negative, at the target's class;
    the others are the L1 distance and minus the GIoU of the boxes (Deformable DETR, Zhu et al.
    2021, after DETR, section 3.1).

    Args:
        logits: float [N, Q, C].
        boxes: float [N, Q, 4], cxcywh in 0..1.
        target_labels: int64 [N, n], columns of `logits`.
        target_boxes: float [N, n, 4], cxcywh in 0..1.
        weights: of the three costs.

    Returns:
        float [N, Q, n].
    """
    labels = target_labels[:, None].expand(-1, logits.shape[1], -1)
    p = logits.gather(2, labels).sigmoid()
    positive = ALPHA * (1 - p) ** GAMMA * -(p + _TINY).log()
    negative = (1 - ALPHA) * p**GAMMA * -(1 - p + _TINY).log()
    queries, targets = boxes[:, :, None], target_boxes[:, None]
    distance = (queries - targets).abs().sum(-1)
    return (
        weights.classification * (positive - negative)
        + weights.l1 * distance
        - weights.giou * generalized_iou(queries, targets)
    )


def match(logits: Tensor, boxes: Tensor, targets: Sequence[Truth], weights: Weights) -> list[Pairs]:
    """Match the queries of each frame with its targets, one to one, at the least total cost.

    Args:
        logits: float [N, Q, C].
        boxes: float [N, Q, 4], cxcywh in 0..1.
        targets: for each of the N frames labels int64 [n] (columns of `logits`) and boxes [n, 4],
            cxcywh in 0..1 with an area; n = 0 is legal.
        weights: of the three costs.

    Returns:
        For each frame query and target indices, int64 [min(Q, n)] on the CPU, queries ascending.

    Raises:
        ValueError: if an output is not finite.
    """
    return match_outputs([(logits, boxes)], targets, weights)[0]


def match_outputs(
    outputs: Sequence[Output], targets: Sequence[Truth], weights: Weights
) -> list[list[Pairs]]:
    """Match several outputs of one network, each on its own, with the same targets.

    All costs are computed in float32 or better at once and cross to the CPU together, so that a
    GPU is waited for once a batch.

    Args:
        outputs: logits [N, Q, C] and boxes [N, Q, 4] of each; Q may differ.
        targets: as `match` takes them.
        weights: of the three costs.

    Returns:
        For each output what `match` returns.

    Raises:
        ValueError: if an output is not finite.
    """
    counts = [len(labels) for labels, _ in targets]
    if not any(counts):
        nothing = torch.zeros(0, dtype=torch.int64)
        return [[(nothing, nothing)] * len(counts) for _ in outputs]
    logits, boxes = (at_least_float32(torch.cat(parts, 1)) for parts in zip(*outputs, strict=True))
    # A whole frame where a frame has fewer targets than another: finite costs, cut off below.
    target_labels = pad_sequence([labels for labels, _ in targets], batch_first=True)
    target_boxes = pad_sequence([these for _, these in targets], True, padding_value=0.5)
    target_boxes = target_boxes.to(boxes.dtype)
    costs = matching_costs(logits, boxes, target_labels, target_boxes, weights).cpu().numpy()
    if not np.isfinite(costs).all():
        raise ValueError(
            "the network's logits or boxes are not finite, so its queries cannot be matched: "
            "training has diverged; lower the learning rate, clip gradients, or use precision=32"
        )
    ends = np.cumsum([part.shape[1] for part, _ in outputs])[:-1]
    return [
        [_assign(cost[:, :count]) for cost, count in zip(part, counts, strict=True)]
        for part in np.split(costs, ends, axis=1)
    ]


def at_least_float32(values: Tensor) -> Tensor:
    """Half precision as float32; other values as they are."""
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def _assign(cost: np.ndarray) -> Pairs:
    query_index, target_index = linear_sum_assignment(cost)
    return torch.from_numpy(query_index), torch.from_numpy(target_index)
