"""A `predict` that changes things, or is changed by things, that should not matter is found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from detectors.checks import invariances
from structures import Batch, Prediction

Found = list[Prediction]


def forgets_its_mode(module: Any, batch: Batch, found: Found) -> Found:
    module.network.train()
    return found


def darkens_the_clips(module: Any, batch: Batch, found: Found) -> Found:
    for clip in batch.clips:
        clip.sub_(10)
    return found


def returns_the_truth(module: Any, batch: Batch, found: Found) -> Found:
    truths = batch.frame_targets()
    return [Prediction(t.boxes, torch.ones(len(t.labels)), t.labels, t.image_id) for t in truths]


def adds_noise(module: Any, batch: Batch, found: Found) -> Found:
    for prediction in found:
        prediction.boxes = (prediction.boxes - torch.rand(1)).clamp(min=0)
    return found


def divides_by_the_batch_size(module: Any, batch: Batch, found: Found) -> Found:
    for prediction in found:
        prediction.scores = prediction.scores / len(found)
    return found


BROKEN: dict[str, Callable[..., Found]] = {
    "predict_leaves_module_unchanged": forgets_its_mode,
    "predict_leaves_batch_unchanged": darkens_the_clips,
    "predict_ignores_truth": returns_the_truth,
    "predict_is_deterministic": adds_noise,
    "batch_invariance": divides_by_the_batch_size,
}


def test_every_check_has_a_broken_detector(names_of: Any) -> None:
    assert sorted(BROKEN) == names_of(invariances)


@pytest.mark.parametrize("name", BROKEN)
def test_the_fault_is_found(name: str, break_predict: Any, expect_found: Any) -> None:
    expect_found(name, break_predict(BROKEN[name]))


def writes_to_a_buffer(module: Any, batch: Batch, found: Found) -> Found:
    module.network.body[1].running_mean += 1
    return found


def scales_the_truth(module: Any, batch: Batch, found: Found) -> Found:
    for target in batch.frame_targets():
        target.boxes.mul_(0.5)
    return found


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("predict_leaves_module_unchanged", writes_to_a_buffer),
        ("predict_leaves_batch_unchanged", scales_the_truth),
        ("batch_invariance", lambda module, batch, found: found[:1] * len(found)),
    ],
)
def test_other_faults_of_the_kind_are_found(
    name: str, change: Any, break_predict: Any, expect_found: Any
) -> None:
    expect_found(name, break_predict(change))
