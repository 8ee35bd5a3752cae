"""Any convolutional backbone of timm as the trunk of SSD300."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from timm.data import resolve_model_data_config
from torch import Tensor, nn

from detectors.ssd300.priors import FRAME, GRIDS
from detectors.timm_features import timm_features

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
        self.input_size, taps = _matching_taps(name, timm_features("trunk", name, arguments))
        arguments["out_indices"] = taps
        self.backbone = timm_features("trunk", name, arguments, weights)
        feature_info: Any = self.backbone.feature_info
        self.channels = tuple(feature_info.channels())
        config = resolve_model_data_config(self.backbone)
        self.mean = tuple(config["mean"])
        self.std = tuple(config["std"])

    def forward(self, images: Tensor) -> list[Tensor]:
        """Float [B, 3, input_size, input_size] -> one to three maps, 38x38 cells first."""
        return self.backbone(images)


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
