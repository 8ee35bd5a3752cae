"""Intervals over source pictures: the bootstrap draws a parent with all that was made of it.

Percentile intervals of Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from utility.metrics import Scores, checked


class Estimate(NamedTuple):
    """A figure with the interval that covers it with 95 % confidence."""

    value: float
    low: float
    high: float


def parent_weights(parent: ArrayLike, resamples: int = 1000, seed: int = 0) -> NDArray[np.float64]:
    """How often each row stands in draws of as many parents as there are, with repetition.

    Figures that take weights are bootstrapped by them much faster than by `bootstrap`, and what is
    computed of the same weights is paired.

    Args:
        parent: [R], the source picture of each row.
        resamples: B, how many draws; a single parent is never drawn.
        seed: of the draws.

    Returns:
        [1 + B, R]; the first row is the data itself.
    """
    _, member = np.unique(np.asarray(parent), return_inverse=True)
    count = int(member.max(initial=-1)) + 1
    drawn = resamples if count > 1 else 0
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(count, np.full(count, 1 / max(count, 1)), size=drawn)
    return np.concatenate([np.ones((1, count)), draws])[:, member]


def weighted_within_auroc(
    y: ArrayLike, score: ArrayLike, group: ArrayLike, weights: NDArray[np.float64]
) -> Scores:
    """`within_group_auroc` of each row of weights.

    Args:
        y: [R] of 0 and 1.
        score: [R].
        group: [R].
        weights: [B, R], see `parent_weights`.

    Returns:
        [B].
    """
    labels, scores = checked(y, score)
    right = pairs = np.zeros(len(weights))
    _, member = np.unique(np.asarray(group), return_inverse=True)
    for k in range(int(member.max(initial=-1)) + 1):
        rows = np.flatnonzero(member == k)
        rows = rows[np.argsort(scores[rows], kind="stable")]
        ties = np.flatnonzero(np.append(True, np.diff(scores[rows]) != 0))
        weight = weights[:, rows]
        ones = np.add.reduceat(weight * labels[rows], ties, axis=1)
        zeros = np.add.reduceat(weight * ~labels[rows], ties, axis=1)
        below = np.cumsum(zeros, axis=1) - zeros / 2
        right = right + (ones * below).sum(axis=1)
        pairs = pairs + ones.sum(axis=1) * zeros.sum(axis=1)
    return np.divide(right, pairs, out=np.full_like(right, np.nan), where=pairs > 0)


def estimate(values: Scores, confidence: float = 0.95) -> Estimate:
    """A figure with its percentile interval, from [1 + B] values as `parent_weights` orders them.

    Args:
        values: the figure of the data itself, then those of the draws; NaN draws are left out.
        confidence: that the interval covers.
    """
    drawn = values[1:][~np.isnan(values[1:])]
    tail = (1 - confidence) / 2
    ends = np.quantile(drawn, [tail, 1 - tail]) if len(drawn) else (math.nan, math.nan)
    return Estimate(float(values[0]), float(ends[0]), float(ends[1]))


def bootstrap(
    figure: Callable[[NDArray[np.int64]], float],
    parent: ArrayLike,
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Estimate:
    """A figure with its percentile interval over parents, drawn with all of their pictures.

    Args:
        figure: of rows, indices that may repeat; NaN draws are left out.
        parent: [R], the source picture of each row.
        resamples: how many draws.
        seed: of the draws.
        confidence: that the interval covers.
    """
    _, member = np.unique(np.asarray(parent), return_inverse=True)
    order = np.argsort(member, kind="stable")
    counts = np.bincount(member)
    rows_of = np.split(order, np.cumsum(counts)[:-1]) if len(counts) else []
    value = figure(np.arange(len(member)))
    rng = np.random.default_rng(seed)
    drawn = []
    # A single parent can only be drawn as it is, which would pass for certainty.
    for _ in range(resamples if len(rows_of) > 1 else 0):
        chosen = rng.integers(len(rows_of), size=len(rows_of))
        drawn.append(figure(np.concatenate([rows_of[k] for k in chosen])))
    return estimate(np.array([value, *drawn]), confidence)
