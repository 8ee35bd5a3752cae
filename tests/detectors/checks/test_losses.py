"""Faults in what `losses` returns are found by the check that is made for them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
import torch

from detectors.checks import losses
from structures import Batch

Losses = dict[str, torch.Tensor]


def not_a_number_when(condition: Callable[[Batch], bool]) -> Callable[..., Losses]:
    """A loss that is NaN on the batches of a kind."""

    def spoil(module: Any, batch: Batch, found: Losses) -> Losses:
        return found | {"box": found["box"] * float("nan")} if condition(batch) else found

    return spoil


def has_empty_frame(batch: Batch) -> bool:
    return any(len(target.labels) == 0 for target in batch.frame_targets())


def has_no_box(batch: Batch) -> bool:
    return all(len(target.labels) == 0 for target in batch.frame_targets())


def has_tiny_box(batch: Batch) -> bool:
    return any(bool((t.boxes[:, 2] - t.boxes[:, 0] < 2).any()) for t in batch.frame_targets())


def counts_its_calls(calls: Any) -> Callable[..., Losses]:
    def drift(module: Any, batch: Batch, found: Losses) -> Losses:
        return {name: value * (1 + next(calls)) for name, value in found.items()}

    return drift


def trains_while_validating(module: Any, batch: Batch, found: Losses) -> Losses:
    module.network.body[1].running_mean += 0.1
    return found


def scales_the_truth(module: Any, batch: Batch, found: Losses) -> Losses:
    for target in batch.frame_targets():
        target.boxes.mul_(0.5)
    return found


def loses_precision(module: Any, batch: Batch, found: Losses) -> Losses:
    one = torch.ones(1, 1)
    lost = (one @ one * 300 + 1 - 300).item()  # 1 in float32, 0 in bfloat16
    return {name: value * lost for name, value in found.items()}


BROKEN: dict[str, Callable[..., Losses]] = {
    "losses_are_named_scalars": lambda module, batch, found: found | {"n": torch.tensor(1.0)},
    "losses_of_pictures": not_a_number_when(lambda batch: len(batch.clips[0]) == 1),
    "losses_of_clips": not_a_number_when(lambda batch: len(batch.clips[0]) > 1),
    "losses_of_mixed_sizes": not_a_number_when(
        lambda batch: len({clip.shape[2:] for clip in batch.clips}) > 1
    ),
    "frames_without_boxes": not_a_number_when(has_empty_frame),
    "batch_without_boxes": not_a_number_when(has_no_box),
    "one_pixel_boxes": not_a_number_when(has_tiny_box),
    "losses_are_deterministic": counts_its_calls(count()),
    "losses_in_eval_mode": trains_while_validating,
    "losses_leave_batch_unchanged": scales_the_truth,
    "bfloat16": loses_precision,
}


def test_every_check_has_a_broken_detector(names_of: Any) -> None:
    assert sorted([*BROKEN, "losses_and_predictions_agree"]) == names_of(losses)


@pytest.mark.parametrize("name", BROKEN)
def test_the_fault_is_found(name: str, break_losses: Any, expect_found: Any) -> None:
    expect_found(name, break_losses(BROKEN[name]))


def test_a_shortened_validation_is_found(toy_class: Any, expect_found: Any) -> None:
    class Broken(toy_class):
        def losses_and_predictions(self, batch: Batch) -> Any:
            found, predictions = super().losses_and_predictions(batch)
            return {"class": found["class"]}, predictions

    expect_found("losses_and_predictions_agree", Broken)


def forgets_its_mode(module: Any, batch: Batch, found: Losses) -> Losses:
    module.network.train()
    return found


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("losses_are_named_scalars", lambda module, batch, found: {}),
        ("losses_are_named_scalars", lambda module, batch, found: list(found.values())),
        ("losses_are_named_scalars", lambda module, batch, found: {"a": found["box"][None]}),
        ("batch_without_boxes", lambda module, batch, found: {"a": found["box"].detach()}),
        ("losses_in_eval_mode", forgets_its_mode),
        (
            "losses_in_eval_mode",
            lambda module, batch, found: found if module.training else {"box": found["box"]},
        ),
    ],
)
def test_other_faults_of_the_kind_are_found(
    name: str, change: Any, break_losses: Any, expect_found: Any
) -> None:
    expect_found(name, break_losses(change))
