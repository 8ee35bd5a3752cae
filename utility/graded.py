"""How well scores order the graded labels: relative utility u and kept fraction m."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utility.label_set import LabelSet
from utility.metrics import partial_spearman, pearson, rmse, spearman

Scores = NDArray[np.float64]
GRADED = ("u", "m")


def graded_table(
    label_set: LabelSet,
    rows: NDArray[np.int64],
    detector: str,
    scorers: Mapping[str, Scores],
    estimates: Mapping[str, Mapping[str, Scores]],
) -> dict[str, dict[str, dict[str, float]]]:
    """The figures of all scorers for one detector, NaN where they are not defined.

    Args:
        label_set: of the pictures.
        rows: int64 [R].
        detector: whose labels.
        scorers: name -> [R], of P(y = 1).
        estimates: 'u' or 'm' -> name -> [R], in place of the probability where a scorer estimates
            the label itself.

    Returns:
        'u' and 'm' -> scorer -> `srcc` and `plcc` (Spearman, Pearson), `srcc_given_quality`
        (partial, over the JPEGs) and, of estimates, `rmse`.
    """
    quality = label_set.images["quality"][rows]
    table: dict[str, dict[str, dict[str, float]]] = {}
    for label in GRADED:
        true = label_set.labels[detector][label][rows].astype(np.float64)
        own = estimates.get(label, {})
        table[label] = {
            name: _figures(true, own.get(name, score), quality, name in own)
            for name, score in scorers.items()
        }
    return table


def _figures(
    true: Scores, score: Scores, quality: NDArray[Any], same_unit: bool
) -> dict[str, float]:
    known = ~np.isnan(true)
    jpeg = known & (quality > 0)
    return {
        "srcc": spearman(true[known], score[known]),
        "plcc": pearson(true[known], score[known]),
        "srcc_given_quality": partial_spearman(true[jpeg], score[jpeg], quality[jpeg]),
        "rmse": rmse(true[known], score[known]) if same_unit else math.nan,
    }
