"""Detectors that cannot be copied, moved, saved or loaded are found."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from detectors.checks import persistence
from structures import Batch


def keeps_an_object(module: Any) -> None:
    module.hparams["activation"] = nn.ReLU()


def forgets_category_ids(module: Any) -> None:
    module.hparams["category_ids"] = None


def keeps_layers_in_a_list(module: Any) -> None:
    module.network.heads = [nn.Linear(2, 2)]


def built_with(change: Any) -> Any:
    """Breaks what `__init__` leaves behind with `change(detector)`."""

    def build(honest: Any) -> type:
        class Broken(honest):
            def __init__(self, **arguments: Any) -> None:
                super().__init__(**arguments)
                change(self)

        return Broken

    return build


def remembers_more_than_it_saves(honest: Any) -> type:
    class Broken(honest):
        def __init__(self, class_names: Any, category_ids: Any = None, optimizer: Any = None):
            super().__init__(class_names, category_ids, optimizer)
            self.temperature = 1.0 if optimizer is None else 0.9

        def predict(self, batch: Batch) -> Any:
            found = super().predict(batch)
            for prediction in found:
                prediction.scores = prediction.scores * self.temperature
            return found

    return Broken


def forgets_thresholds(honest: Any) -> type:
    class Broken(honest):
        def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
            pass

    return Broken


def caches_in_a_buffer(honest: Any) -> type:
    class Broken(honest):
        def predict(self, batch: Batch) -> Any:
            self.network.register_buffer("cache", torch.ones(1))
            return super().predict(batch)

    return Broken


def shares_weights_with_its_copy(honest: Any) -> type:
    class Broken(honest):
        def __deepcopy__(self, memo: dict[int, Any]) -> Any:
            twin = copy.copy(self)
            twin.__dict__ = dict(self.__dict__)
            return twin

    return Broken


def reads_the_epoch(honest: Any) -> type:
    class Broken(honest):
        def losses(self, batch: Batch) -> Any:
            return super().losses(batch) if self.trainer.current_epoch >= 0 else {}

    return Broken


def stays_where_it_is(honest: Any) -> type:
    class Broken(honest):
        def _apply(self, fn: Any, recurse: bool = True) -> Any:
            return self

    return Broken


BROKEN = {
    "hyperparameters_are_plain": built_with(keeps_an_object),
    "checkpoint_round_trip": remembers_more_than_it_saves,
    "checkpoint_carries_classes": built_with(forgets_category_ids),
    "checkpoint_carries_operating_point": forgets_thresholds,
    "state_dict_is_stable": caches_in_a_buffer,
    "weights_are_registered": built_with(keeps_layers_in_a_list),
    "deepcopy_is_independent": shares_weights_with_its_copy,
    "needs_no_trainer": reads_the_epoch,
    "moves_to_device": stays_where_it_is,
}


def test_every_check_has_a_broken_detector(names_of: Any) -> None:
    assert sorted(BROKEN) == names_of(persistence)


@pytest.mark.parametrize("name", BROKEN)
def test_the_fault_is_found(name: str, toy_class: Any, expect_found: Any) -> None:
    expect_found(name, BROKEN[name](toy_class))


def keeps_weights_outside(module: Any) -> None:
    module.loss_weight = nn.Parameter(torch.ones(1))


def hides_a_parameter(module: Any) -> None:
    module.network.queries = {"video": (nn.Parameter(torch.ones(1)),)}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("state_dict_is_stable", keeps_weights_outside),
        ("weights_are_registered", hides_a_parameter),
    ],
)
def test_other_faults_of_the_kind_are_found(
    name: str, change: Any, toy_class: Any, expect_found: Any
) -> None:
    expect_found(name, built_with(change)(toy_class))
