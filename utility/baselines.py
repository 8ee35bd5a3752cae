"""What a predictor must beat: scores that know the quality, the bits or JPEG's coefficients alone.

Each is fitted on the training split and scores any label set, also one of other qualities or
detectors. Trees are scikit-learn's gradient boosting, the others logistic regressions, and Poisson
regressions where they count the objects lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, PoissonRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from evaluation.conditions import BENCHMARK_KINDS, CLEAN, EXTRA_KINDS, Condition
from utility.label_set import LabelSet
from utility.picture_features import DCT, picture_features

Scores = NDArray[np.float64]

_KINDS = ("jpeg", *BENCHMARK_KINDS, *EXTRA_KINDS)

MAJORITY, QUALITY, BITS, SIZES = "majority", "quality only", "bits per pixel", "quality, bits, size"
DCT_TREES, PSNR, SSIM = "DCT trees", "PSNR", "SSIM"
# These ask detectors: what the judged one scores highest, its labels, those that were learned from.
OWN, ORACLE, LABELLERS = "own", "oracle", "labellers"


def baseline_scores(
    train: LabelSet,
    y: NDArray[np.int8],
    train_rows: NDArray[np.int64],
    test: LabelSet,
    test_rows: NDArray[np.int64],
    seed: int = 0,
) -> dict[str, Scores]:
    """The scores of all baselines that ask no detector.

    Args:
        train: the label set that is learned from.
        y: [R, T], labels of its rows; of several targets all are taken together.
        train_rows: of the training split; pristine pictures among them are left out.
        test: the label set that is scored.
        test_rows: int64 [N].
        seed: of the trees.

    Returns:
        Name -> float64 [N], of P(y = 1).

    Raises:
        ValueError: if the training rows hold no label.
    """
    rows = train_rows[train.images["condition"][train_rows] != CLEAN]
    labels = y[rows]
    if not (labels >= 0).any():
        raise ValueError(f"{train.folder}: no label of a distorted picture to fit baselines on")
    place, target = np.nonzero(labels >= 0)
    wanted = labels[place, target]
    columns = [_columns(train, rows), _columns(test, test_rows)]
    return {
        name: _fitted(model(seed), columns[0][name][place], wanted, columns[1][name])
        for name, model in _MODELS.items()
    }


def lost_baselines(
    train: LabelSet,
    train_rows: NDArray[np.int64],
    test: LabelSet,
    test_rows: NDArray[np.int64],
    seed: int = 0,
) -> dict[str, Scores]:
    """How many objects quality and coefficients alone expect a picture to have lost.

    The bits per pixel, one number, order JPEGs alike whatever they are fitted to.

    Args:
        train: as of `baseline_scores`; its detectors are taken together.
        train_rows: likewise.
        test: likewise.
        test_rows: int64 [N].
        seed: of the trees.

    Returns:
        Name -> float64 [N].
    """
    rows = train_rows[train.images["condition"][train_rows] != CLEAN]
    # A regression of the mean over detectors has the fit of one on all of them.
    lost = train.lost()[rows].mean(axis=1, dtype=np.float64)
    columns = [_columns(train, rows), _columns(test, test_rows)]
    expected = {}
    for name, model in _LOST_MODELS.items():
        fitted = model(seed).fit(columns[0][name], lost)
        expected[name] = fitted.predict(columns[1][name]).astype(np.float64)
    return expected


def oracle_scores(columns: Mapping[str, NDArray[Any]]) -> Scores:
    """The labels themselves, in the order of the utility: above .5 useful, below not.

    Args:
        columns: `y` and `u` of a detector, [N]; .5 where it says nothing.
    """
    u = np.nan_to_num(columns["u"].astype(np.float64))
    y = columns["y"]
    return np.where(y < 0, 0.5, np.where(y == 1, 0.75, 0.25) + 0.24 * u)


def detector_scores(
    test: LabelSet, test_rows: NDArray[np.int64], detector: str, labellers: Sequence[str]
) -> dict[str, Scores]:
    """What can only be known by running detectors on a picture.

    Args:
        test: the label set that is scored.
        test_rows: int64 [N].
        detector: the one that is judged.
        labellers: those that a predictor learned from, as far as the set has them.

    Returns:
        Name -> float64 [N]: the detector's own best score, its labels, and the share of the other
        labellers that still find something (those that say nothing count half).
    """
    own = {name: test.labels[detector][name][test_rows] for name in ("y", "u", "max_score")}
    scores = {OWN: own["max_score"].astype(np.float64), ORACLE: oracle_scores(own)}
    others = [name for name in labellers if name in test.labels and name != detector]
    if others:
        y = test.column("y", others)[test_rows].astype(np.float64)
        scores[LABELLERS] = np.where(y < 0, 0.5, y).mean(axis=1)
    return scores


def _logistic(_: int) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))


# Early stopping would hold back rows of parents that are trained on.
_TREES: Mapping[str, Any] = {
    "max_iter": 150,
    "learning_rate": 0.06,
    "max_leaf_nodes": 15,
    "l2_regularization": 1.0,
    "early_stopping": False,
}


def _poisson(_: int) -> Any:
    return make_pipeline(StandardScaler(), PoissonRegressor(alpha=1e-4, max_iter=1000))


_MODELS: Mapping[str, Callable[[int], Any]] = {
    MAJORITY: lambda _: DummyClassifier(strategy="prior"),
    QUALITY: _logistic,
    BITS: _logistic,
    SIZES: _logistic,
    DCT_TREES: lambda seed: HistGradientBoostingClassifier(**_TREES, random_state=seed),
    PSNR: _logistic,
    SSIM: _logistic,
}
_LOST_MODELS: Mapping[str, Callable[[int], Any]] = {
    QUALITY: _poisson,
    DCT_TREES: lambda seed: HistGradientBoostingRegressor(
        loss="poisson", **_TREES, random_state=seed
    ),
}


def _columns(labels: LabelSet, rows: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Baseline -> what it knows of each row: [N, …]."""
    images = labels.images
    features = {name: values[rows] for name, values in picture_features(labels).items()}
    level = _levels(images["condition"][rows])
    bits, size = (_log(images[name][rows]) for name in ("bpp", "bytes"))
    sizes = np.concatenate([level, bits, size], axis=1)
    trees = np.stack([features[name] for name in DCT], axis=1)
    return {
        MAJORITY: level,
        QUALITY: level,
        BITS: bits,
        SIZES: sizes,
        DCT_TREES: np.concatenate([sizes, trees], axis=1),
        PSNR: features["psnr"][:, None].astype(np.float64),
        SSIM: features["ssim"][:, None].astype(np.float64),
    }


def _levels(conditions: NDArray[np.str_]) -> NDArray[np.float64]:
    """[N, 2K], of each of K kinds: whether a picture is distorted so, and how much.

    JPEG counts by the logarithm of libjpeg's scale, in which its ladder is even.
    """
    names, place = np.unique(conditions, return_inverse=True)
    known = np.zeros((len(names), 2 * len(_KINDS)))
    for row, condition in zip(known, map(Condition.from_name, names.tolist()), strict=True):
        if condition.name != CLEAN:
            k = _KINDS.index(condition.kind)
            row[2 * k : 2 * k + 2] = 1, _strength(condition)
    return known[place]


def _strength(condition: Condition) -> float:
    if condition.kind != "jpeg":
        return float(condition.level)
    q = condition.level
    return float(np.log(5000 / q if q < 50 else max(200 - 2 * q, 1)))


def _log(values: NDArray[Any]) -> NDArray[np.float64]:
    """[N, 2]: the logarithm, 0 where the picture is no file, and whether it is one."""
    known = values.astype(np.float64) > 0
    logs = np.log(np.where(known, values, 1).astype(np.float64))
    return np.stack([logs, known], axis=1)


def _fitted(
    model: Any, x: NDArray[np.float64], y: NDArray[np.int8], asked: NDArray[np.float64]
) -> Scores:
    """The probabilities of 1; where only one label was seen, that label."""
    if len(np.unique(y)) == 1:
        return np.full(len(asked), float(y[0]))
    return model.fit(x, y).predict_proba(asked)[:, 1].astype(np.float64)
