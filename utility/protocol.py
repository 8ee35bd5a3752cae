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
from utility.baselines import OWN, baseline_scores, detector_scores
from utility.datamodule import UNANIMOUS
from utility.label_set import LabelSet
from utility.labels import unanimous
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
        self, predictors: Mapping[str, UtilityPredictor], trained_on: str, device: str
    ) -> dict[str, Any]:
        """All figures, NaN where they are not defined.

        Args:
            predictors: name -> predictor with its weights.
            trained_on: the label set of their training.
            device: to run them on.

        Raises:
            ValueError: if a test parent of the unseen set is a training parent of the seen one.
        """
        seen = LabelSet.open(self.seen or trained_on)
        unseen = LabelSet.open(self.unseen)
        require_apart(seen, unseen)
        judged = {s: test_rows(s) for s in (seen, unseen)}
        scores = {s: self._scores(predictors, s, rows, device) for s, rows in judged.items()}
        detectors = list(self._detectors or unseen.detectors)
        replacement = {
            name: self._replacement(seen, unseen, judged[unseen], name, scores[unseen])
            for name in detectors
        }
        return {
            "protocol": "utility",
            "data": str(unseen.meta["data"].get("name", unseen.folder.name)),
            "drawn": bool(unseen.meta["data"].get("drawn", False)),
            "seen": facts_of(seen, judged[seen]),
            "unseen": facts_of(unseen, judged[unseen]),
            "predictors": {name: list(p.targets) for name, p in predictors.items()},
            "milliseconds": {n: found.milliseconds for n, found in scores[unseen].items()},
            "accuracy": self._seen_tables(seen, judged[seen], scores[seen]),
            "accuracy_unseen": self._unseen_tables(
                seen, unseen, judged[unseen], scores[unseen], detectors
            ),
            "replacement": replacement,
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
        detectors: Sequence[str],
    ) -> dict[str, Any]:
        common = unanimous(unseen.column("y", detectors))
        return {
            name: target_table(
                unseen,
                rows,
                unseen.labels[name]["y"][rows],
                common[rows],
                _unseen_scorers(seen, unseen, rows, name, scores),
                self._resamples,
                list(scores),
            )
            for name in detectors
        }

    def _replacement(
        self,
        seen: LabelSet,
        unseen: LabelSet,
        rows: NDArray[np.int64],
        detector: str,
        scores: Mapping[str, PredictorScores],
    ) -> dict[str, Any]:
        log.info("%s: mAP with pictures replaced", detector)
        scorers = _unseen_scorers(seen, unseen, rows, detector, scores)
        versions = BothVersions.of(unseen, detector, rows)
        thresholded = [name for name in scorers if name != OWN]
        curves = replacement_curves(versions, scorers, thresholded, self._resamples)
        return replacement_table(curves, list(scores))


def test_rows(label_set: LabelSet) -> NDArray[np.int64]:
    """The distorted pictures of the test split."""
    rows = label_set.rows("test")
    rows = rows[label_set.images["condition"][rows] != CLEAN]
    if not len(rows):
        raise ValueError(f"{label_set.folder}: no distorted picture stands in its test split")
    return rows


def require_apart(seen: LabelSet, unseen: LabelSet) -> None:
    """Raise `ValueError` if a parent that was learned from would be judged.

    Parents are told by their files, for two sets may number them alike.
    """
    learned = set(seen.images["file"][np.isin(seen.images["split"], ("train", "val"))].tolist())
    judged = set(unseen.images["file"][unseen.rows("test")].tolist())
    both = sorted(learned & judged)
    if both and seen.root.resolve() == unseen.root.resolve():
        raise ValueError(
            f"{unseen.folder}: {len(both)} of its test pictures, such as {both[0]}, were learned "
            f"from in {seen.folder}; build both sets with the same split"
        )


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


def _unseen_scorers(
    seen: LabelSet,
    unseen: LabelSet,
    rows: NDArray[np.int64],
    detector: str,
    scores: Mapping[str, PredictorScores],
) -> dict[str, Scores]:
    """The predictors, what they must beat, and what they cannot."""
    scorers = {name: found.of(detector) for name, found in scores.items()}
    scorers |= baseline_scores(seen, seen.column("y"), seen.rows("train"), unseen, rows)
    return scorers | detector_scores(unseen, rows, detector, seen.detectors)
