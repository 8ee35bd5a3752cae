"""The conformance test passes an honest detector and reports all faults of a broken one."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from detectors.checks import check_detector, detector_checks
from structures import Batch, Prediction

CHECKS = dict(detector_checks())


def test_there_are_at_least_twenty_checks_each_with_a_reason() -> None:
    assert len(CHECKS) == len(detector_checks()) >= 20
    assert all(check.__doc__ for check in CHECKS.values())


def test_the_honest_detector_passes_and_stays_as_it_was(make_toy: Any) -> None:
    module = make_toy()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    check_detector(module)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


@pytest.mark.parametrize(("name", "check"), detector_checks())
def test_checks_serve_as_parameters_of_a_test(name: str, check: Any, make_toy: Any) -> None:
    check(make_toy())


def test_a_detector_that_finds_nothing_keeps_the_contract(
    make_toy: Any, break_predict: Any
) -> None:
    def empty(module: Any, batch: Batch, found: list[Prediction]) -> list[Prediction]:
        return [Prediction(p.boxes[:0], p.scores[:0], p.labels[:0], p.image_id) for p in found]

    check_detector(make_toy(break_predict(empty)))


def test_all_failures_are_reported_together(make_toy: Any, break_predict: Any) -> None:
    def spoil(module: Any, batch: Batch, found: list[Prediction]) -> list[Prediction]:
        for prediction in found:
            prediction.labels = prediction.labels + 5
            prediction.scores = prediction.scores.flip(0)
        return found

    with pytest.raises(AssertionError) as failure:
        check_detector(make_toy(break_predict(spoil)))
    message = str(failure.value)
    assert message.startswith(f"Broken fails 2 of {len(CHECKS)} checks:\n")
    assert "\n[labels_in_range] labels [7] outside 1..2; leave background (0) out" in message
    assert "\n[scores_descend] " in message


def test_an_error_of_the_detector_is_reported_with_the_reason(
    make_toy: Any, break_losses: Any
) -> None:
    def divide(module: Any, batch: Batch, found: Any) -> Any:
        return {"box": found["box"] / (1 if len(batch.frame_targets()[1].labels) else 1 // 0)}

    with pytest.raises(AssertionError, match=r"raised ZeroDivisionError: .* NaN: it ends a"):
        CHECKS["frames_without_boxes"](make_toy(break_losses(divide)))


def test_a_detector_without_optimizer_is_told_so(make_toy: Any) -> None:
    with pytest.raises(AssertionError, match="has no optimizer; give it one"):
        check_detector(make_toy(optimizer=None))


def test_a_detector_that_cannot_be_copied_is_named_once(make_toy: Any) -> None:
    module = make_toy()
    module.stream = (number for number in range(3))
    with pytest.raises(AssertionError, match="ToyDetector cannot be copied, as EMA and these"):
        check_detector(module)
