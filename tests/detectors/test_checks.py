"""The conformance test passes an honest detector and names the fault of each broken one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from detectors.checks import check_detector, detector_checks
from structures import Batch, Prediction

MUTANTS: dict[str, Callable[[type], type]] = {}
CHECKS = dict(detector_checks())


def mutant(name: str) -> Callable[[Callable[[type], type]], Callable[[type], type]]:
    """Register a function toy class -> broken class for the check that must find it."""

    def register(build: Callable[[type], type]) -> Callable[[type], type]:
        MUTANTS[name] = build
        return build

    return register


def with_predict(change: Callable[[Any, Batch, list[Prediction]], Any]) -> Callable[[type], type]:
    """A mutant whose predictions `change(detector, batch, predictions)` spoils."""

    def build(honest: Any) -> type:
        class Broken(honest):
            def predict(self, batch: Batch) -> Any:
                return change(self, batch, super().predict(batch))

        return Broken

    return build


def with_losses(change: Callable[[Any, Batch, dict[str, Any]], Any]) -> Callable[[type], type]:
    """A mutant whose losses `change(detector, batch, losses)` spoils."""

    def build(honest: Any) -> type:
        class Broken(honest):
            def losses(self, batch: Batch) -> Any:
                return change(self, batch, super().losses(batch))

        return Broken

    return build


def each(change: Callable[[Prediction, Any], None]) -> Callable[[type], type]:
    """A mutant that spoils every single prediction with `change(prediction, frame)`."""

    def spoil(module: Any, batch: Batch, predictions: list[Prediction]) -> list[Prediction]:
        for prediction, frame in zip(predictions, batch.frames(), strict=True):
            change(prediction, frame)
        return predictions

    return with_predict(spoil)


def _half_boxes(prediction: Prediction, frame: Any) -> None:
    prediction.boxes = prediction.boxes.half()


def _shift_boxes(prediction: Prediction, frame: Any) -> None:
    prediction.boxes = prediction.boxes + 50


def _normalise_boxes(prediction: Prediction, frame: Any) -> None:
    height, width = frame.shape[1:]
    prediction.boxes = prediction.boxes / torch.tensor([width, height, width, height])


def _count_from_zero(prediction: Prediction, frame: Any) -> None:
    prediction.labels = prediction.labels - 1


def _logits(prediction: Prediction, frame: Any) -> None:
    prediction.scores = prediction.scores.logit()


def _worst_first(prediction: Prediction, frame: Any) -> None:
    prediction.scores = prediction.scores.flip(0)


MUTANTS["predicts_pictures"] = with_predict(lambda _, batch, found: found[:1])
MUTANTS["predicts_clips"] = with_predict(lambda _, batch, found: found[: len(batch.clips)])
MUTANTS["prediction_types"] = each(_half_boxes)
MUTANTS["boxes_inside_frame"] = each(_shift_boxes)
MUTANTS["boxes_in_original_pixels"] = each(_normalise_boxes)
MUTANTS["labels_in_range"] = each(_count_from_zero)
MUTANTS["scores_in_range"] = each(_logits)
MUTANTS["scores_descend"] = each(_worst_first)


@mutant("predicts_mixed_sizes")
def stacks_clips(honest: Any) -> type:
    return with_predict(lambda _, batch, found: (torch.cat(batch.clips), found)[1])(honest)


@mutant("predicts_mixed_lengths")
def takes_first_length(honest: Any) -> type:
    def cut(_: Any, batch: Batch, found: list[Prediction]) -> list[Prediction]:
        return found[: len(batch.clips[0]) * len(batch.clips)]

    return with_predict(cut)(honest)


@mutant("predict_leaves_module_unchanged")
def forgets_its_mode(honest: Any) -> type:
    return with_predict(lambda module, _, found: (module.network.train(), found)[1])(honest)


@mutant("predict_leaves_batch_unchanged")
def normalises_in_place(honest: Any) -> type:
    def darken(_: Any, batch: Batch, found: list[Prediction]) -> list[Prediction]:
        for clip in batch.clips:
            clip.sub_(10)
        return found

    return with_predict(darken)(honest)


@mutant("predict_ignores_truth")
def returns_the_truth(honest: Any) -> type:
    def cheat(_: Any, batch: Batch, found: list[Prediction]) -> list[Prediction]:
        truths = batch.frame_targets()
        return [
            Prediction(t.boxes, torch.ones(len(t.labels)), t.labels, t.image_id) for t in truths
        ]

    return with_predict(cheat)(honest)


@mutant("predict_is_deterministic")
def adds_noise(honest: Any) -> type:
    def noise(module: Any, _: Batch, found: list[Prediction]) -> list[Prediction]:
        for prediction in found:
            prediction.boxes = (prediction.boxes - torch.rand(1)).clamp(min=0)
        return found

    return with_predict(noise)(honest)


@mutant("batch_invariance")
def normalises_over_the_batch(honest: Any) -> type:
    def rank(_: Any, batch: Batch, found: list[Prediction]) -> list[Prediction]:
        for prediction in found:
            prediction.scores = prediction.scores / len(found)
        return found

    return with_predict(rank)(honest)


MUTANTS["losses_are_named_scalars"] = with_losses(
    lambda _, batch, losses: losses | {"boxes": torch.tensor(1.0)}
)


def _nan_when(condition: Callable[[Batch], bool]) -> Callable[[type], type]:
    def spoil(_: Any, batch: Batch, losses: dict[str, Any]) -> dict[str, Any]:
        return losses | {"box": losses["box"] * float("nan")} if condition(batch) else losses

    return with_losses(spoil)


MUTANTS["losses_of_pictures"] = _nan_when(lambda batch: batch.frame_count == len(batch.clips))
MUTANTS["losses_of_clips"] = _nan_when(lambda batch: len(batch.clips[0]) > 1)
MUTANTS["losses_of_mixed_sizes"] = _nan_when(
    lambda batch: len({clip.shape[2:] for clip in batch.clips}) > 1
)
MUTANTS["frames_without_boxes"] = _nan_when(
    lambda batch: any(len(target.labels) == 0 for target in batch.frame_targets())
)
MUTANTS["batch_without_boxes"] = _nan_when(
    lambda batch: all(len(target.labels) == 0 for target in batch.frame_targets())
)
MUTANTS["one_pixel_boxes"] = _nan_when(
    lambda batch: any(
        bool((t.boxes[:, 2] - t.boxes[:, 0] < 2).any()) for t in batch.frame_targets()
    )
)


@mutant("losses_are_deterministic")
def draws_from_elsewhere(honest: Any) -> type:
    counter = iter(range(10**6))

    def drift(_: Any, batch: Batch, losses: dict[str, Any]) -> dict[str, Any]:
        return {name: value * (1 + next(counter)) for name, value in losses.items()}

    return with_losses(drift)(honest)


@mutant("losses_in_eval_mode")
def always_trains(honest: Any) -> type:
    class Broken(honest):
        def losses(self, batch: Batch) -> Any:
            self.network.train()
            return super().losses(batch)

    return Broken


@mutant("losses_leave_batch_unchanged")
def scales_targets_in_place(honest: Any) -> type:
    def scale(_: Any, batch: Batch, losses: dict[str, Any]) -> dict[str, Any]:
        for target in batch.frame_targets():
            target.boxes.mul_(0.5)
        return losses

    return with_losses(scale)(honest)


@mutant("losses_and_predictions_agree")
def shortens_validation(honest: Any) -> type:
    class Broken(honest):
        def losses_and_predictions(self, batch: Batch) -> Any:
            losses, predictions = super().losses_and_predictions(batch)
            return {"class": losses["class"]}, predictions

    return Broken


@mutant("bfloat16")
def overflows_in_bfloat16(honest: Any) -> type:
    def overflow(_: Any, batch: Batch, losses: dict[str, Any]) -> dict[str, Any]:
        one = torch.ones(1, 1)
        return {name: value * (one @ one * 300 + 1 - 300).item() for name, value in losses.items()}

    return with_losses(overflow)(honest)


@mutant("gradients_reach_every_parameter")
def has_an_idle_layer(honest: Any) -> type:
    class Broken(honest):
        def __init__(self, **arguments: Any) -> None:
            super().__init__(**arguments)
            self.network.idle = nn.Linear(2, 2)

    return Broken


@mutant("training_lowers_loss")
def climbs(honest: Any) -> type:
    return with_losses(
        lambda _, batch, losses: {n: -v + 2 * v.detach() for n, v in losses.items()}
    )(honest)


@mutant("optimizer_step_changes_weights")
def never_moves(honest: Any) -> type:
    class Broken(honest):
        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.0)

    return Broken


@mutant("one_optimizer_group_each")
def trains_its_head_only(honest: Any) -> type:
    class Broken(honest):
        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.network.head.parameters(), lr=0.1)

    return Broken


@mutant("hyperparameters_are_plain")
def saves_an_object(honest: Any) -> type:
    class Broken(honest):
        def __init__(self, **arguments: Any) -> None:
            super().__init__(**arguments)
            self.hparams["activation"] = nn.ReLU()

    return Broken


@mutant("checkpoint_round_trip")
def hides_a_weight(honest: Any) -> type:
    class Broken(honest):
        def __init__(self, class_names: Any, category_ids: Any = None, optimizer: Any = None):
            super().__init__(class_names, category_ids, optimizer)
            self.bias = 0.0 if optimizer is None else 0.1

        def predict(self, batch: Batch) -> Any:
            found = super().predict(batch)
            for prediction in found:
                prediction.scores = (prediction.scores - self.bias).clamp(min=0)
            return found

    return Broken


@mutant("checkpoint_carries_classes")
def forgets_category_ids(honest: Any) -> type:
    class Broken(honest):
        def __init__(self, **arguments: Any) -> None:
            super().__init__(**arguments)
            self.hparams["category_ids"] = None

    return Broken


@mutant("checkpoint_carries_operating_point")
def forgets_thresholds(honest: Any) -> type:
    class Broken(honest):
        def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
            pass

    return Broken


@mutant("state_dict_is_stable")
def caches_in_a_buffer(honest: Any) -> type:
    def cache(module: Any, _: Batch, found: list[Prediction]) -> list[Prediction]:
        module.network.register_buffer("cache", torch.ones(1))
        return found

    return with_predict(cache)(honest)


@mutant("weights_are_registered")
def keeps_layers_in_a_list(honest: Any) -> type:
    class Broken(honest):
        def __init__(self, **arguments: Any) -> None:
            super().__init__(**arguments)
            self.network.heads = [nn.Linear(2, 2)]

    return Broken


@mutant("deepcopy_is_independent")
def shares_weights_with_copies(honest: Any) -> type:
    class Broken(honest):
        def __deepcopy__(self, memo: dict[int, Any]) -> Any:
            twin = copy.copy(self)
            twin.__dict__ = dict(self.__dict__)
            return twin

    return Broken


@mutant("needs_no_trainer")
def reads_the_epoch(honest: Any) -> type:
    return with_losses(
        lambda module, _, losses: losses if module.trainer.current_epoch >= 0 else {}
    )(honest)


@mutant("moves_to_device")
def stays_where_it_is(honest: Any) -> type:
    class Broken(honest):
        def _apply(self, fn: Any, recurse: bool = True) -> Any:
            return self

    return Broken


def test_there_are_at_least_twenty_checks_each_with_a_reason() -> None:
    assert len(CHECKS) >= 20
    assert all(check.__doc__ for check in CHECKS.values())


def test_the_honest_detector_passes(make_toy: Any) -> None:
    module = make_toy()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    check_detector(module)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_every_check_has_a_mutant() -> None:
    assert sorted(MUTANTS) == sorted(CHECKS)


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_a_broken_detector_fails_with_the_name_of_the_check(
    name: str, make_toy: Any, toy_class: Any
) -> None:
    broken = make_toy(MUTANTS[name](toy_class))
    with pytest.raises(AssertionError, match=rf"^\[{name}\] "):
        CHECKS[name](broken)


def test_all_failures_are_reported_together(make_toy: Any, toy_class: Any) -> None:
    twice_broken = MUTANTS["labels_in_range"](MUTANTS["scores_descend"](toy_class))
    with pytest.raises(AssertionError) as failure:
        check_detector(make_toy(twice_broken))
    message = str(failure.value)
    assert "[labels_in_range]" in message
    assert "[scores_descend]" in message
    assert message.startswith("Broken fails 2 of")


def test_a_detector_without_optimizer_is_told_so(make_toy: Any) -> None:
    with pytest.raises(AssertionError, match="has no optimizer; give it one"):
        check_detector(make_toy(optimizer=None))


def test_a_detector_that_finds_nothing_keeps_the_contract(make_toy: Any, toy_class: Any) -> None:
    def empty(prediction: Prediction, frame: Any) -> None:
        prediction.boxes = prediction.boxes[:0]
        prediction.scores = prediction.scores[:0]
        prediction.labels = prediction.labels[:0]

    check_detector(make_toy(each(empty)(toy_class)))
