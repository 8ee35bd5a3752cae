"""Is one detector better than another, or was it the choice of test videos?

The paired bootstrap (Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13;
percentile interval): draw as many videos as there are, with repetition, score both detectors on
the same draw, note the difference, and repeat. Videos and not frames are drawn, for the frames of
a video are alike. Matching is done once; a draw only weighs the matches.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.coco_matches import ClassMatches, coco_matches, weighted_average_precision
from evaluation.columns import ResultColumns, Truth, TruthColumns
from evaluation.entries import ids, optional_ids

RESAMPLES = 1000
CONFIDENCE = 0.95
AT_ONCE = 2_000_000  # weights of detections held at a time


@dataclass(frozen=True, slots=True)
class Interval:
    """A difference of two scores, and the interval that covers it with 95 % confidence.

    Attributes:
        difference: on all videos, each once.
        low: nan where a single video, group or picture leaves nothing to draw from.
        high: likewise.
    """

    difference: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Difference:
    """How much better a run is than the reference.

    Attributes:
        map: of COCO's AP.
        map_50: of AP at IoU .5.
        units: what was drawn: 'videos', 'groups' or 'pictures'.
        count: their number.
    """

    map: Interval
    map_50: Interval
    units: str
    count: int


def bootstrap_differences(
    truth: Truth,
    columns: TruthColumns,
    runs: Mapping[str, ResultColumns],
    reference: str,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Difference]:
    """The differences of all other runs to the reference, on the same draws.

    Args:
        truth: COCO instances dict.
        columns: made of it.
        runs: name -> detections, joined to `columns`.
        reference: the name of the run that the others are compared with.
        resamples: number of draws.
        seed: of the draws.
    """
    unit, kind = sampling_units(truth)
    count = int(unit.max(initial=-1)) + 1
    rng = np.random.default_rng(seed)
    # A single video can only be drawn as it is, which would pass for certainty.
    resamples = resamples if count > 1 else 0
    draws = rng.multinomial(count, np.full(count, 1 / max(count, 1)), size=resamples)
    # The first row is the test itself.
    weights = np.concatenate([np.ones((1, count)), draws])
    scores = {
        name: resampled_scores(coco_matches(truth, columns, found), unit, weights)
        for name, found in runs.items()
    }
    return {
        name: Difference(
            map=_interval(ap - scores[reference][0]),
            map_50=_interval(ap_50 - scores[reference][1]),
            units=kind,
            count=count,
        )
        for name, (ap, ap_50) in scores.items()
        if name != reference
    }


def sampling_units(truth: Truth) -> tuple[NDArray[np.int64], str]:
    """What each picture must not be drawn apart from.

    Its video; where there are no videos its `group`, as splits have it; a picture that has neither
    is drawn alone.

    Returns:
        int64 [I], numbers from 0, and what they are: 'videos', 'groups' or 'pictures'.
    """
    images = truth["images"]
    videos = optional_ids(images, "video_id", "truth: images")
    named: list[Any] = videos.tolist()
    kind, absent = "videos", -1
    if (videos == -1).all():
        named = [-1 if image.get("group") is None else str(image["group"]) for image in images]
        kind = "groups" if set(named) - {-1} else "pictures"
    alone = enumerate(named)
    names = [("picture", i) if name == absent else ("unit", name) for i, name in alone]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    order = np.argsort(ids(images, "id", "truth: images"))
    return np.array([numbers[name] for name in names], dtype=np.int64)[order], kind


def resampled_scores(
    matches: list[ClassMatches], unit: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """AP and AP50 of every draw.

    Args:
        matches: of the classes.
        unit: int64 [I], what each picture belongs to, 0..V-1.
        weights: [B, V], how often each unit was drawn.

    Returns:
        float64 [2, B], nan for draws without objects.
    """
    total = np.zeros((2, len(weights)))
    defined = np.zeros(len(weights))
    for of_class in matches:
        rows = max(1, AT_ONCE // max(1, len(of_class.image)))
        for start in range(0, len(weights), rows):
            part = slice(start, start + rows)
            ap = weighted_average_precision(of_class, weights[part][:, unit])
            total[:, part] += np.nan_to_num(np.stack([ap.mean(axis=1), ap[:, 0]]))
            defined[part] += ~np.isnan(ap[:, 0])
    return np.divide(total, defined, out=np.full_like(total, np.nan), where=defined > 0)


def _interval(differences: NDArray[np.float64]) -> Interval:
    """Of [1 + draws], the test itself first."""
    drawn = differences[1:][~np.isnan(differences[1:])]
    tail = (1 - CONFIDENCE) / 2
    ends = np.quantile(drawn, [tail, 1 - tail]) if len(drawn) else (math.nan, math.nan)
    return Interval(float(differences[0]), *map(float, ends))
