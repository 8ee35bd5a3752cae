"""The whole protocol of a predictor of utility: what it knows, and what that is worth.

Khan et al. 2022, tables I to IV and figure 2, with what they leave out: coverage and a common test
set, controls at equal shares, curves and areas, intervals over parents, and the AUROC within each
quality, which no score that knows the quality alone can raise above one half.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.conditions import CLEAN
from utility.accuracy import target_table
from utility.baselines import (
    BITS,
    DCT_TREES,
    ORACLE,
    OWN,
    QUALITY,
    baseline_scores,
    detector_scores,
)
from utility.datamodule import UNANIMOUS
from utility.expected_loss import by_loss, loss_orders
from utility.graded import GRADED, graded_table
from utility.label_set import LabelSet
from utility.labels import unanimous
from utility.leaks import require_unlearned
from utility.module import UtilityPredictor
from utility.predictor_scores import PredictorScores, score_rows
from utility.replacement import BothVersions, replacement_curves
from utility.replacement_table import replacement_table

log = logging.getLogger(__name__)

Scores = NDArray[np.float64]


class UtilityProtocol:
    """Judges predictors on a label set like that of their training, and on an unseen one.

    Args:
        unseen: folder of a label set of other detectors, other qualities, or both; its test
            parents must be no training parents of the predictors.
        seen: folder of a label set with the labels that were learned; that of the first run's
            training if None.
        detectors: of the unseen set that are judged; all if None.
        resamples: of the bootstrap over parents.
        batch_size: parents a batch.
        num_workers: loader processes.
        device: 'auto', 'cpu', 'cuda', …
    """

    def __init__(
        self,
        unseen: str,
        seen: str | None = None,
        detectors: Sequence[str] | None = None,
        resamples: int = 300,
        batch_size: int = 8,
        num_workers: int = 0,
        device: str = "auto",
    ) -> None:
        self.unseen = unseen
        self.seen = seen
        self.device = device
        self._detectors = detectors
        self._resamples = resamples
        self._loading = (batch_size, num_workers)

    def judge(
        self, predictors: Mapping[str, UtilityPredictor], trained_on: Sequence[str], device: str
    ) -> dict[str, Any]:
        """All figures, NaN where they are not defined.

        Args:
            predictors: name -> predictor with its weights.
            trained_on: the label sets of their trainings, the first one's first.
            device: to run them on.

        Raises:
            ValueError: if a predictor learned from a test parent of either set.
        """
        seen = LabelSet.open(self.seen or trained_on[0])
        unseen = LabelSet.open(self.unseen)
        require_unlearned(trained_on, (seen, unseen))
        judged = {s: judged_rows(s) for s in (seen, unseen)}
        scores = {s: self._scores(predictors, s, rows, device) for s, rows in judged.items()}
        return {
            "protocol": "utility",
            "data": str(unseen.meta["data"].get("name", unseen.folder.name)),
            "drawn": bool(unseen.meta["data"].get("drawn", False)),
            "seen": facts_of(seen, judged[seen]),
            "unseen": facts_of(unseen, judged[unseen]),
            "predictors": {name: list(p.targets) for name, p in predictors.items()},
            "milliseconds": {n: found.milliseconds for n, found in scores[unseen].items()},
            "accuracy": self._seen_tables(seen, judged[seen], scores[seen]),
            **self._unseen_tables(seen, unseen, judged[unseen], scores[unseen]),
        }

    def _scores(
        self,
        predictors: Mapping[str, UtilityPredictor],
        label_set: LabelSet,
        rows: NDArray[np.int64],
        device: str,
    ) -> dict[str, PredictorScores]:
        found = score_rows(list(predictors.values()), label_set, rows, *self._loading, device)
        return dict(zip(predictors, found, strict=True))

    def _seen_tables(
        self, seen: LabelSet, rows: NDArray[np.int64], scores: Mapping[str, PredictorScores]
    ) -> dict[str, Any]:
        """Tables I and II: each labeller and their combination."""
        every = seen.column("y")
        common = unanimous(every)
        columns = dict(zip(seen.detectors, every.T, strict=True))
        if len(seen.detectors) > 1 and (common >= 0).any():
            columns[UNANIMOUS] = common
        tables = {}
        for target, y in columns.items():
            scorers = {name: found.of(target) for name, found in scores.items()}
            scorers |= baseline_scores(seen, y[:, None], seen.rows("train"), seen, rows)
            tables[target] = target_table(
                seen, rows, y[rows], common[rows], scorers, self._resamples, list(scores)
            )
        return tables

    def _unseen_tables(
        self,
        seen: LabelSet,
        unseen: LabelSet,
        rows: NDArray[np.int64],
        scores: Mapping[str, PredictorScores],
    ) -> dict[str, Any]:
        """What predictors know of unseen detectors, and what that is worth."""
        detectors = list(self._detectors or unseen.detectors)
        common = unanimous(unseen.column("y", detectors))[rows]
        names = ("accuracy_unseen", "graded_unseen", "replacement", "replacement_within")
        tables: dict[str, Any] = {name: {} for name in names}
        orders = loss_orders(seen, unseen, rows, detectors, scores)
        for name, own in unseen_scorers(seen, unseen, rows, detectors, scores).items():
            y = unseen.labels[name]["y"][rows]
            tables["accuracy_unseen"][name] = target_table(
                unseen, rows, y, common, own, self._resamples, list(scores)
            )
            graded = estimates_of(name, scores)
            tables["graded_unseen"][name] = graded_table(unseen, rows, name, own, graded)
            pooled, within = self._replacement(unseen, rows, name, own, orders[name], list(scores))
            tables["replacement"][name] = pooled
            tables["replacement_within"][name] = within
        return tables

    def _replacement(
        self,
        unseen: LabelSet,
        rows: NDArray[np.int64],
        detector: str,
        scorers: Mapping[str, Scores],
        orders: Mapping[str, Scores],
        predictors: Sequence[str],
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """With all pictures in one, and within each condition; by label and by expected loss."""
        log.info("%s: mAP with pictures replaced", detector)
        versions = BothVersions.of(unseen, detector, rows)
        thresholded = [name for name in scorers if name != OWN]
        pooled = replacement_curves(versions, {**scorers, **orders}, thresholded, self._resamples)
        _, condition = np.unique(unseen.images["condition"][rows], return_inverse=True)
        # What knows the condition alone is the random order there.
        chosen = {name: scorers[name] for name in (*predictors, BITS, DCT_TREES, OWN, ORACLE)}
        chosen |= {name: score for name, score in orders.items() if name != by_loss(QUALITY)}
        within = replacement_curves(versions, chosen, [], self._resamples, strata=condition)
        leaders = [*predictors, *(name for name in map(by_loss, predictors) if name in orders)]
        return replacement_table(pooled, leaders), replacement_table(within, leaders)


def judged_rows(label_set: LabelSet) -> NDArray[np.int64]:
    """The distorted pictures of the test split."""
    rows = label_set.rows("test")
    rows = rows[label_set.images["condition"][rows] != CLEAN]
    if not len(rows):
        raise ValueError(f"{label_set.folder}: no distorted picture stands in its test split")
    return rows


def facts_of(label_set: LabelSet, rows: NDArray[np.int64]) -> dict[str, Any]:
    """What reports say of a label set."""
    return {
        "folder": str(label_set.folder),
        "detectors": list(label_set.detectors),
        "conditions": list(dict.fromkeys(label_set.images["condition"][rows].tolist())),
        "parents": len(np.unique(label_set.images["image_id"][rows])),
        "pictures": len(rows),
        "variant": label_set.meta["variant"],
    }


def unseen_scorers(
    seen: LabelSet,
    unseen: LabelSet,
    rows: NDArray[np.int64],
    detectors: Sequence[str],
    scores: Mapping[str, PredictorScores],
) -> dict[str, dict[str, Scores]]:
    """Detector -> the predictors, what they must beat, and what they cannot: name -> [R]."""
    simple = baseline_scores(seen, seen.column("y"), seen.rows("train"), unseen, rows)
    return {
        detector: {
            **{name: found.of(detector) for name, found in scores.items()},
            **simple,
            **detector_scores(unseen, rows, detector, seen.detectors),
        }
        for detector in detectors
    }


def estimates_of(
    detector: str, scores: Mapping[str, PredictorScores]
) -> dict[str, dict[str, Scores]]:
    """Graded label -> predictor -> what it says of it for a detector: [R]; see `graded_table`."""
    return {
        label: {
            name: found.of(detector, label)
            for name, found in scores.items()
            if label in found.estimates
        }
        for label in GRADED
    }
