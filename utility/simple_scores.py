"""Scores that need no picture: what share is useful, the quality, the bits; and the labels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from evaluation.conditions import CLEAN
from utility.calibration import Calibration
from utility.label_set import LabelSet
from utility.loss import quality_target

Scores = NDArray[np.float64]
QUALITY, BITS, MAJORITY, ORACLE, OWN = "quality only", "bits per pixel", "majority", "oracle", "own"


def simple_scores(
    train: LabelSet,
    y: NDArray[np.int8],
    train_rows: NDArray[np.int64],
    test: LabelSet,
    test_rows: NDArray[np.int64],
) -> dict[str, Scores]:
    """Logistic regressions on one number a picture, fitted on the training split.

    Args:
        train: the label set of the training.
        y: [R, T], labels of its rows; of several targets all are taken together.
        train_rows: of the training split.
        test: the label set of the test.
        test_rows: int64 [N].

    Returns:
        Name -> float64 [N], of P(y = 1). A number that pictures lack gives no entry.
    """
    # The pristine pictures are no part of what is asked.
    train_rows = train_rows[train.images["condition"][train_rows] != CLEAN]
    labels = y[train_rows]
    share = labels[labels >= 0].mean()
    scores = {MAJORITY: np.full(len(test_rows), float(share))}
    numbers = {QUALITY: (_quality(train), _quality(test)), BITS: (_bits(train), _bits(test))}
    for name, (known, asked) in numbers.items():
        x, new = known[train_rows], asked[test_rows]
        if not (np.isfinite(x).all() and np.isfinite(new).all()):
            continue
        middle, spread = x.mean(), max(float(x.std()), 1e-6)
        x, new = (x - middle) / spread, (new - middle) / spread
        targets = labels.shape[1]
        logistic = Calibration.fit(np.repeat(x, targets)[:, None], labels.reshape(-1, 1))
        odds = torch.from_numpy(new[:, None])
        scores[name] = logistic.probabilities(odds).numpy()[:, 0].astype(np.float64)
    return scores


def oracle_scores(columns: Mapping[str, NDArray[np.float64]]) -> Scores:
    """The labels themselves, in the order of the utility: above .5 useful, below not.

    Args:
        columns: `y` and `u` of a detector, [N]; .5 where it says nothing.
    """
    u = np.nan_to_num(columns["u"].astype(np.float64))
    y = columns["y"]
    return np.where(y < 0, 0.5, np.where(y == 1, 0.75, 0.25) + 0.24 * u)


def _quality(label_set: LabelSet) -> Scores:
    """Falls with libjpeg's scale; NaN where a picture is no JPEG."""
    qualities = label_set.images["quality"]
    target = quality_target(torch.from_numpy(qualities.astype(np.int64)).clamp(min=1)).numpy()
    return np.where(qualities > 0, -target.astype(np.float64), np.nan)


def _bits(label_set: LabelSet) -> Scores:
    bpp = label_set.images["bpp"].astype(np.float64)
    return np.log(np.where(bpp > 0, bpp, np.nan))
