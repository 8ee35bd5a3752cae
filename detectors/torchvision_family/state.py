"""Whether a state dict is of a network of torchvision, and of which."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn
from torchvision.models import get_model_builder

from detectors.pretrained_weights import differences
from detectors.torchvision_family.recipe import ARCHITECTURES

_CLASSIFIER_NETWORKS = ("resnet50", "mobilenet_v3_large")
_SAME = 0.95  # share of common tensor names from which a file is taken for a network's


def assign(module: nn.Module, state: Mapping[str, Tensor]) -> dict[str, str]:
    """Put weights into a module, which also knows under what names older versions kept them.

    Args:
        module: on the meta device, so that it needs no memory; takes the tensors as they are.
        state: the weights by name, as a file of any age has them.

    Returns:
        What did not fit, as by `detectors.pretrained_weights.differences`; the rest is put in.
    """
    own = module.state_dict()
    fitting = OrderedDict(
        (key, tensor)
        for key, tensor in state.items()
        if key not in own or own[key].shape == tensor.shape
    )
    fitting._metadata = _versions(state)  # type: ignore[attr-defined]
    try:
        result = module.load_state_dict(fitting, strict=False, assign=True)
    except RuntimeError:  # a shape that differs under an older name
        return differences(state, {key: tuple(tensor.shape) for key, tensor in own.items()})
    found = {}
    for key in result.missing_keys:
        got = tuple(state[key].shape) if key in state else "nothing"
        found[key] = f"expected {tuple(own[key].shape)}, got {got}"
    for key in result.unexpected_keys:
        found[key] = f"expected nothing, got {tuple(state[key].shape)}"
    return found


def looks_like(state: Mapping[str, Tensor]) -> str:
    """A hint which network of torchvision has tensors of these names; empty if none has."""

    def names(keys: Iterable[str]) -> set[str]:
        return {key for key in keys if not key.endswith("num_batches_tracked")}

    found = names(state)
    for name in (*ARCHITECTURES, *_CLASSIFIER_NETWORKS, "ssd300_vgg16"):
        no_weights = {"weights": None, "weights_backbone": None}
        if name in _CLASSIFIER_NETWORKS:
            del no_weights["weights_backbone"]
        with torch.device("meta"):
            own = names(get_model_builder(name)(**no_weights).state_dict())
        if len(found & own) > _SAME * len(found | own):
            use = "backbone_weights" if name in _CLASSIFIER_NETWORKS else f"architecture: {name}"
            return f"It looks like torchvision's {name}: is it for {use}?"
    return ""


def _versions(state: Mapping[str, Tensor]) -> dict[str, dict[str, int]]:
    """By layer, the version of its tensors' names, as `state_dict` notes it."""
    noted = getattr(state, "_metadata", None)
    if not isinstance(noted, dict):
        return {}
    return {
        layer: {"version": facts["version"]}
        for layer, facts in noted.items()
        if isinstance(facts, dict) and isinstance(facts.get("version"), int)
    }
