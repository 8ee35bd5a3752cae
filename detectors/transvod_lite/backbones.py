"""The backbones that TransVOD Lite can stand on, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from timm.data import resolve_model_data_config
from timm.layers import Format
from torch import Tensor, nn
from typing_extensions import override

from detectors.timm_features import timm_features
from detectors.transvod_lite.swin import (
    VARIANTS,
    SwinBackbone,
    Variant,
    load_imagenet_weights,
)

_STRIDES = (8, 16, 32)
_PROBE = 96  # pixels; a multiple of the largest stride


class TimmBackbone(nn.Module):
    """The maps of strides 8, 16 and 32 of a timm model.

    Args:
        name: a model name of `timm.list_models()`.
        weights: 'imagenet', a file, or None for a random start.
        arguments: keyword arguments of the model's constructor.

    Attributes:
        channels: of the three maps.
        mean: of RGB in [0, 1], which the weights want subtracted.
        std: by which they want RGB divided.

    Raises:
        ValueError: if timm has no such model, it lacks one of these strides, its arguments or
            weights do not fit, or it takes pictures of one size only.
        FileNotFoundError: if the weights are absent or cannot be had.
    """

    def __init__(
        self, name: str, weights: str | None = None, arguments: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__()
        arguments = dict(arguments or {})
        plain = timm_features("backbone", name, arguments)
        info: Any = plain.feature_info
        index = {stage["reduction"]: i for i, stage in enumerate(info.info)}
        lacking = [stride for stride in _STRIDES if stride not in index]
        if lacking:
            raise ValueError(
                f"backbone: timm's {name} has maps of stride {sorted(index)}, but TransVOD Lite "
                f"needs {list(_STRIDES)}; choose another model"
            )
        if any(getattr(module, "strict_img_size", False) for module in plain.modules()):
            arguments.setdefault("strict_img_size", False)  # Swin's way to take any picture size
        arguments["out_indices"] = tuple(index[stride] for stride in _STRIDES)
        self.body = timm_features("backbone", name, arguments, weights)
        features: Any = self.body.feature_info
        config = resolve_model_data_config(self.body)
        self.channels = tuple(features.channels())
        self.mean, self.std = tuple(config["mean"]), tuple(config["std"])
        self._channels_last = getattr(self.body, "output_fmt", None) == Format.NHWC
        self._require_any_size(name)

    @override
    def forward(self, images: Tensor) -> list[Tensor]:
        """Normalised RGB float [N, 3, H, W] -> maps [N, C, h, w] of strides 8, 16 and 32."""
        # Sides of 32: models of odd maps differ in how they round.
        height, width = images.shape[-2:]
        images = nn.functional.pad(images, (0, -width % _STRIDES[-1], 0, -height % _STRIDES[-1]))
        maps = self.body(images)
        if self._channels_last:
            maps = [m.permute(0, 3, 1, 2) for m in maps]
        return [
            m[:, :, : -(-height // stride), : -(-width // stride)].contiguous()
            for m, stride in zip(maps, _STRIDES, strict=True)
        ]

    @torch.no_grad()
    def _require_any_size(self, name: str) -> None:
        training = self.body.training
        self.body.eval()
        try:
            self.body(torch.zeros(1, 3, _PROBE, 2 * _PROBE))
        except (AssertionError, RuntimeError, IndexError) as error:
            raise ValueError(
                f"backbone: timm's {name} does not take {_PROBE}x{2 * _PROBE} pixels, and frames "
                f"are of any size: {error}"
            ) from error
        self.body.train(training)


def build_backbone(
    name: str,
    weights: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    gradient_checkpointing: bool = False,
) -> SwinBackbone | TimmBackbone:
    """A backbone by name.

    Args:
        name: 'swin_t', 'swin_s', 'swin_b' or 'swin_l' for those of the published weights, 'swin'
            for one whose sizes `arguments` give, or any name of `timm.list_models()`.
        weights: for a Swin an enum name of torchvision or a file; for timm 'imagenet' or a file;
            None for a random start.
        arguments: for a Swin fields of `Variant` and `window`; for timm the model's own.
        gradient_checkpointing: see `SwinBackbone`; of timm's models, those that can.

    Raises:
        ValueError: if anything of it is not understood or does not fit.
        FileNotFoundError: if weights cannot be had.
    """
    if name != "swin" and name not in VARIANTS:
        backbone = TimmBackbone(name, weights, arguments)
        if gradient_checkpointing:
            _checkpoint_timm(backbone, name)
        return backbone
    sizes = dict(VARIANTS[name]._asdict()) if name in VARIANTS else {}
    sizes |= dict(arguments or {})
    window = sizes.pop("window", 7)
    if set(sizes) != set(Variant._fields):
        raise ValueError(
            f"backbone_arguments of {name!r}: expected {list(Variant._fields)} and perhaps "
            f"'window', got {sorted(sizes)}"
        )
    swin = SwinBackbone(Variant(**sizes), window, gradient_checkpointing)
    if weights is not None:
        load_imagenet_weights(swin, weights)
    return swin


def _checkpoint_timm(backbone: TimmBackbone, name: str) -> None:
    try:
        backbone.body.set_grad_checkpointing(True)  # type: ignore[operator]
    except (AttributeError, AssertionError) as error:
        raise ValueError(
            f"gradient_checkpointing: timm's {name} cannot do it; switch it off"
        ) from error
