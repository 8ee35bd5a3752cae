"""Orders of replacement by what is lost: the pictures first of which most comes back.

The label is the wrong order for it. A picture that is useless to a detector because it shows
nothing that the detector ever finds gains nothing from its pristine version, and one that lost
three objects of four is still useful. What a replacement brings is the number of objects found in
the pristine picture and not in this one; its expectation is learned beside the label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utility.baselines import ORACLE, lost_baselines
from utility.label_set import LabelSet
from utility.predictor_scores import PredictorScores

Scores = NDArray[np.float64]


def by_loss(name: str) -> str:
    """What tables call a scorer's order by expected loss."""
    return f"{name}, by loss"


def loss_orders(
    seen: LabelSet,
    unseen: LabelSet,
    rows: NDArray[np.int64],
    detectors: Sequence[str],
    scores: Mapping[str, PredictorScores],
) -> dict[str, dict[str, Scores]]:
    """Scores that are the lower, the more objects a picture is expected to have lost.

    Args:
        seen: what baselines are fitted on, its training split.
        unseen: the label set that is scored.
        rows: int64 [R] of it.
        detectors: that are judged.
        scores: name -> what a predictor says; those without a head for it are left out.

    Returns:
        Detector -> `by_loss` of a predictor, a baseline or the oracle -> float64 [R].
    """
    simple = lost_baselines(seen, seen.rows("train"), unseen, rows)
    counting = {name: found for name, found in scores.items() if "lost" in found.estimates}
    orders: dict[str, dict[str, Any]] = {}
    for detector in detectors:
        expected = {name: found.of(detector, "lost") for name, found in counting.items()}
        true = unseen.lost([detector])[rows, 0].astype(np.float64)
        every = {**expected, **simple, ORACLE: true}
        orders[detector] = {by_loss(name): -lost for name, lost in every.items()}
    return orders
