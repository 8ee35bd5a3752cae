"""Backbones of timm as extractors of feature maps, with weights by name or from a file."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import timm
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from detectors.checkpoint import load_weights_only
from detectors.weights_server import hub_offline_if_silent

_NAMED_MISMATCHES = 3


def timm_features(
    setting: str,
    name: str,
    arguments: Mapping[str, Any],
    weights: str | None = None,
) -> nn.Module:
    """A timm model with `features_only=True`; its `feature_info` tells channels and strides.

    Args:
        setting: what the user calls the model, such as 'trunk'. Messages say it, and
            '<setting>_weights' and '<setting>_arguments' for the two others.
        name: a model name of `timm.list_models()`.
        arguments: keyword arguments of the model's constructor; `out_indices` picks feature maps.
        weights: 'imagenet' for the weights that timm publishes, a file of them, or None for a
            random start.

    Raises:
        ValueError: if timm has no such model or cannot make it with `arguments`, or the file is
            damaged or of another network.
        FileNotFoundError: if the file is absent, or the published weights cannot be had.
    """
    # A stranger's checkpoint brings these arguments; loading it must not fetch anything.
    fetching = [key for key in arguments if key.startswith(("pretrained", "checkpoint"))]
    if fetching:
        raise ValueError(f"{setting}_arguments: {fetching} not allowed; use {setting}_weights")
    if not timm.is_model(name):
        near = get_close_matches(name, timm.list_models(), n=5)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise ValueError(f"{setting}: no model of timm: {name!r}; {hint}See timm.list_models()")
    options = {**arguments, "features_only": True}
    if weights is None:
        return _create(setting, name, options)
    options["pretrained"] = True
    if weights == "imagenet":
        with hub_offline_if_silent():
            return _create(setting, name, options)
    _require_fit(setting, name, timm_features(setting, name, arguments), Path(weights))
    return _create(setting, name, options | {"pretrained_cfg_overlay": {"file": weights}})


def _create(setting: str, name: str, options: Mapping[str, Any]) -> nn.Module:
    try:
        return timm.create_model(name, **options)
    except (OSError, ConnectionError) as error:
        published = timm.get_pretrained_cfg(name)
        page = published.hf_hub_id if published and published.hf_hub_id else f"timm/{name}"
        raise FileNotFoundError(
            f"{setting}_weights: could not fetch timm's weights of {name} ({error}). Offline? "
            f"Fetch model.safetensors of {page} from the Hugging Face Hub on another machine and "
            f"give the path of that file as {setting}_weights"
        ) from error
    except (RuntimeError, AttributeError, TypeError, LookupError, AssertionError) as error:
        raise ValueError(
            f"{setting}: timm's {name} cannot be used with {options}: {error}"
        ) from error


def _require_fit(setting: str, name: str, backbone: nn.Module, file: Path) -> None:
    """Timm loads a backbone without its head leniently: a file of another network loads nothing."""
    # Where stages are taken out of a container, timm joins their names with '_'.
    shapes = {
        key.replace(".", "_"): tuple(value.shape)
        for key, value in _tensors_of(setting, file).items()
    }
    wanted = {
        key: tuple(tensor.shape)
        for key, tensor in backbone.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    got = {key: shapes.get(key.replace(".", "_"), "nothing") for key in wanted}
    odd = [
        f"{key!r}: expected {shape}, got {got[key]}"
        for key, shape in wanted.items()
        if got[key] != shape
    ]
    if odd:
        raise ValueError(
            f"{setting}_weights: {file} is of another network than timm's {name}: {len(odd)} of "
            f"{len(wanted)} tensors are absent or of another shape, the first at "
            + "; ".join(odd[:_NAMED_MISMATCHES])
        )


def _tensors_of(setting: str, file: Path) -> dict[str, Tensor]:
    if not file.is_file():
        raise FileNotFoundError(f"{setting}_weights: no file {file}")
    if file.suffix != ".safetensors":
        content = load_weights_only(file)
    else:
        try:
            content = load_file(file)
        except SafetensorError as error:
            raise ValueError(f"{setting}_weights: {file} is damaged or cut off: {error}") from error
    for wrapper in ("state_dict", "model"):  # as training scripts save them, and timm reads them
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict) or not all(isinstance(t, Tensor) for t in content.values()):
        raise ValueError(f"{setting}_weights: {file} does not hold tensors by name")
    return content
