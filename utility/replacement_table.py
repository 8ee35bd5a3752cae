"""What replaced pictures are worth: curves, areas and gains with their intervals, and who leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utility.baselines import BITS, DCT_TREES, QUALITY
from utility.expected_loss import by_loss
from utility.replacement import SHARES, Curve
from utility.resampling import estimate

RANDOM = "random"
GAINS = (0.1, 0.2, 0.3)


def replacement_table(curves: Mapping[str, Curve], predictors: Sequence[str]) -> dict[str, Any]:
    """The curves with their 95 % intervals, areas and gains, and what predictors are ahead by.

    Args:
        curves: scorer -> curve, see `replacement_curves`.
        predictors: the scorers that are set against what they must beat.
    """
    at_random = curves[RANDOM]
    simple = (QUALITY, BITS, DCT_TREES)
    rivals = [name for name in (RANDOM, *simple, *map(by_loss, simple)) if name in curves]
    return {
        "shares": list(SHARES),
        "none": float(at_random.map[0, 0]),
        "all": float(at_random.map[0, -1]),
        "scorers": {name: _figures(curve) for name, curve in curves.items()},
        "ahead": {
            name: {other: _lead(curves[name], curves[other]) for other in rivals}
            for name in predictors
        },
    }


def _figures(curve: Curve) -> dict[str, Any]:
    return {
        "map": curve.map[0].tolist(),
        "map_95": [_interval(curve.map[:, i]) for i in range(len(SHARES))],
        "area": float(curve.area[0]),
        "area_95": _interval(curve.area),
        "own_share": curve.own_share,
        "own_map": float(curve.own_map[0]),
        "own_map_95": _interval(curve.own_map),
        "own_filtered": float(curve.own_filtered[0]),
        "gains": _at_shares(curve.map - curve.map[:, :1]),
    }


def _lead(curve: Curve, other: Curve) -> dict[str, list[float]]:
    """How far a curve lies above another, over all shares and at some."""
    area = list(estimate(curve.area - other.area))
    return {"area": area, **_at_shares(curve.map - other.map)}


def _at_shares(differences: NDArray[np.float64]) -> dict[str, list[float]]:
    """Share -> value, low, high; of [1 + B, shares]."""
    return {str(share): list(estimate(differences[:, SHARES.index(share)])) for share in GAINS}


def _interval(values: NDArray[np.float64]) -> list[float]:
    found = estimate(values)
    return [found.low, found.high]
