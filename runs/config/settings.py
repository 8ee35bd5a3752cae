"""Ranges of the settings that no class of ours receives, checked before anything heavy starts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from omegaconf import DictConfig, ListConfig, OmegaConf


class Rule(NamedTuple):
    """What a setting must be: in words, and as a test."""

    wanted: str
    holds: Callable[[Any], bool]


def _whole(low: int, high: int | None = None, *others: Any) -> Rule:
    words = f"a whole number from {low} " + ("up" if high is None else f"to {high}")
    more = "".join(f" or {'null' if other is None else other}" for other in others)

    def holds(value: Any) -> bool:
        if any(value is other or (type(value) is int and value == other) for other in others):
            return True
        return type(value) is int and value >= low and (high is None or value <= high)

    return Rule(words + more, holds)


_SWITCH = Rule("true or false", lambda value: isinstance(value, bool))
# A folder called 2026 comes from YAML as a number.
_PATH = Rule("a path", lambda value: isinstance(value, str | int))
_RUNS = Rule(
    "a path, a list of paths, or null",
    lambda value: (
        value is None
        or isinstance(value, str | int)
        or (isinstance(value, ListConfig) and len(value) > 0)
    ),
)
_NOT_NONE = Rule("more than 0 or null", lambda value: value != 0)
_DEVICES = Rule(
    "a number of devices, a list of their indices, or auto",
    lambda value: (
        not isinstance(value, str) or re.fullmatch(r"auto|-?\d+|\d+(,\d+)*,?", value) is not None
    ),
)

TRAINING: Mapping[str, Rule] = {
    "seed": _whole(0, 2**32 - 1),
    "warm_start": Rule("a path or null", lambda value: value is None or isinstance(value, str)),
    "resume": Rule(
        "the folder of a run, auto or null", lambda value: value is None or isinstance(value, str)
    ),
    "force": _SWITCH,
    "compile": _SWITCH,
    "channels_last": _SWITCH,
    "trainer.max_epochs": _whole(1, None, -1, None),
    "trainer.accumulate_grad_batches": _whole(1),
    # Without a validation there is no best checkpoint to be tested.
    "trainer.check_val_every_n_epoch": _whole(1),
    "trainer.limit_val_batches": _NOT_NONE,
    "trainer.devices": _DEVICES,
}
EVALUATION: Mapping[str, Rule] = {
    "run": _RUNS,
    "checkpoint": _PATH,
    "channels_last": _SWITCH,
    "trainer.limit_test_batches": _NOT_NONE,
    "trainer.devices": _DEVICES,
}
PREDICTION: Mapping[str, Rule] = {
    "run": _PATH,
    "checkpoint": _PATH,
    "source": _PATH,
    "batch_size": _whole(1),
    "utility_gate": Rule("a path or null", lambda value: isinstance(value, str | int | None)),
    "on_bad_image": Rule("error or skip", lambda value: value in ("error", "skip")),
    "device": Rule(
        "auto, cpu, mps, cuda or one of cuda:0, cuda:1, …",
        lambda value: re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", str(value)) is not None,
    ),
    "clip": Rule("true, false or null", lambda value: value is None or isinstance(value, bool)),
    "window": _whole(1, None, None),
    "fps": Rule(
        "a number above 0 and up to 1000, or null",
        lambda value: value is None or (type(value) in (int, float) and 0 < value <= 1000),
    ),
    "wavelength": Rule(
        "a wavelength in Å or a list of them",
        lambda value: (
            (type(value) is int and value > 0)
            or (
                isinstance(value, ListConfig)
                and len(value) > 0
                and all(type(each) is int and each > 0 for each in value)
            )
        ),
    ),
    "scale": Rule(
        "fixed-log, clip-percentile, frame-percentile or null",
        lambda value: value in ("fixed-log", "clip-percentile", "frame-percentile", None),
    ),
    "cadence": Rule(
        "seconds above 0, or null",
        lambda value: value is None or (type(value) in (int, float) and value > 0),
    ),
    "region": Rule(
        "null or [left, bottom, right, top] in arcsec with left < right and bottom < top",
        lambda value: (
            value is None
            or (
                isinstance(value, ListConfig)
                and len(value) == 4
                and all(type(each) in (int, float) for each in value)
                and value[0] < value[2]
                and value[1] < value[3]
            )
        ),
    ),
    "watch": _SWITCH,
    "idle_s": Rule(
        "seconds from 0 up, or null",
        lambda value: value is None or (type(value) in (int, float) and value >= 0),
    ),
    "video_format": Rule("mp4 or gif", lambda value: value in ("mp4", "gif")),
    "draw_above": Rule(
        "a score from 0 to 1 or null",
        lambda value: value is None or (type(value) in (int, float) and 0 <= value <= 1),
    ),
}


def check_settings(config: DictConfig, rules: Mapping[str, Rule]) -> None:
    """Refuse settings that are out of range.

    Args:
        config: a composed config; what it does not have is not checked.
        rules: full key -> rule.

    Raises:
        ValueError: naming key, value and what is wanted.
    """
    absent = object()
    for key, rule in rules.items():
        value = OmegaConf.select(config, key, default=absent)
        if value is not absent and not rule.holds(value):
            shown = "null" if value is None else value
            raise ValueError(f"{key}={shown}: must be {rule.wanted}")
    for group in ("callbacks", "logger"):
        for name, node in (config.get(group) or {}).items():
            if not isinstance(node, DictConfig) or "_target_" not in node:
                raise ValueError(f"{group}.{name}={node}: must name a class as its _target_")
    epochs = OmegaConf.select(config, "trainer.max_epochs")
    every = OmegaConf.select(config, "trainer.check_val_every_n_epoch")
    if rules is TRAINING and epochs and every and 0 < epochs < every:
        raise ValueError(
            f"trainer.check_val_every_n_epoch={every}: with trainer.max_epochs={epochs} nothing "
            "would ever be validated, so there would be no best checkpoint; validate more often"
        )
