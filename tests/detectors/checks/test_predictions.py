"""Faults in what `predict` returns are found by the check that is made for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from detectors.checks import predictions
from structures import Batch, Prediction

Found = list[Prediction]


def each(change: Callable[[Prediction, Any], None]) -> Callable[..., Found]:
    """Spoils every prediction with `change(prediction, frame)`."""

    def spoil(module: Any, batch: Batch, found: Found) -> Found:
        for prediction, frame in zip(found, batch.frames(), strict=True):
            change(prediction, frame)
        return found

    return spoil


def cannot_mix_sizes(module: Any, batch: Batch, found: Found) -> Found:
    torch.cat(batch.clips)
    return found


def takes_the_first_length_for_all(module: Any, batch: Batch, found: Found) -> Found:
    return found[: len(batch.clips[0]) * len(batch.clips)]


def half_floats(prediction: Prediction, frame: Any) -> None:
    prediction.boxes = prediction.boxes.half()


def shifted(prediction: Prediction, frame: Any) -> None:
    prediction.boxes = prediction.boxes + 50


def shares_of_the_frame(prediction: Prediction, frame: Any) -> None:
    height, width = frame.shape[1:]
    prediction.boxes = prediction.boxes / torch.tensor([width, height, width, height])


def classes_from_zero(prediction: Prediction, frame: Any) -> None:
    prediction.labels = prediction.labels - 1


def logits(prediction: Prediction, frame: Any) -> None:
    prediction.scores = prediction.scores.logit()


def worst_first(prediction: Prediction, frame: Any) -> None:
    prediction.scores = prediction.scores.flip(0)


BROKEN: dict[str, Callable[..., Found]] = {
    "predicts_pictures": lambda module, batch, found: found[:1],
    "predicts_clips": lambda module, batch, found: found[: len(batch.clips)],
    "predicts_mixed_sizes": cannot_mix_sizes,
    "predicts_mixed_lengths": takes_the_first_length_for_all,
    "prediction_types": each(half_floats),
    "boxes_inside_frame": each(shifted),
    "boxes_in_original_pixels": each(shares_of_the_frame),
    "labels_in_range": each(classes_from_zero),
    "scores_in_range": each(logits),
    "scores_descend": each(worst_first),
}


def test_every_check_has_a_broken_detector(names_of: Any) -> None:
    assert sorted(BROKEN) == names_of(predictions)


@pytest.mark.parametrize("name", BROKEN)
def test_the_fault_is_found(name: str, break_predict: Any, expect_found: Any) -> None:
    expect_found(name, break_predict(BROKEN[name]))


def swapped_axes(prediction: Prediction, frame: Any) -> None:
    height, width = frame.shape[1:]
    swap = torch.tensor([height / width, width / height] * 2)
    prediction.boxes = (prediction.boxes * swap).clamp(max=min(height, width))


def mixed_up_ids(module: Any, batch: Batch, found: Found) -> Found:
    for index, prediction in enumerate(found):
        prediction.image_id = index
    return found


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("boxes_in_original_pixels", each(swapped_axes)),
        ("predicts_pictures", mixed_up_ids),
        ("predicts_clips", lambda module, batch, found: found[::-1]),
    ],
)
def test_other_faults_of_the_kind_are_found(
    name: str, change: Any, break_predict: Any, expect_found: Any
) -> None:
    expect_found(name, break_predict(change))
