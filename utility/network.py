"""Views of a picture to what machines can still do with it: a backbone, pooling, and heads."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from detectors.timm_features import timm_features

Pooling = Literal["mean", "attention"]
LEVELS = 5
HEADS = ("useful", "utility", "kept", "lost", "quality")


class Outputs(NamedTuple):
    """What the network says of N pictures for T targets; None without that head.

    Attributes:
        useful: [N, T], log-odds of label 1.
        utility: [N, T], relative utility u.
        kept: [N, T, 4], log-odds that the kept fraction m reaches .2, .4, .6 and .8.
        lost: [N, T], logarithm of the number of objects lost that is expected.
        quality: [N], of the JPEG, see `loss.quality_target`.
    """

    useful: Tensor
    utility: Tensor | None
    kept: Tensor | None
    lost: Tensor | None
    quality: Tensor | None


class UtilityNetwork(nn.Module):
    """A backbone of timm sees each view alone; its pooled features feed a linear head a question.

    Attention weighs the views against each other, or all places of all views (Ilse et al. 2018):
    what is found or lost is small, and lies somewhere. The number of objects lost is a sum over
    places, so that its head sees each of them and their rates are pooled, not their features.

    Args:
        targets: T, whose labels are predicted.
        backbone: a model name of timm.
        arguments: of the backbone's constructor.
        weights: 'imagenet', a file, or None for a random start.
        heads: those of `HEADS` to make besides 'useful'.
        two_logits: give 'useful' two outputs, whose difference are the log-odds: then the logistic
            loss is the cross-entropy over two classes, as in the paper.
        pooling: 'mean' over the places of a view, with attention over the views alone; 'attention'
            over places.

    Raises:
        ValueError: if `pooling` is neither.
    """

    def __init__(
        self,
        targets: int,
        backbone: str,
        arguments: Mapping[str, Any],
        weights: str | None,
        heads: Collection[str],
        two_logits: bool = False,
        pooling: Pooling = "mean",
    ) -> None:
        super().__init__()
        if pooling not in ("mean", "attention"):
            raise ValueError(f"pooling: must be mean or attention, got {pooling!r}")
        self.pooling = pooling
        last = {"out_indices": [-1], **arguments}
        self.backbone = timm_features("backbone", backbone, last, weights)
        info: Any = self.backbone.feature_info
        channels = int(info.channels()[-1])
        self.targets = targets
        self.attention = nn.Linear(channels, 1)
        nn.init.zeros_(self.attention.weight)  # begins as the mean
        self.useful = nn.Linear(channels, targets * (2 if two_logits else 1))
        self.utility = nn.Linear(channels, targets) if "utility" in heads else None
        self.kept = nn.Linear(channels, targets) if "kept" in heads else None
        self.lost = nn.Linear(channels, targets) if "lost" in heads else None
        self.quality = nn.Linear(channels, 1) if "quality" in heads else None
        # One slope for all levels (CORAL, Cao et al. 2020), so that their order is kept.
        steps = torch.linspace(1.5, -1.5, LEVELS - 1).repeat(targets, 1)
        self.level_bias = nn.Parameter(steps) if "kept" in heads else None

    def forward(self, views: Tensor) -> Outputs:
        """Judge pictures.

        Args:
            views: float [N, V, 3, S, S], normalised.
        """
        count, per_picture = views.shape[:2]
        maps = self.backbone(views.flatten(0, 1))[-1]
        places = maps.flatten(2).mT.unflatten(0, (count, per_picture))
        features = places.flatten(1, 2) if self.pooling == "attention" else places.mean(2)
        weights = self.attention(features).softmax(dim=1)
        pooled = (weights * features).sum(dim=1)
        useful = self.useful(pooled)
        if useful.shape[1] == 2 * self.targets:
            useful = useful[:, self.targets :] - useful[:, : self.targets]
        kept = None
        if self.kept is not None and self.level_bias is not None:
            kept = self.kept(pooled)[..., None] + self.level_bias
        return Outputs(
            useful,
            None if self.utility is None else self.utility(pooled),
            kept,
            None if self.lost is None else _log_mean_exp(self.lost(places.flatten(1, 2))),
            None if self.quality is None else self.quality(pooled)[:, 0],
        )


def _log_mean_exp(rates: Tensor) -> Tensor:
    """Logarithm of the mean over places of what [N, places, T] are the logarithms of: [N, T]."""
    return rates.float().logsumexp(dim=1) - math.log(rates.shape[1])
