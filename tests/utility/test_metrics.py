"""Figures against scikit-learn, scipy and what they must be by construction."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as oracle

from utility.metrics import (
    accuracy,
    area_under_risk,
    auroc,
    average_precision_of_zeros,
    balanced_accuracy,
    brier,
    calibration_error,
    figures,
    grouped_figures,
    partial_spearman,
    pearson,
    risk_coverage,
    rmse,
    spearman,
    within_group_auroc,
)
from utility.resampling import (
    bootstrap,
    estimate,
    parent_weights,
    weighted_within_auroc,
)

RNG = np.random.default_rng(3)
Y = RNG.integers(0, 2, 400)
# Rounded, so that there are ties.
SCORE = np.round(np.clip(0.25 * Y + RNG.uniform(0, 0.75, 400), 0, 1), 2)


def test_figures_are_those_of_scikit_learn() -> None:
    hard = SCORE >= 0.5
    assert accuracy(Y, SCORE) == pytest.approx(oracle.accuracy_score(Y, hard))
    assert balanced_accuracy(Y, SCORE) == pytest.approx(oracle.balanced_accuracy_score(Y, hard))
    assert auroc(Y, SCORE) == pytest.approx(oracle.roc_auc_score(Y, SCORE))
    assert brier(Y, SCORE) == pytest.approx(oracle.brier_score_loss(Y, SCORE))
    zeros = oracle.average_precision_score(1 - Y, -SCORE)
    assert average_precision_of_zeros(Y, SCORE) == pytest.approx(zeros)


def test_correlations_are_those_of_scipy() -> None:
    other = SCORE + RNG.normal(0, 0.2, 400)
    assert spearman(SCORE, other) == pytest.approx(stats.spearmanr(SCORE, other).statistic)
    assert pearson(SCORE, other) == pytest.approx(stats.pearsonr(SCORE, other).statistic)
    assert rmse([0, 2], [1, 2]) == pytest.approx(math.sqrt(0.5))
    assert math.isnan(spearman([1, 1, 1], [1, 2, 3]))


def test_a_score_that_knows_the_quality_alone_has_half_within_it() -> None:
    quality = RNG.choice([5, 10, 20, 40, 80], 1000)
    y = RNG.uniform(size=1000) < quality / 85
    assert auroc(y, quality) > 0.7
    assert within_group_auroc(y, quality, quality) == 0.5
    content = y + RNG.normal(0, 1, 1000)
    assert within_group_auroc(y, content, quality) > 0.65
    # What is left of a rank correlation when the quality is known.
    assert partial_spearman(y, content, quality) > 0.2
    # Nothing is left of a score that the quality tells wholly: no rest of rounding may pass for it.
    assert math.isnan(partial_spearman(y, np.log(quality), quality))
    assert partial_spearman(y, content, np.full(1000, 5)) == pytest.approx(spearman(y, content))


def test_groups_weigh_by_their_pairs() -> None:
    # 2 x 1 pairs, all right; 1 x 1 pair, wrong; a group with one label has no say.
    y, score = [1, 1, 0, 1, 0, 1], [0.9, 0.8, 0.1, 0.2, 0.7, 0.0]
    assert within_group_auroc(y, score, ["a", "a", "a", "b", "b", "c"]) == pytest.approx(2 / 3)
    assert math.isnan(within_group_auroc([1, 1], [0.1, 0.2], ["a", "a"]))


def test_calibration_of_what_is_calibrated_and_what_is_not() -> None:
    probability = RNG.uniform(size=20_000)
    y = RNG.uniform(size=20_000) < probability
    assert calibration_error(y, probability) < 0.02
    assert calibration_error(y, np.clip(probability + 0.2, 0, 1)) > 0.1
    assert calibration_error([1, 0, 1, 0], [0.5, 0.5, 0.5, 0.5]) == 0
    # The order of equal scores does not matter.
    turned = RNG.permutation(400)
    assert calibration_error(Y[turned], SCORE[turned]) == pytest.approx(calibration_error(Y, SCORE))


def test_risk_falls_with_the_coverage_of_a_good_score() -> None:
    coverage, risk = risk_coverage([1, 1, 0, 0], [0.9, 0.8, 0.2, 0.1])
    np.testing.assert_allclose(coverage, [0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(risk, [0, 0, 1 / 3, 0.5])
    # A score without any order keeps the risk of all.
    _, flat = risk_coverage([1, 0, 0, 1], [0.5] * 4)
    np.testing.assert_allclose(flat, 0.5)
    assert area_under_risk([1, 1, 0, 0], [4, 3, 2, 1]) < area_under_risk([1, 1, 0, 0], [1, 2, 3, 4])


def test_a_table_of_figures_and_one_a_group() -> None:
    group = np.where(np.arange(400) < 150, "a", "b")
    whole, each = figures(Y, SCORE, group), grouped_figures(Y, SCORE, group)
    assert list(each) == ["a", "b"]
    assert each["b"]["auroc"] == auroc(Y[150:], SCORE[150:])
    assert whole["within_auroc"] == within_group_auroc(Y, SCORE, group)


def test_one_label_alone_defines_no_order() -> None:
    found = figures([1, 1], [0.3, 0.9], [1, 1])
    assert math.isnan(found["auroc"])
    assert math.isnan(found["balanced_accuracy"])
    assert found["accuracy"] == 0.5


def test_the_bootstrap_draws_parents_with_all_of_their_rows() -> None:
    parent = np.repeat(np.arange(50), 8)
    effect = np.repeat(RNG.normal(size=50), 8)
    by_parent = bootstrap(lambda rows: float(effect[rows].mean()), parent)
    by_row = bootstrap(lambda rows: float(effect[rows].mean()), np.arange(400))
    assert by_parent.low < by_parent.value < by_parent.high
    # Rows of a parent are equal: 50 draws, not 400.
    assert by_parent.high - by_parent.low > 2 * (by_row.high - by_row.low)
    assert bootstrap(lambda rows: float(effect[rows].mean()), parent) == by_parent
    alone = bootstrap(lambda rows: 1.0, [7, 7])
    assert alone.value == 1
    assert math.isnan(alone.low)


def test_weights_are_repetitions() -> None:
    parent, group = np.repeat(np.arange(40), 10), np.tile(np.arange(10), 40)
    weights = parent_weights(parent, resamples=20)
    assert weights.shape == (21, 400)
    assert (weights.sum(axis=1) == 400).all()
    assert (weights.reshape(21, 40, 10) == weights.reshape(21, 40, 10)[..., :1]).all()
    found = weighted_within_auroc(Y, SCORE, group, weights)
    for weight, value in zip(weights, found, strict=True):
        rows = np.repeat(np.arange(400), weight.astype(int))
        assert value == pytest.approx(within_group_auroc(Y[rows], SCORE[rows], group[rows]))
    whole = estimate(found)
    assert whole.value == found[0]
    assert whole.low < whole.value < whole.high
    assert parent_weights([3, 3]).shape == (1, 2)


def test_discards_and_undefined_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="leave out -1"):
        auroc([1, -1], [0.1, 0.2])
    with pytest.raises(ValueError, match="scores numbers"):
        auroc([1, 0], [0.1, math.nan])
    with pytest.raises(ValueError, match=r"\[2\] and \[3\]"):
        auroc([1, 0], [0.1, 0.2, 0.3])
