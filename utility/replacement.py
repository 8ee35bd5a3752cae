"""What a detector gains where pictures of little utility are replaced by their pristine version.

The protocol of Khan et al. 2022, figure 2 and table IV, at every share of replaced pictures and
with controls at equal shares: all pictures stay in the test, and those with the lowest scores are
shown to the detector as they were before the distortion.

Within strata, ours, an equal share of each is replaced. With conditions as strata a score gains by
what it knows of the content: one that knows the quality alone is no better than chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.bootstrap import resampled_scores
from evaluation.coco_matches import ClassMatches, coco_matches
from evaluation.columns import result_columns, truth_columns
from evaluation.conditions import CLEAN
from evaluation.detections import Detections
from utility.label_set import LabelSet

SHARES = tuple(round(0.1 * step, 1) for step in range(11))
AT_ONCE = 64  # sets of weights scored at a time


@dataclass(frozen=True, slots=True, eq=False)
class BothVersions:
    """A detector's matches on R distorted pictures and on their P pristine parents.

    Attributes:
        matches: of each class, on R + P pictures, the distorted ones first.
        parent: int64 [R], 0..P-1.
    """

    matches: list[ClassMatches]
    parent: NDArray[np.int64]

    @classmethod
    def of(cls, label_set: LabelSet, detector: str, rows: NDArray[np.int64]) -> BothVersions:
        """Match the detections that the label set keeps.

        Args:
            label_set: of the detections.
            detector: its name there.
            rows: int64 [R], ascending, none of them pristine.
        """
        image_ids = label_set.images["image_id"][rows]
        conditions = label_set.images["condition"][rows]
        parents, parent = np.unique(image_ids, return_inverse=True)
        # Each picture gets an id of its own: R rows from 1, then the parents.
        parts = []
        for name in dict.fromkeys(conditions.tolist()):
            own = np.flatnonzero(conditions == name)
            found = label_set.detections(detector, name).detections
            parts.append(_renamed(found, image_ids[own], own + 1))
        pristine = label_set.detections(detector, CLEAN).detections
        parts.append(_renamed(pristine, parents, len(rows) + 1 + np.arange(len(parents))))
        ids = np.concatenate([image_ids, parents])
        truth = _copies(label_set.truth(), ids)
        columns = truth_columns(truth)
        joined = result_columns(Detections.concatenate(parts), columns)
        return cls(coco_matches(truth, columns, joined), parent)

    def scores(
        self, replaced: NDArray[np.bool_], copies: NDArray[np.float64], dropped: bool = False
    ) -> NDArray[np.float64]:
        """COCO's mAP with some pictures replaced, for draws of parents.

        Args:
            replaced: bool [B, R].
            copies: float64 [B, P], how often each parent was drawn.
            dropped: leave the pictures out, not replace them.

        Returns:
            float64 [B], nan where no object is left.
        """
        scored: list[NDArray[np.float64]] = []
        for start in range(0, len(replaced), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            weights = self._weights(replaced[part], copies[part], dropped)
            units = np.arange(weights.shape[1])
            ap, _ = resampled_scores(self.matches, units, weights)
            scored.append(np.asarray(ap))
        joined: NDArray[np.float64] = np.concatenate(scored)
        return joined

    def _weights(
        self, replaced: NDArray[np.bool_], copies: NDArray[np.float64], dropped: bool
    ) -> NDArray[np.float64]:
        distorted = copies[:, self.parent] * ~replaced
        pristine = np.zeros_like(copies)
        if not dropped:
            for b, chosen in enumerate(replaced):
                counts = np.bincount(self.parent[chosen], minlength=copies.shape[1])
                pristine[b] = copies[b] * counts
        return np.concatenate([distorted, pristine], axis=1)


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """mAP by the share of replaced pictures, and of each of B draws of parents.

    Attributes:
        map: float64 [1 + B, S], all parents once, then the draws; S shares as in `SHARES`.
        own_share: of pictures that the scorer itself calls useless; nan for one without a
            threshold.
        own_map: float64 [1 + B], mAP with those replaced; nan likewise.
        own_filtered: float64 [1 + B], mAP on the pictures that are left without those.
    """

    map: NDArray[np.float64]
    own_share: float
    own_map: NDArray[np.float64]
    own_filtered: NDArray[np.float64]

    @property
    def area(self) -> NDArray[np.float64]:
        """Under the curve, by the trapezium rule: float64 [1 + B], the mean mAP over all shares."""
        middles: NDArray[np.float64] = (self.map[:, 1:] + self.map[:, :-1]) / 2
        return middles.mean(axis=1)


def replacement_curves(
    versions: BothVersions,
    scorers: Mapping[str, NDArray[np.float64]],
    thresholded: Sequence[str],
    resamples: int,
    seed: int = 0,
    strata: NDArray[np.int64] | None = None,
) -> dict[str, Curve]:
    """The curve of each scorer; the same draws for all, so that differences are paired.

    Args:
        versions: of one detector.
        scorers: name -> float64 [R], higher is more useful; of equal scores random ones are
            replaced first. 'random' is added.
        thresholded: scorers that call pictures below .5 useless.
        resamples: B.
        seed: of draws and ties.
        strata: int64 [R], 0..S-1, of each of which an equal share is replaced; None: all are one.
    """
    rng = np.random.default_rng(seed)
    parents = int(versions.parent.max()) + 1
    drawn = rng.integers(parents, size=(resamples, parents))
    counts = [np.bincount(draw, minlength=parents).astype(np.float64) for draw in drawn]
    copies = np.stack([np.ones(parents), *counts])
    ties = rng.permutation(len(versions.parent))
    strata = np.zeros(len(ties), dtype=np.int64) if strata is None else strata
    curves: dict[str, Curve] = {}
    for name, score in {**scorers, "random": rng.random(len(ties))}.items():
        by_share = _replaced_by_share(score, ties, strata)
        curves[name] = _curve(versions, by_share, score, copies, name in thresholded)
    return curves


def _replaced_by_share(
    score: NDArray[np.float64], ties: NDArray[np.int64], strata: NDArray[np.int64]
) -> list[NDArray[np.bool_]]:
    """For each of `SHARES` bool [R], which pictures are replaced."""
    sizes = np.bincount(strata)
    firsts = np.cumsum(sizes) - sizes
    order = np.lexsort((ties, score, strata))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - firsts[strata[order]]
    return [rank < np.round(share * sizes)[strata] for share in SHARES]


def _curve(
    versions: BothVersions,
    replaced_by_share: Sequence[NDArray[np.bool_]],
    score: NDArray[np.float64],
    copies: NDArray[np.float64],
    thresholded: bool,
) -> Curve:
    def of(replaced: NDArray[np.bool_], dropped: bool = False) -> NDArray[np.float64]:
        everywhere = np.broadcast_to(replaced, (len(copies), len(score)))
        return versions.scores(everywhere, copies, dropped)

    by_share = [of(replaced) for replaced in replaced_by_share]
    nothing = np.full(len(copies), np.nan)
    if not thresholded:
        return Curve(np.stack(by_share, axis=1), float("nan"), nothing, nothing)
    useless = score < 0.5
    return Curve(
        np.stack(by_share, axis=1),
        float(useless.mean()),
        of(useless),
        of(useless, dropped=True) if not useless.all() else nothing,
    )


def _renamed(found: Detections, old: NDArray[np.int64], new: NDArray[np.int64]) -> Detections:
    """The detections on some pictures (ids ascending), under other ids."""
    kept = np.isin(found.image_ids, old)
    place = np.searchsorted(old, found.image_ids[kept])
    return Detections(
        new[place], found.category_ids[kept], found.boxes_xywh[kept], found.scores[kept]
    )


def _copies(truth: dict[str, Any], ids: NDArray[np.int64]) -> dict[str, Any]:
    """The truth of a picture for each of its copies, which are numbered from 1."""
    image_of = {image["id"]: image for image in truth["images"]}
    by_image: dict[int, list[dict[str, Any]]] = {}
    for annotation in truth["annotations"]:
        by_image.setdefault(annotation["image_id"], []).append(annotation)
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, image_id in enumerate(ids.tolist(), start=1):
        images.append({**image_of[image_id], "id": number})
        for annotation in by_image.get(image_id, []):
            annotations.append({**annotation, "id": len(annotations) + 1, "image_id": number})
    return {**truth, "images": images, "annotations": annotations}
