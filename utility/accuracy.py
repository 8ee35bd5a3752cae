"""How well scores know labels: tables I and II of the paper, with coverage and on common ground.

Single networks and their combination leave different pictures out, so that their accuracies are
not comparable (fault F8); each stands here on its own pictures and on those that all keep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utility.label_set import LabelSet
from utility.metrics import accuracy, figures, grouped_figures
from utility.resampling import estimate, parent_weights, weighted_within_auroc

Scores = NDArray[np.float64]
SIZES = (("small", 0.0, 32.0**2), ("medium", 32.0**2, 96.0**2), ("large", 96.0**2, np.inf))


def target_table(
    label_set: LabelSet,
    rows: NDArray[np.int64],
    y: NDArray[np.int8],
    common: NDArray[np.int8],
    scorers: Mapping[str, Scores],
    resamples: int,
    leaders: Sequence[str] = (),
) -> dict[str, Any]:
    """The figures of all scorers for one target, in 0..1, NaN where they are not defined.

    Args:
        label_set: of the pictures.
        rows: int64 [R].
        y: [R], the target's labels, -1 where it has none.
        common: [R], the labels on which all targets agree, -1 elsewhere.
        scorers: name -> [R], of P(y = 1).
        resamples: of the bootstrap over parents.
        leaders: the scorers that are compared with all others, on the same draws.

    Returns:
        `items`, `coverage` (share of pictures with a label), `useful` (share of label 1) and
        `scorers`: name -> figures, `accuracy_95`, `within_auroc_95`, `accuracy_common`, and
        `by_condition`, `by_size`; `ahead`: leader -> other -> difference of their AUROC within
        conditions: value, low, high.
    """
    images = label_set.images
    known, shared = y >= 0, common >= 0
    groups = {
        "by_condition": images["condition"][rows][known],
        "by_size": size_classes(label_set)[rows][known],
    }
    labels = y[known]
    weights = parent_weights(images["image_id"][rows][known], resamples)
    within = {
        name: weighted_within_auroc(labels, every[known], groups["by_condition"], weights)
        for name, every in scorers.items()
    }
    return {
        "items": int(known.sum()),
        "coverage": float(known.mean()),
        "common": int(shared.sum()),
        "useful": float(labels.mean()) if len(labels) else float("nan"),
        "scorers": {
            name: {
                **_figures(labels, every[known], groups, weights, within[name]),
                "accuracy_common": accuracy(common[shared], every[shared]),
            }
            for name, every in scorers.items()
        },
        "ahead": _ahead(within, leaders, [name for name in scorers if name not in leaders]),
    }


def _figures(
    labels: NDArray[np.int8],
    scores: Scores,
    groups: Mapping[str, NDArray[np.str_]],
    weights: Scores,
    within: Scores,
) -> dict[str, Any]:
    """Those of one scorer, `within` being its AUROC within conditions under each row of weights."""
    right = weights @ ((scores >= 0.5) == labels) / np.maximum(weights.sum(axis=1), 1)
    return {
        **figures(labels, scores, groups["by_condition"]),
        "within_auroc_95": list(estimate(within)[1:]),
        "accuracy_95": list(estimate(right)[1:]),
        **{by: grouped_figures(labels, scores, group) for by, group in groups.items()},
    }


def _ahead(
    within: Mapping[str, Scores], leaders: Sequence[str], others: Sequence[str]
) -> dict[str, dict[str, list[float]]]:
    """Leader -> other -> by how much its AUROC within conditions is higher: value, low, high."""
    return {
        leader: {other: list(estimate(within[leader] - within[other])) for other in others}
        for leader in leaders
    }


def size_classes(label_set: LabelSet) -> NDArray[np.str_]:
    """The size of each row's objects, by the median of their areas: COCO's small, medium, large.

    'none' where there are no objects.
    """
    areas: dict[int, list[float]] = {}
    for annotation in label_set.truth()["annotations"]:
        if not annotation.get("iscrowd"):
            area = annotation.get("area", annotation["bbox"][2] * annotation["bbox"][3])
            areas.setdefault(annotation["image_id"], []).append(float(area))
    size_of = {
        image_id: next(name for name, low, high in SIZES if low <= np.median(own) < high)
        for image_id, own in areas.items()
    }
    ids = label_set.images["image_id"]
    return np.array([size_of.get(int(image_id), "none") for image_id in ids], dtype=np.str_)
