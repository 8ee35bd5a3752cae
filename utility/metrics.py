"""How well scores foretell utility: figures of one set of labels, and of groups of them.

All take labels and scores that are kept already (no -1); a figure that is not defined is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

Labels = NDArray[np.bool_]
Scores = NDArray[np.float64]
Figure = Callable[[Labels, Scores], float]


def accuracy(y: ArrayLike, score: ArrayLike, threshold: float = 0.5) -> float:
    """The share of pictures whose score falls on the side of their label.

    Args:
        y: [R] of 0 and 1.
        score: [R], of P(y = 1).
        threshold: what a score must reach for a 1.
    """
    labels, scores = checked(y, score)
    return float(np.mean((scores >= threshold) == labels)) if len(labels) else math.nan


def balanced_accuracy(y: ArrayLike, score: ArrayLike, threshold: float = 0.5) -> float:
    """The mean of the shares of both labels that are told right; NaN with one label alone."""
    labels, scores = checked(y, score)
    right = (scores >= threshold) == labels
    if labels.all() or not labels.any():
        return math.nan
    return float((right[labels].mean() + right[~labels].mean()) / 2)


def auroc(y: ArrayLike, score: ArrayLike) -> float:
    """The chance that a useful picture scores above a useless one, ties counted half.

    Mann and Whitney's U over n0 · n1. NaN with one label alone.
    """
    labels, scores = checked(y, score)
    ones = int(labels.sum())
    pairs = ones * (len(labels) - ones)
    if not pairs:
        return math.nan
    return float((rankdata(scores)[labels].sum() - ones * (ones + 1) / 2) / pairs)


def average_precision_of_zeros(y: ArrayLike, score: ArrayLike) -> float:
    """AUPRC of the label 0, found by low scores: Σ (R_n − R_n−1) P_n; ties stand together."""
    labels, scores = checked(y, score)
    zeros = int((~labels).sum())
    if not zeros:
        return math.nan
    order = np.argsort(scores, kind="stable")
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    found = np.cumsum(~labels[order])[last]
    return float(np.sum(np.diff(found, prepend=0) / zeros * found / (last + 1)))


def brier(y: ArrayLike, score: ArrayLike) -> float:
    """The mean squared distance of scores from labels."""
    labels, scores = checked(y, score)
    return float(np.mean((scores - labels) ** 2)) if len(labels) else math.nan


def calibration_error(y: ArrayLike, score: ArrayLike, bins: int = 15) -> float:
    """ECE over bins of equal mass: mean |mean score − share of ones|, weighted by their sizes.

    Equal scores stay in one bin, so that their order does not matter.
    """
    labels, scores = checked(y, score)
    if not len(labels):
        return math.nan
    place = (rankdata(scores, method="min") - 1) * bins // len(scores)
    _, group = np.unique(place, return_inverse=True)
    return float(np.abs(np.bincount(group, weights=scores - labels)).sum() / len(labels))


def within_group_auroc(y: ArrayLike, score: ArrayLike, group: ArrayLike) -> float:
    """AUROC inside each group, averaged by its number of pairs n0 · n1.

    With the quality as group it is .5 for every score that knows the quality alone: what exceeds
    .5 was told by the content.

    Args:
        y: [R] of 0 and 1.
        score: [R].
        group: [R], such as qualities or names of conditions.
    """
    labels, scores = checked(y, score)
    _, member = np.unique(np.asarray(group), return_inverse=True)
    total = pairs = 0.0
    for k in range(int(member.max(initial=-1)) + 1):
        inside = member == k
        ones = int(labels[inside].sum())
        count = ones * (int(inside.sum()) - ones)
        if count:
            total += count * auroc(labels[inside], scores[inside])
            pairs += count
    return total / pairs if pairs else math.nan


def risk_coverage(y: ArrayLike, score: ArrayLike) -> tuple[Scores, Scores]:
    """The share of useless pictures among those kept, as the lowest scores are dropped.

    Equal scores are kept in proportion: their risk is that of a random choice among them.

    Returns:
        coverage [R], 1/R..1, and risk [R].
    """
    labels, scores = checked(y, score)
    order = np.argsort(-scores, kind="stable")
    useless = (~labels[order]).astype(np.float64)
    _, tied, counts = np.unique(scores[order], return_inverse=True, return_counts=True)
    shared = (np.bincount(tied, weights=useless) / counts)[tied]
    kept = np.arange(1, len(labels) + 1)
    return kept / max(len(labels), 1), np.cumsum(shared) / kept


def area_under_risk(y: ArrayLike, score: ArrayLike) -> float:
    """AURC: the mean risk over all coverages."""
    _, risk = risk_coverage(y, score)
    return float(risk.mean()) if len(risk) else math.nan


def pearson(true: ArrayLike, score: ArrayLike) -> float:
    """PLCC, without a fitted curve; NaN where either is constant."""
    a, b = np.asarray(true, float), np.asarray(score, float)
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    return float(np.corrcoef(a, b)[0, 1])


def spearman(true: ArrayLike, score: ArrayLike) -> float:
    """SRCC: Pearson's correlation of ranks, ties at their mean rank."""
    return pearson(rankdata(true), rankdata(score))


def partial_spearman(true: ArrayLike, score: ArrayLike, given: ArrayLike) -> float:
    """SRCC of what ranks hold beyond those of a third quantity, such as the quality.

    NaN where either holds nothing beyond them.
    """
    a, b, known = (rankdata(values) - (np.size(values) + 1) / 2 for values in (true, score, given))
    square = float(known @ known)
    left = [ranks - (ranks @ known / square if square else 0) * known for ranks in (a, b)]
    # What rounding leaves of ranks that the third ones tell wholly is no order.
    if any(len(r) < 2 or np.ptp(r) < 1e-9 * len(r) for r in left):
        return math.nan
    return pearson(*left)


def rmse(true: ArrayLike, score: ArrayLike) -> float:
    """Root mean squared error."""
    difference = np.asarray(score, float) - np.asarray(true, float)
    return float(np.sqrt(np.mean(difference**2))) if len(difference) else math.nan


FIGURES: Mapping[str, Figure] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "auroc": auroc,
    "auprc_0": average_precision_of_zeros,
    "brier": brier,
    "ece": calibration_error,
    "aurc": area_under_risk,
}


def figures(y: ArrayLike, score: ArrayLike, group: ArrayLike) -> dict[str, float]:
    """All figures of binary labels, `within_auroc` of the groups among them."""
    found = {name: figure(y, score) for name, figure in FIGURES.items()}  # type: ignore[arg-type]
    return found | {"within_auroc": within_group_auroc(y, score, group)}


def grouped_figures(
    y: ArrayLike, score: ArrayLike, group: ArrayLike
) -> dict[Any, dict[str, float]]:
    """The figures of each group, in the order of their names; figures within them stay out."""
    labels, scores = checked(y, score)
    names, member = np.unique(np.asarray(group), return_inverse=True)
    return {
        name: {k: f(labels[member == i], scores[member == i]) for k, f in FIGURES.items()}
        for i, name in enumerate(names.tolist())
    }


def checked(y: ArrayLike, score: ArrayLike) -> tuple[Labels, Scores]:
    """Labels as bool [R] and scores as float64 [R].

    Raises:
        ValueError: for other shapes, another label than 0 and 1, or a NaN.
    """
    labels, scores = np.asarray(y), np.asarray(score, float)
    if labels.shape != scores.shape or labels.ndim != 1:
        raise ValueError(
            f"expected labels and scores [R], got {list(labels.shape)} and {list(scores.shape)}"
        )
    if not np.isin(labels, (0, 1)).all() or np.isnan(scores).any():
        raise ValueError("labels must be 0 or 1 (leave out -1 before) and scores numbers")
    return labels.astype(bool), scores
