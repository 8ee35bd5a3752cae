"""Utility of a distorted picture to networks: the equations, and labels out of several networks.

Source: Khan, Valenzise, Chetouani, Dufaux, "Image Utility Assessment", EUSIPCO 2022, equations 1
to 6 and section IV. φ is a network's confidence in the true outcome on the distorted picture, φ'
that on the pristine one.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

REJECTION = 0.5  # φ_rec, which the paper leaves open; its figures imply this
GUARD = 0.1
T_HIGH, T_LOW = 0.9, 0.1
DISCARD = -1

Operator = Literal["mean", "max", "majority"]


def eq2_literal(
    confidence: ArrayLike, pristine: ArrayLike, rejection: float = REJECTION
) -> NDArray[np.float64]:
    """Equation 2 as printed: (φ − φ_rec) / (1 − (φ' − φ_rec)).

    Kept for comparison with the paper. Against its text it rises with φ', and is below 1 where
    nothing was lost; use `relative`. Within [-1, 1] for a rejection of .5.

    Args:
        confidence: φ, any shape.
        pristine: φ', likewise.
        rejection: φ_rec.
    """
    phi, reference = np.asarray(confidence, float), np.asarray(pristine, float)
    return (phi - rejection) / (1 - (reference - rejection))


def relative(
    confidence: ArrayLike,
    pristine: ArrayLike,
    rejection: float = REJECTION,
    guard: float = GUARD,
) -> NDArray[np.float64]:
    """What equation 2 means by its text: (φ − φ_rec) / (φ' − φ_rec), clipped to [-1, 1].

    1 where nothing was lost, 0 at the threshold, negative where the outcome is rejected.

    Args:
        confidence: φ, any shape.
        pristine: φ', likewise.
        rejection: φ_rec.
        guard: NaN where φ' does not reach φ_rec by as much, for there the quotient is noise.
    """
    phi, reference = np.asarray(confidence, float), np.asarray(pristine, float)
    reached = reference >= rejection + guard
    lost = np.clip((phi - rejection) / np.where(reached, reference - rejection, 1), -1, 1)
    return np.where(reached, lost, np.nan)


def aggregated(utilities: ArrayLike, operator: Operator) -> NDArray[np.float64]:
    """Equation 3: the utilities of N networks as one.

    Args:
        utilities: [..., N]; for 'majority' each 0 or 1.
        operator: 'majority' is 1 where more than half of them are.

    Raises:
        ValueError: for another operator, or a majority of other values.
    """
    values = np.asarray(utilities, float)
    if operator == "mean":
        return values.mean(axis=-1)
    if operator == "max":
        return values.max(axis=-1)
    if operator != "majority":
        raise ValueError(f"operator must be mean, max or majority, got {operator!r}")
    if not np.isin(values, (0, 1)).all():
        raise ValueError("a majority is one of labels 0 and 1; discard others before")
    return (values.mean(axis=-1) > 0.5).astype(float)


def classification_utility(predicted: ArrayLike, true: ArrayLike) -> NDArray[np.int8]:
    """Equation 5: 1 where the predicted class is the true one, else 0."""
    return (np.asarray(predicted) == np.asarray(true)).astype(np.int8)


def detection_utility(
    predicted: ArrayLike,
    true: ArrayLike,
    localisation: ArrayLike,
    threshold: float = 0.5,
) -> NDArray[np.int8]:
    """Equation 6: 1 where the label is right and φ_loc reaches the threshold, else 0.

    The paper's equation says '>' and its section IV '≥'; here it is '≥'.
    """
    right = np.asarray(predicted) == np.asarray(true)
    return (right & (np.asarray(localisation, float) >= threshold)).astype(np.int8)


def classification_labels(
    pristine: NDArray[Any],
    distorted: NDArray[Any],
    true: NDArray[np.integer],
    high: float = T_HIGH,
    low: float = T_LOW,
) -> NDArray[np.int8]:
    """The labels of section IV for classification, of one network.

    Args:
        pristine: softmax probabilities [I, C] of the pristine pictures.
        distorted: [I, C], of the same pictures distorted.
        true: [I], their classes, 0..C-1.
        high: T_H, which the probability of the true class must exceed for a 1.
        low: T_L, below which it must be for a 0.

    Returns:
        int8 [I]: 1 where the class is right with confidence, 0 where it is wrong with confidence,
        -1 between, and wherever the pristine picture is taken for another class.

    Raises:
        ValueError: if the shapes do not agree or a class is out of range.
    """
    if pristine.shape != distorted.shape or pristine.ndim != 2 or len(true) != len(pristine):
        raise ValueError(
            f"expected probabilities [I, C] twice and I classes, got {list(pristine.shape)}, "
            f"{list(distorted.shape)} and {list(true.shape)}"
        )
    if len(true) and not (true.min() >= 0 and true.max() < pristine.shape[1]):
        raise ValueError(f"classes must lie in 0..{pristine.shape[1] - 1}, got {true.max()}")
    known = pristine.argmax(axis=1) == true
    right = distorted.argmax(axis=1) == true
    probability = distorted[np.arange(len(true)), true]
    labels = np.full(len(true), DISCARD, dtype=np.int8)
    labels[known & right & (probability > high)] = 1
    labels[known & ~right & (probability < low)] = 0
    return labels


def unanimous(labels: ArrayLike) -> NDArray[np.int8]:
    """What all networks say: 1 or 0 where they agree, else -1, as section IV combines them.

    Args:
        labels: [..., N] of 1, 0 and -1.

    Raises:
        ValueError: for no networks or another label.
    """
    each = np.asarray(labels)
    if each.ndim < 1 or each.shape[-1] == 0:
        raise ValueError("no labels to combine; expected those of one network at least")
    if not np.isin(each, (DISCARD, 0, 1)).all():
        raise ValueError("labels must be 1, 0 or -1")
    agreed = np.where((each == 1).all(axis=-1), 1, np.where((each == 0).all(axis=-1), 0, DISCARD))
    return agreed.astype(np.int8)
