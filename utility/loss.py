"""What the predictor is trained on: labels, graded ones, the quality, and their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from utility.network import LEVELS, Outputs
from utility.picture_batch import PictureBatch

TERMS = ("useful", "utility", "kept", "lost", "quality", "ranking")
HUBER_DELTA = 0.5  # of u, which lies in -1..1
MIDDLE_SCALE, STEP = 200.0, 5.0  # libjpeg's scale 40 to 1000 becomes -1 to 1


class UtilityLoss(nn.Module):
    """Weighted sum of the terms over all pictures and targets that have a label.

    Args:
        useful_share: of label 1 in the training set, a target; the logistic loss weighs both
            labels so that they count alike.
        weights: term -> weight, of `TERMS`; terms that are absent or 0 are not computed.

    Raises:
        ValueError: for an unknown term, a negative weight, or without the term 'useful'.
    """

    share: Tensor

    def __init__(self, useful_share: Sequence[float], weights: Mapping[str, float]) -> None:
        super().__init__()
        unknown = sorted(set(weights) - set(TERMS))
        if unknown or min(weights.values(), default=0) < 0 or not weights.get("useful"):
            raise ValueError(
                f"loss_weights: takes {', '.join(TERMS)} with weights from 0 up, 'useful' above 0; "
                f"got {dict(weights)}"
            )
        self.weights = {term: float(weight) for term, weight in weights.items() if weight}
        share = torch.tensor(useful_share, dtype=torch.float32).clamp(0.01, 0.99)
        self.register_buffer("share", share, persistent=False)

    def forward(self, outputs: Outputs, batch: PictureBatch) -> dict[str, Tensor]:
        """The weighted terms; a batch in which a term has nothing to say gives it 0."""
        # In float32 under mixed precision too.
        outputs = Outputs(*(None if o is None else o.float() for o in outputs))  # type: ignore[arg-type]
        known = batch.y >= 0
        terms = {"useful": self._useful(outputs.useful, batch.y, known)}
        if outputs.utility is not None:
            u = batch.u.nan_to_num()
            loss = F.huber_loss(outputs.utility, u, reduction="none", delta=HUBER_DELTA)
            terms["utility"] = _mean(loss, known & ~batch.u.isnan())
        if outputs.kept is not None:
            reached = reached_levels(batch.m.nan_to_num())
            loss = F.binary_cross_entropy_with_logits(outputs.kept, reached, reduction="none")
            terms["kept"] = _mean(loss.mean(-1), known & ~batch.m.isnan())
        if outputs.lost is not None:
            # Its expectation is what a decision needs, and the mean of a Poisson fit is that.
            lost = batch.lost.nan_to_num()
            loss = F.poisson_nll_loss(outputs.lost, lost, log_input=True, reduction="none")
            terms["lost"] = _mean(loss, ~batch.lost.isnan())
        if outputs.quality is not None:
            jpeg = batch.qualities > 0
            target = quality_target(batch.qualities.clamp(min=1))
            terms["quality"] = _mean(
                F.smooth_l1_loss(outputs.quality, target, reduction="none"), jpeg
            )
        if "ranking" in self.weights:
            ranked = outputs.useful if outputs.utility is None else outputs.utility
            terms["ranking"] = ranking_loss(ranked, batch)
        return {
            term: self.weights[term] * loss for term, loss in terms.items() if term in self.weights
        }

    def _useful(self, logits: Tensor, y: Tensor, known: Tensor) -> Tensor:
        weight = torch.where(y == 1, 0.5 / self.share, 0.5 / (1 - self.share))
        loss = F.binary_cross_entropy_with_logits(
            logits, y.clamp(min=0).to(logits.dtype), reduction="none"
        )
        return _mean(weight * loss, known)


def reached_levels(m: Tensor) -> Tensor:
    """Which of the levels .2, .4, .6 and .8 the kept fraction reaches: 0 or 1, [..., 4]."""
    steps = torch.arange(1, LEVELS, device=m.device) / LEVELS
    return (m[..., None] >= steps - 1e-6).to(m.dtype)


def quality_target(qualities: Tensor) -> Tensor:
    """JPEG qualities as the network is to say them.

    The logarithm of libjpeg's scale S, in which ladders are uniform: S = 5000/Q below 50, else
    200 - 2Q. The scales 40 to 1000 lie in -1..1.
    """
    q = qualities.float()
    scale = torch.where(q < 50, 5000 / q, 200 - 2 * q).clamp(min=1)
    return torch.log(scale / MIDDLE_SCALE) / torch.log(torch.tensor(STEP))


def ranking_loss(scores: Tensor, batch: PictureBatch) -> Tensor:
    """Of two qualities of one parent the better one is to have no lower score.

    Hinge without margin over all pairs, unless the labels say otherwise: u is not monotone in the
    quality for some percent of them.

    Args:
        scores: [N, T].
        batch: with `u` of these pictures.
    """
    first, second = ordered_pairs(batch)
    agree = batch.u[first] >= batch.u[second]  # false where either is NaN
    return _mean(F.relu(scores[second] - scores[first]), agree)


def ordered_pairs(batch: PictureBatch) -> tuple[Tensor, Tensor]:
    """Places of all pairs of JPEGs of one parent: those of the higher and of the lower quality."""
    parents, q = batch.image_ids, batch.qualities
    higher = (parents[:, None] == parents) & (q[:, None] > q) & (q > 0)
    first, second = higher.nonzero(as_tuple=True)
    return first, second


def _mean(values: Tensor, where: Tensor) -> Tensor:
    """Mean over the places that count; 0, with a gradient, where there are none."""
    return (values * where).sum() / where.sum().clamp(min=1)
