"""A model from its config node."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig

from runs.config.targets import locate


def instantiate_model(node: DictConfig, facts: Mapping[str, Any]) -> Any:
    """The model of a `model` node for a data set.

    Args:
        node: the config.
        facts: what the model must be told of the data, such as their classes; the one thing that
            crosses from the data to the model.

    Raises:
        ValueError: if the model is made for data of another kind.
    """
    from hydra.utils import instantiate

    taken = inspect.signature(locate(node._target_, "model")).parameters.values()
    if not any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in taken):
        foreign = sorted(set(facts) - {parameter.name for parameter in taken})
        if foreign:
            raise ValueError(
                f"model._target_={node._target_}: takes no {', '.join(foreign)}, which these data "
                "come with: detectors need data with boxes, utility predictors (model=utility) "
                "label sets (datamodule=utility)"
            )
    return instantiate(node, **facts, _convert_="all")
