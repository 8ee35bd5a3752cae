"""Every trainable parameter lies in exactly one group, at the rate that the rules say."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, reject
from hypothesis import strategies as st
from torch import nn

from detectors.parameter_groups import build_parameter_groups


def make_network() -> nn.Module:
    return nn.ModuleDict({"backbone": nn.Linear(2, 3), "head": nn.Linear(3, 4)})


def names_in(group: dict[str, Any], network: nn.Module) -> list[str]:
    held = {id(parameter) for parameter in group["params"]}
    return [name for name, parameter in network.named_parameters() if id(parameter) in held]


def test_without_rules_all_parameters_share_one_group() -> None:
    (group,) = build_parameter_groups(make_network(), [], base_lr=None)
    assert group["name"] == "rest"
    assert len(group["params"]) == 4
    assert "lr" not in group


def test_rules_scale_the_rate_and_set_the_decay() -> None:
    network = make_network()
    rules = [
        {"pattern": "bias$", "lr_scale": 2, "weight_decay": 0},
        {"pattern": r"^backbone\.", "lr_scale": 0.1},
    ]
    biases, backbone, rest = build_parameter_groups(network, rules, base_lr=0.01)
    assert (biases["lr"], biases["weight_decay"]) == (0.02, 0)
    assert backbone["lr"] == pytest.approx(0.001)
    assert "weight_decay" not in backbone
    # The first rule that fits takes a parameter.
    assert names_in(biases, network) == ["backbone.bias", "head.bias"]
    assert names_in(backbone, network) == ["backbone.weight"]
    assert names_in(rest, network) == ["head.weight"]


@given(st.lists(st.sampled_from(["bias", "weight", "backbone", "head", "e", "."]), max_size=4))
def test_no_parameter_is_lost_or_trained_twice(patterns: list[str]) -> None:
    network = make_network()
    try:
        groups = build_parameter_groups(network, [{"pattern": p} for p in patterns], base_lr=None)
    except ValueError:
        reject()  # a rule that matches nothing; has a test of its own
    found = [id(parameter) for group in groups for parameter in group["params"]]
    assert sorted(found) == sorted(id(parameter) for parameter in network.parameters())
    torch.optim.SGD(groups, lr=0.1)  # refuses empty groups and parameters given twice


def test_frozen_parameters_are_left_out() -> None:
    network = make_network()
    network["backbone"].requires_grad_(False)  # type: ignore[index]
    (group,) = build_parameter_groups(network, [], base_lr=None)
    assert names_in(group, network) == ["head.weight", "head.bias"]


def test_rules_that_take_everything_leave_no_empty_group() -> None:
    groups = build_parameter_groups(make_network(), [{"pattern": ""}], base_lr=None)
    assert [group["name"] for group in groups] == [""]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ([{"pattern": "neck"}], "'neck' matches no trainable parameter"),
        ([{"pattern": "."}, {"pattern": "bias"}], "'bias' matches no .* earlier rule left over"),
        ([{"pattern": "bias", "lr_scal": 2}], r"needs 'pattern' and takes .* got \['lr_scal'"),
        ([{"lr_scale": 2}], "needs 'pattern'"),
        ([{"pattern": "bias", "lr_scale": 2}], "needs a learning rate in the optimizer's YAML"),
    ],
)
def test_a_mistaken_rule_is_named(rules: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_parameter_groups(make_network(), rules, base_lr=None)
