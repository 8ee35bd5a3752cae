"""MultiBox loss with hard-negative mining (Liu et al. 2016, equations 1 to 3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from detectors.loss_normaliser import mean_over_processes
from detectors.ssd300.box_codes import encode
from detectors.ssd300.matching import FORCED, covered_priors, match_priors

LOCALISATION = ("smooth_l1_sum", "l1_mean")


class MultiBoxLoss(nn.Module):
    """Box regression over positives, cross-entropy over positives and the hardest negatives.

    Both are divided by the number of positives of the whole batch, at least 1. In training under
    DDP that number is the mean over processes, so that the mean of their gradients is that of the
    joint batch: every process must call the loss equally often, and one whose batch is empty must
    call `mean_over_processes` in its stead. In eval mode each process counts for itself.

    Args:
        forced: how boxes that share their best prior are served, see `match_priors`.
        localisation: 'smooth_l1_sum' sums smooth L1 over the four codes (paper); 'l1_mean' is plain
            L1 averaged over them (what the facade SSD of 2019 ran): a quarter of the weight and no
            quadratic zone, so the two are not comparable.
        loc_weight: alpha of the paper, weight of the box regression.
        negative_ratio: negatives per positive of a frame.
        min_negatives: least negatives of a frame. At 0 (paper) a frame without boxes teaches
            nothing; a few let the network learn from pictures of background.
        threshold: IoU from which a prior is positive.

    Raises:
        ValueError: if a choice is unknown or a number negative.
    """

    def __init__(
        self,
        forced: str = "overwrite",
        localisation: str = "smooth_l1_sum",
        loc_weight: float = 1.0,
        negative_ratio: float = 3.0,
        min_negatives: int = 0,
        threshold: float = 0.5,
    ) -> None:
        super().__init__()
        for what, value, known in (
            ("forced", forced, FORCED),
            ("localisation", localisation, LOCALISATION),
        ):
            if value not in known:
                raise ValueError(f"{what} must be one of {', '.join(known)}, got {value!r}")
        if min(loc_weight, negative_ratio, min_negatives) < 0:
            raise ValueError(
                "loc_weight, negative_ratio and min_negatives must not be negative, got "
                f"{loc_weight}, {negative_ratio}, {min_negatives}"
            )
        self.forced = forced
        self.localisation = localisation
        self.loc_weight = loc_weight
        self.negative_ratio = negative_ratio
        self.min_negatives = min_negatives
        self.threshold = threshold

    def forward(
        self,
        codes: Tensor,
        logits: Tensor,
        priors: Tensor,
        boxes: Sequence[Tensor],
        labels: Sequence[Tensor],
        ignored: Sequence[Tensor | None] | None = None,
    ) -> dict[str, Tensor]:
        """Losses of a batch.

        Args:
            codes: float [B, P, 4], predicted box codes.
            logits: float [B, P, C + 1], class 0 is background.
            priors: float32 [P, 4], xyxy pixels of the 300x300 frame.
            boxes: B tensors float32 [N, 4], xyxy pixels in the same frame; N = 0 is legal.
            labels: B tensors int64 [N], 1..C.
            ignored: for each frame regions float32 [M, 4] in the same frame, or None: priors of
                which half lies in one are never mined as negatives.

        Returns:
            Scalars float32 `bbox_regression` and `classification`, to be added up.
        """
        wanted_codes, wanted_labels = self._wanted(priors, boxes, labels)
        positive = wanted_labels > 0
        count = positive.sum()
        count = (mean_over_processes(count) if self.training else count).clamp(min=1)
        regression = self._regression(codes.float(), wanted_codes, positive)
        entropy = F.cross_entropy(
            logits.float().flatten(0, 1), wanted_labels.flatten(), reduction="none"
        ).view_as(wanted_labels)
        negative = ~positive & ~_ignored_priors(priors, ignored, len(codes))
        hardest = self._hard_negatives(entropy.detach(), positive, negative)
        return {
            "bbox_regression": self.loc_weight * regression / count,
            "classification": torch.where(positive | hardest, entropy, 0.0).sum() / count,
        }

    @torch.no_grad()
    def _wanted(
        self, priors: Tensor, boxes: Sequence[Tensor], labels: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Codes [B, P, 4] and labels [B, P] that the priors should give; label 0 = background."""
        matched_boxes, matched_labels = [], []
        for frame_boxes, frame_labels in zip(boxes, labels, strict=True):
            matches = match_priors(frame_boxes, priors, self.threshold, self.forced)
            # Row 0 serves the unmatched (-1): any box with an area will do, its code is not used.
            choices = torch.cat((priors[:1], frame_boxes))
            matched_boxes.append(choices[matches + 1])
            matched_labels.append(F.pad(frame_labels, (1, 0))[matches + 1])
        return encode(torch.stack(matched_boxes), priors), torch.stack(matched_labels)

    def _regression(self, codes: Tensor, wanted: Tensor, positive: Tensor) -> Tensor:
        if self.localisation == "l1_mean":
            each = (codes - wanted).abs() / 4
        else:
            each = F.smooth_l1_loss(codes, wanted, reduction="none")
        return torch.where(positive[..., None], each, 0.0).sum()

    def _hard_negatives(self, entropy: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """bool [B, P]: the negatives of each frame with the highest loss, `negative_ratio` : 1."""
        wanted = (self.negative_ratio * positive.sum(1)).long().clamp(min=self.min_negatives)
        wanted = torch.minimum(wanted, negative.sum(1))
        # The one number that is read back from the device: sorting all priors would cost more.
        most = int(wanted.max())
        order = entropy.masked_fill(~negative, -torch.inf).topk(most, dim=1).indices
        taken = torch.arange(most, device=order.device) < wanted[:, None]
        return torch.zeros_like(positive).scatter(1, order, taken)


def _ignored_priors(
    priors: Tensor, ignored: Sequence[Tensor | None] | None, frame_count: int
) -> Tensor:
    """bool [B, P]: priors that lie in the ignored regions of their frame."""
    regions = [None] * frame_count if ignored is None else ignored
    nowhere = torch.zeros(len(priors), dtype=torch.bool, device=priors.device)
    return torch.stack([nowhere if r is None else covered_priors(r, priors) for r in regions])
