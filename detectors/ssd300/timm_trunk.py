"""Any convolutional backbone of timm as the trunk of SSD300."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from timm.data import resolve_model_data_config
from torch import Tensor, nn

from detectors.checkpoint import load_weights_only
from detectors.ssd300.priors import FRAME, GRIDS

_TRUNK_GRIDS = GRIDS[:3]  # 38, 19, 10 cells: strides 8, 16, 32
# Backbones whose stem rounds down give 37 cells from 300 px; 304 is the next multiple of 8.
_INPUT_SIZES = (FRAME, 304)


class TimmTrunk(nn.Module):
    """A timm `features_only` backbone that gives the 38x38 source and, as it can, 19x19 and 10x10.

    The priors' grids are fixed, so the input is taken as 300x300 or, where that gives 37 cells,
    304x304 (the whole frame either way). Maps that miss their grid are left to the extra layers.

    Args:
        name: a model name of `timm.list_models()`.
        weights: 'imagenet' for the weights that timm publishes, a file of them, or None for a
            random start.
        arguments: keyword arguments of the backbone's constructor, such as narrower `channels`.

    Attributes:
        channels: of the source maps it gives, for the 38x38 grid first.
        input_size: side of the input in pixels.
        mean: subtracted from RGB in [0, 1]; as the published weights want it.
        std: divides RGB in [0, 1].

    Raises:
        ValueError: if timm has no such model, it has no feature maps, or none has 38x38 cells.
        FileNotFoundError: if the weights are absent or cannot be had.
    """

    def __init__(
        self,
        name: str,
        weights: str | None = None,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        arguments = dict(arguments or {})
        # A stranger's checkpoint brings these arguments; loading it must not fetch anything.
        fetching = [name for name in arguments if name.startswith(("pretrained", "checkpoint"))]
        if fetching:
            raise ValueError(f"trunk_arguments: {fetching} not allowed; use trunk_weights")
        backbone = _create(name, arguments)
        if weights not in (None, "imagenet"):
            _require_fit(name, backbone, Path(str(weights)))
        self.input_size, taps = _matching_taps(name, backbone)
        self.backbone = _create(name, {**arguments, "out_indices": taps}, weights)
        feature_info: Any = self.backbone.feature_info
        self.channels = tuple(feature_info.channels())
        config = resolve_model_data_config(self.backbone)
        self.mean = tuple(config["mean"])
        self.std = tuple(config["std"])

    def forward(self, images: Tensor) -> list[Tensor]:
        """Float [B, 3, input_size, input_size] -> one to three maps, 38x38 cells first."""
        return self.backbone(images)


def _create(name: str, arguments: Mapping[str, Any], weights: str | None = None) -> nn.Module:
    if not timm.is_model(name):
        near = get_close_matches(name, ["vgg16", *timm.list_models()], n=5)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise ValueError(
            f"trunk: neither 'vgg16' nor a model of timm: {name!r}; {hint}See timm.list_models()"
        )
    options: dict[str, Any] = {"features_only": True, **arguments}
    if weights is not None:
        options["pretrained"] = True
        if weights != "imagenet":
            options["pretrained_cfg_overlay"] = {"file": weights}
    try:
        return timm.create_model(name, **options)
    except (OSError, ConnectionError) as error:
        raise FileNotFoundError(
            f"trunk_weights: could not fetch timm's weights of {name} ({error}). Offline? Fetch "
            "its model.safetensors from timm's page on the Hugging Face Hub on another machine "
            "and give that file as trunk_weights"
        ) from error
    except (RuntimeError, AttributeError, TypeError, LookupError) as error:
        raise ValueError(f"trunk: timm's {name} cannot be used with {options}: {error}") from error


def _require_fit(name: str, backbone: nn.Module, file: Path) -> None:
    """Timm loads a backbone without its head leniently: a file of another network loads nothing."""
    # Where stages are taken out of a container, timm joins their names with '_'.
    shapes = {key.replace(".", "_"): value.shape for key, value in _tensors_of(file).items()}
    wanted = {
        key: tensor.shape
        for key, tensor in backbone.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    odd = [key for key, shape in wanted.items() if shapes.get(key.replace(".", "_")) != shape]
    if odd:
        raise ValueError(
            f"trunk_weights: {file} is of another network than timm's {name}: {len(odd)} of "
            f"{len(wanted)} tensors are absent or of another shape, the first is {odd[0]!r}"
        )


def _tensors_of(file: Path) -> dict[str, Tensor]:
    if not file.is_file():
        raise FileNotFoundError(f"trunk_weights: no file {file}")
    if file.suffix != ".safetensors":
        content = load_weights_only(file)
    else:
        try:
            content = load_file(file)
        except SafetensorError as error:
            raise ValueError(f"trunk_weights: {file} is damaged or cut off: {error}") from error
    for wrapper in ("state_dict", "model"):  # as training scripts save them, and timm reads them
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict) or not all(isinstance(t, Tensor) for t in content.values()):
        raise ValueError(f"trunk_weights: {file} does not hold tensors by name")
    return content


@torch.no_grad()
def _matching_taps(name: str, backbone: nn.Module) -> tuple[int, tuple[int, ...]]:
    """The input size and the indices of the feature maps that have 38, 19, 10 cells a side."""
    seen = {}
    training = backbone.training
    backbone.eval()
    for size in _INPUT_SIZES:
        try:
            maps = backbone(torch.zeros(1, 3, size, size))
        except (AssertionError, RuntimeError) as error:  # a transformer with a fixed input size
            raise ValueError(
                f"trunk: timm's {name} does not take {size}x{size} pixels: {error}"
            ) from error
        shapes = [tuple(features.shape[-2:]) for features in maps]
        seen[size] = [shape[0] for shape in shapes]
        taps: list[int] = []
        for grid in _TRUNK_GRIDS:
            if (grid, grid) not in shapes:
                break
            taps.append(shapes.index((grid, grid)))
        if taps:
            backbone.train(training)
            return size, tuple(taps)
    raise ValueError(
        f"trunk: timm's {name} has no map of 38x38 cells; cells a side by input size: {seen}. "
        "SSD300 needs a convolutional backbone with a feature map at stride 8"
    )
