"""The equations, against the table of the specification and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from utility.labels import (
    aggregated,
    classification_labels,
    classification_utility,
    detection_utility,
    eq2_literal,
    relative,
    unanimous,
)


@pytest.mark.parametrize(
    ("confidence", "literal"), [(0.55, 0.05263), (0.7, 0.25), (0.9, 0.66667), (1.0, 1.0)]
)
def test_equation_2_as_printed_grows_with_the_reference(confidence: float, literal: float) -> None:
    """F1 of the specification: φ = φ', and yet not 1."""
    assert eq2_literal(confidence, confidence) == pytest.approx(literal, abs=1e-4)


def test_equation_2_as_printed_blows_up_for_small_rejections() -> None:
    assert eq2_literal(0.99, 0.99, rejection=0.05) == pytest.approx(15.67, abs=0.01)


def test_equation_2_as_printed_is_negative_below_the_rejection_and_bounded() -> None:
    confidence, pristine = np.meshgrid(np.linspace(0, 1, 41), np.linspace(0.5, 1, 21))
    values = eq2_literal(confidence, pristine)
    assert ((values < 0) == (confidence < 0.5)).all()
    assert np.abs(values).max() <= 1


@pytest.mark.parametrize(
    ("confidence", "pristine", "expected"),
    [
        (0.9, 0.9, 1.0),  # nothing lost
        (0.5, 0.9, 0.0),  # at the threshold
        (0.7, 0.9, 0.5),
        (0.3, 0.9, -0.5),  # rejected
        (0.0, 0.6, -1.0),  # clipped
        (1.0, 0.6, 1.0),  # better than the reference: clipped
        (0.6, 0.6, 1.0),  # the guard is reached exactly
        (0.59, 0.59, np.nan),  # and here not
        (0.2, 0.4, np.nan),  # the reference itself was rejected
    ],
)
def test_relative_utility(confidence: float, pristine: float, expected: float) -> None:
    np.testing.assert_allclose(relative(confidence, pristine), expected, atol=1e-12)


def test_networks_are_put_together_by_mean_maximum_or_majority() -> None:
    labels = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0]])
    np.testing.assert_allclose(aggregated(labels, "mean"), [2 / 3, 1 / 3, 0])
    np.testing.assert_array_equal(aggregated(labels, "max"), [1, 1, 0])
    np.testing.assert_array_equal(aggregated(labels, "majority"), [1, 0, 0])
    assert aggregated([1, 0], "majority") == 0  # half is no majority
    with pytest.raises(ValueError, match="discard others before"):
        aggregated([1, -1, 1], "majority")
    with pytest.raises(ValueError, match="mean, max or majority, got 'vote'"):
        aggregated([1], "vote")  # type: ignore[arg-type]


def test_binary_utilities() -> None:
    np.testing.assert_array_equal(classification_utility([3, 3], [3, 4]), [1, 0])
    np.testing.assert_array_equal(
        detection_utility([1, 1, 1, 2], [1, 1, 1, 1], [0.51, 0.5, 0.49, 0.9]), [1, 1, 0, 0]
    )


def probabilities(*rows: tuple[float, float, float]) -> np.ndarray:
    return np.array(rows)


@pytest.mark.parametrize(
    ("pristine", "distorted", "expected"),
    [
        ((0.8, 0.1, 0.1), (0.95, 0.03, 0.02), 1),  # right with confidence
        ((0.8, 0.1, 0.1), (0.9, 0.05, 0.05), -1),  # T_H must be exceeded
        ((0.8, 0.1, 0.1), (0.6, 0.2, 0.2), -1),  # right, but unsure
        ((0.8, 0.1, 0.1), (0.05, 0.9, 0.05), 0),  # wrong with confidence
        ((0.8, 0.1, 0.1), (0.1, 0.8, 0.1), -1),  # not below T_L
        ((0.8, 0.1, 0.1), (0.4, 0.5, 0.1), -1),  # wrong, but unsure
        ((0.2, 0.7, 0.1), (0.95, 0.03, 0.02), -1),  # the pristine picture failed already
        ((0.2, 0.7, 0.1), (0.05, 0.9, 0.05), -1),
    ],
)
def test_labels_of_classification(
    pristine: tuple[float, float, float], distorted: tuple[float, float, float], expected: int
) -> None:
    found = classification_labels(probabilities(pristine), probabilities(distorted), np.array([0]))
    assert found.tolist() == [expected]


def test_probabilities_of_other_pictures_are_refused() -> None:
    two = probabilities((1, 0, 0), (1, 0, 0))
    with pytest.raises(ValueError, match=r"\[2, 3\], \[1, 3\] and \[2\]"):
        classification_labels(two, two[:1], np.array([0, 0]))
    with pytest.raises(ValueError, match=r"in 0\.\.2, got 3"):
        classification_labels(two, two, np.array([0, 3]))


def test_unanimity_over_all_triples() -> None:
    triples = np.array(np.meshgrid([-1, 0, 1], [-1, 0, 1], [-1, 0, 1])).reshape(3, -1).T
    common = unanimous(triples)
    for triple, label in zip(triples.tolist(), common.tolist(), strict=True):
        expected = triple[0] if len(set(triple)) == 1 and triple[0] >= 0 else -1
        assert label == expected, triple


def test_what_cannot_be_combined_is_refused() -> None:
    with pytest.raises(ValueError, match="no labels to combine"):
        unanimous(np.zeros((4, 0)))
    with pytest.raises(ValueError, match="1, 0 or -1"):
        unanimous([[2, 1]])
