"""Learning rates and weight decay by parameter name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

_RULE_KEYS = {"pattern", "lr_scale", "weight_decay"}


def build_parameter_groups(
    module: nn.Module, rules: Sequence[Mapping[str, Any]], base_lr: float | None
) -> list[dict[str, Any]]:
    """Put every trainable parameter in exactly one optimizer group.

    Args:
        module: whose parameters are trained; those with `requires_grad=False` are left out.
        rules: each has a `pattern` (regular expression, searched in the parameter's name) and
            `lr_scale` (times `base_lr`) and / or `weight_decay`. The first rule that fits takes a
            parameter; the rest keep the optimizer's own values.
        base_lr: the optimizer's learning rate; needed by rules with `lr_scale`.

    Returns:
        Groups for `torch.optim`, none empty, each with a `name` (its pattern, or 'rest').

    Raises:
        ValueError: if a rule has an unknown key, matches nothing, or scales an unknown rate.
    """
    groups = [_empty_group(rule, base_lr) for rule in rules]
    rest: dict[str, Any] = {"name": "rest", "params": []}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            fitting = (g for g in groups if re.search(g["name"], name))
            next(fitting, rest)["params"].append(parameter)
    for group in groups:
        if not group["params"]:
            raise ValueError(
                f"parameter group {group['name']!r} matches no trainable parameter that an earlier "
                "rule left over; mend or remove the rule (model.parameter_groups)"
            )
    return [*groups, rest] if rest["params"] else groups


def _empty_group(rule: Mapping[str, Any], base_lr: float | None) -> dict[str, Any]:
    unknown = sorted(set(rule) - _RULE_KEYS)
    if unknown or "pattern" not in rule:
        raise ValueError(
            f"parameter group rule {dict(rule)}: needs 'pattern' and takes "
            f"{sorted(_RULE_KEYS)}, got {sorted(rule)}"
        )
    try:
        re.compile(rule["pattern"])
    except re.error as error:
        raise ValueError(
            f"parameter group pattern {rule['pattern']!r} is no regular expression: {error} "
            "(model.parameter_groups)"
        ) from error
    group: dict[str, Any] = {"name": rule["pattern"], "params": []}
    if "lr_scale" in rule:
        if base_lr is None:
            raise ValueError("lr_scale needs a learning rate in the optimizer's YAML (lr: ...)")
        group["lr"] = base_lr * rule["lr_scale"]
    if "weight_decay" in rule:
        group["weight_decay"] = rule["weight_decay"]
    return group
