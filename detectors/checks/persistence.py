"""Checks that a detector can be copied, moved, saved and loaded."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn

from detectors.base import Detector
from detectors.checks.batches import drawn_batch, expect
from detectors.checks.predictions import expect_same_predictions, predict_in_eval_mode
from detectors.checks.trainer import fit_one_step


def check_hyperparameters_are_plain(module: Detector) -> None:
    """Other objects in a checkpoint need unpickling, which `weights_only=True` refuses."""
    wrong = [name for name, value in module.hparams.items() if not _is_plain(value)]
    expect(
        not wrong,
        f"hyperparameters {wrong} are not plain scalars, lists or dicts; take plain values and "
        "build objects from them in __init__",
    )


def check_checkpoint_round_trip(module: Detector) -> None:
    """A checkpoint alone, without arguments or code in it, gives back the same detector."""
    loaded = _saved_and_loaded(module)
    batch = drawn_batch(module, seed=8)
    expect_same_predictions(
        predict_in_eval_mode(loaded, batch),
        predict_in_eval_mode(module, batch),
        "predictions differ after save and load; keep everything that matters in hyperparameters, "
        "parameters or persistent buffers",
    )


def check_checkpoint_carries_classes(module: Detector) -> None:
    """Names and category ids travel with weights; otherwise labels are named by guesswork."""
    loaded = _saved_and_loaded(module)
    expect(
        loaded.classes == module.classes,
        f"classes were {module.classes}, after loading {loaded.classes}; pass class_names and "
        "category_ids on to Detector.__init__",
    )


def check_checkpoint_carries_operating_point(module: Detector) -> None:
    """Thresholds chosen on validation data belong to the weights that they were chosen for."""
    module.operating_point = dict.fromkeys(module.classes.names, 0.25)
    module.event_threshold = 0.75
    loaded = _saved_and_loaded(module)
    chosen = module.operating_point, module.event_threshold
    found = loaded.operating_point, loaded.event_threshold
    expect(
        found == chosen,
        f"operating_point and event_threshold were {chosen}, after loading {found}; "
        "call super() in on_save_checkpoint and on_load_checkpoint",
    )


def check_state_dict_is_stable(module: Detector) -> None:
    """Weights of a used detector fit a fresh one; caches in the state break loading."""
    fresh = copy.deepcopy(module)
    batch = drawn_batch(module)
    module.train().losses(batch)
    predict_in_eval_mode(module, batch)
    surprises = set(module.state_dict()) ^ set(fresh.state_dict())
    expect(
        not surprises,
        f"state_dict entries come or go by use: {sorted(surprises)[:3]}; register them in "
        "__init__, or as buffers with persistent=False",
    )
    fresh.load_state_dict(module.state_dict())
    outside = [name for name in module.state_dict() if not name.startswith("network.")]
    expect(not outside, f"state outside `network`: {outside[:3]}; exporters and EMA see network")


def check_weights_are_registered(module: Detector) -> None:
    """Parameters hidden in a list or dict are not trained, moved or saved."""
    known = {id(parameter) for parameter in module.parameters()}
    for name, part in module.named_modules():
        for attribute, value in vars(part).items():
            lost = [p for p in _parameters_in(value) if id(p) not in known]
            expect(
                not lost,
                f"{name or 'the detector'}.{attribute} hides {len(lost)} parameters; hold them in "
                "nn.ModuleList, nn.ModuleDict or nn.ParameterList",
            )


def check_deepcopy_is_independent(module: Detector) -> None:
    """EMA trains beside a deep copy: equal at first, and no weight shared afterwards."""
    twin = copy.deepcopy(module)
    batch = drawn_batch(module)
    wanted = predict_in_eval_mode(module, batch)
    expect_same_predictions(
        predict_in_eval_mode(twin, batch),
        wanted,
        "a deep copy predicts something else; keep no weights outside parameters and buffers",
    )
    with torch.no_grad():
        for value in twin.state_dict().values():
            value.zero_()
    expect_same_predictions(
        predict_in_eval_mode(module, batch),
        wanted,
        "zeroing the weights of a deep copy changes the original; do not share tensors",
    )


def check_needs_no_trainer(module: Detector) -> None:
    """`losses` and `predict` work in a notebook: no trainer, no logging, no global step."""
    batch = drawn_batch(module)
    try:
        module.train().losses(batch)
        predict_in_eval_mode(module, batch)
    except RuntimeError as error:
        expect("Trainer" not in str(error), f"{error}; use self.trainer and self.log in steps only")
        raise


def check_moves_to_device(module: Detector) -> None:
    """`to` moves everything, and results lie on the module's device; needed by any accelerator."""
    meta = copy.deepcopy(module).to("meta")
    left = [name for name, value in meta.state_dict().items() if not value.is_meta]
    expect(not left, f"to(device) leaves {left[:3]} behind; do not override nn.Module._apply")
    if not torch.cuda.is_available():
        return
    moved = module.to("cuda")
    batch = drawn_batch(moved)
    total = torch.stack(list(moved.train().losses(batch).values())).sum()
    devices = {total.device.type}
    for prediction in predict_in_eval_mode(moved, batch):
        devices |= {t.device.type for t in (prediction.boxes, prediction.scores, prediction.labels)}
    expect(
        devices == {"cuda"} and bool(total.isfinite()),
        f"on cuda the loss is {total.item():.4g} and results lie on {sorted(devices)}; create "
        "tensors on the device of the frames",
    )


def _saved_and_loaded(module: Detector) -> Detector:
    """The detector from a checkpoint that a Lightning Trainer saved after one step."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "one_step.ckpt"
        fit_one_step(module, Path(folder)).save_checkpoint(path, weights_only=False)
        return type(module).load_from_checkpoint(path, map_location="cpu", weights_only=True)


def _is_plain(value: Any) -> bool:
    if type(value) in (list, tuple):
        return all(_is_plain(item) for item in value)
    if type(value) is dict:
        return all(type(key) in (str, int) and _is_plain(item) for key, item in value.items())
    return value is None or type(value) in (bool, int, float, str)


def _parameters_in(value: object) -> Iterator[nn.Parameter]:
    """Parameters in plain containers, also within modules that lie in them."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from _parameters_in(item)
    elif type(value) is dict:
        yield from _parameters_in(list(value.values()))
    elif isinstance(value, nn.Module):
        yield from value.parameters()
    elif isinstance(value, nn.Parameter):
        yield value


CHECKS = (
    check_hyperparameters_are_plain,
    check_checkpoint_round_trip,
    check_checkpoint_carries_classes,
    check_checkpoint_carries_operating_point,
    check_state_dict_is_stable,
    check_weights_are_registered,
    check_deepcopy_is_independent,
    check_needs_no_trainer,
    check_moves_to_device,
)
