"""Focal, L1 and GIoU loss over matched queries (Deformable DETR, Zhu et al. 2021; DETR, eq. 2)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torchvision.ops import sigmoid_focal_loss

from detectors.loss_normaliser import mean_over_processes
from detectors.transvod_lite.box_overlap import covered_share, generalized_iou
from detectors.transvod_lite.matching import (
    ALPHA,
    GAMMA,
    Output,
    Pairs,
    Weights,
    at_least_float32,
    match_outputs,
)

IGNORED_SHARE = 0.5  # of a query's box in an ignored region, above which it is no false alarm


class SetCriterion(nn.Module):
    """The losses of the final and of all auxiliary outputs, each matched on its own.

    All are divided by the number of boxes of all frames of the batch, at least 1. In training
    under DDP that number is the mean over processes, found by one `all_reduce` a call: every
    process must call the criterion equally often, and one whose batch is empty must call
    `mean_over_processes` in its stead. In eval mode each process counts for itself, for their
    numbers of batches may differ.

    Args:
        cost: weights of the matching cost: class, L1, GIoU.
        weight: weights of the losses: class, L1, GIoU; the same for every output.

    Raises:
        ValueError: if a weight is negative or there are not three.
    """

    def __init__(
        self, cost: Sequence[float] = (2.0, 5.0, 2.0), weight: Sequence[float] = (2.0, 5.0, 2.0)
    ) -> None:
        super().__init__()
        for name, values in (("cost", cost), ("weight", weight)):
            if len(values) != 3 or min(values) < 0:
                raise ValueError(
                    f"{name} must be three weights of at least 0, of class, L1 and GIoU; "
                    f"got {list(values)}"
                )
        self.cost = Weights(*cost)
        self.weight = Weights(*weight)

    def forward(
        self,
        outputs: Sequence[Output],
        labels: Sequence[Tensor],
        boxes: Sequence[Tensor],
        ignored: Sequence[Tensor | None] | None = None,
        frame_present: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Losses of a batch of N frames: of all clips and times, in one row.

        Args:
            outputs: logits float [N, Q, C] and boxes float [N, Q, 4] (cxcywh in 0..1 of the frame
                without padding) of each output, the final one last; Q may differ. They are taken to
                float32 where they are of half precision.
            labels: for each frame int64 [n], columns of the logits. Crowds are no objects and must
                not be among them.
            boxes: for each frame float [n, 4], cxcywh in 0..1, each with an area.
            ignored: for each frame float [M, 4] regions, cxcywh in 0..1, or None: an unmatched
                query whose box lies for more than half in one of them is no false alarm and has
                no class loss. Without the argument it has (as in the reference).
            frame_present: bool [N], False where a frame only fills up a clip and counts for
                nothing; all present where absent.

        Returns:
            `loss_ce`, `loss_bbox`, `loss_giou` of the final output, and for each auxiliary i, in
            order, the same with `_<i>`: scalars, weighted, to be summed.

        Raises:
            ValueError: if an output is not finite.
        """
        outputs = [(at_least_float32(logits), at_least_float32(these)) for logits, these in outputs]
        present = _presence(frame_present, outputs[-1][0])
        truth = list(zip(labels, boxes, strict=True))
        matches = match_outputs(outputs, truth, self.cost)
        indices = _flat_indices(matches, [len(these) for these in labels], present.device)
        count = (present * _counts(labels, present)).sum()
        count = (mean_over_processes(count) if self.training else count).clamp(min=1)
        all_labels, all_boxes = torch.cat(list(labels)), torch.cat(list(boxes)).to(present)
        regions = _padded_regions(ignored)
        losses: dict[str, Tensor] = {}
        suffixes = [*(f"_{i}" for i in range(len(outputs) - 1)), ""]
        for output, index, suffix in zip(outputs, indices, suffixes, strict=True):
            each = self._losses(output, index, all_labels, all_boxes, regions, present)
            names = (f"loss_{what}{suffix}" for what in ("ce", "bbox", "giou"))
            losses |= {
                name: weight * loss / count
                for name, weight, loss in zip(names, self.weight, each, strict=True)
            }
        return losses

    def _losses(
        self,
        output: Output,
        index: tuple[Tensor, Tensor, Tensor],
        labels: Tensor,
        boxes: Tensor,
        regions: Tensor | None,
        present: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Sums of focal, L1 and GIoU loss; `index` holds frame, query and target of each pair."""
        logits, predicted = output
        frame, query, target = index
        wanted = torch.zeros_like(logits)
        wanted[frame, query, labels[target]] = 1.0
        each = sigmoid_focal_loss(logits, wanted, ALPHA, GAMMA).sum(-1)  # [N, Q]
        if regions is not None:
            spared = covered_share(predicted.detach()[:, :, None], regions[:, None]) > IGNORED_SHARE
            spared = spared.any(-1)
            spared[frame, query] = False
            each = each.masked_fill(spared, 0.0)
        pair_present = present[frame]
        own, truth = predicted[frame, query], boxes[target]
        distance = (own - truth).abs().sum(-1)
        return (
            (each * present[:, None]).sum(),
            (distance * pair_present).sum(),
            ((1 - generalized_iou(own, truth)) * pair_present).sum(),
        )


def _presence(frame_present: Tensor | None, like: Tensor) -> Tensor:
    """[N] of the outputs' type: 1 for a frame that counts, 0 for one that does not."""
    if frame_present is None:
        return like.new_ones(len(like))
    return frame_present.to(like)


def _counts(labels: Sequence[Tensor], like: Tensor) -> Tensor:
    """[N]: the number of boxes of each frame."""
    counts = torch.tensor([len(these) for these in labels], dtype=like.dtype)
    return counts.to(like.device, non_blocking=True)


def _flat_indices(
    matches: Sequence[Sequence[Pairs]], counts: Sequence[int], device: torch.device
) -> list[tuple[Tensor, Tensor, Tensor]]:
    """For each output frame, query and target index [M]; targets count over the whole batch."""
    firsts = torch.tensor([0, *counts]).cumsum(0)
    rows = [
        torch.stack((torch.full_like(query, frame), query, target + firsts[frame]))
        for frame, (query, target) in chain.from_iterable(map(enumerate, matches))
    ]
    lengths = [sum(len(query) for query, _ in frames) for frames in matches]
    # One copy to the device, whatever the number of outputs and frames.
    parts = torch.cat(rows, 1).to(device, non_blocking=True).split(lengths, 1)
    return [(part[0], part[1], part[2]) for part in parts]


def _padded_regions(ignored: Sequence[Tensor | None] | None) -> Tensor | None:
    """[N, M, 4]: the regions of each frame, filled up with some that have no area; None if none."""
    if ignored is None:
        return None
    given = [regions for regions in ignored if regions is not None and len(regions)]
    if not given:
        return None
    nowhere = given[0].new_zeros(0, 4)
    return pad_sequence([nowhere if r is None else r for r in ignored], batch_first=True)
