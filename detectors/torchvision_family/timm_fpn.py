"""Any multi-scale backbone of timm under torchvision's Feature Pyramid Network."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import torch
from timm.data import resolve_model_data_config
from timm.layers import Format
from torch import Tensor, nn
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool, LastLevelP6P7
from typing_extensions import override

from detectors.timm_features import timm_features

_STRIDES = (4, 8, 16, 32)  # C2..C5 of the FPN paper
# Multiples of 32, as torchvision pads pictures to, but longer than what models were trained on.
_PROBE = (64, 416)


class TimmFPN(nn.Module):
    """Feature maps of a backbone, merged top-down into a pyramid of one width.

    'Feature Pyramid Networks for Object Detection' (Lin et al., 2017), section 3. Two-stage
    detectors subsample the coarsest map once more for the largest anchors (section 4.1); RetinaNet
    (Lin et al., 2017, section 4) and FCOS drop the finest map and convolve two coarser ones, P6 and
    P7. Both as torchvision's own `resnet50_fpn` have it.

    Frozen stages run in eval mode even while the rest trains: neither their BatchNorm statistics
    nor their stochastic depth move.

    Args:
        body: a timm `features_only` backbone whose maps are those of `strides`.
        strides: of the body's maps in pixels, finest first.
        frozen_stages: number of maps, finest first, of which everything that computes them is
            frozen; 1 freezes the stem and the first stage.
        width: channels of every map of the pyramid.
        dense: P6 and P7 for a one-stage detector, whose body's finest map is that of stride 8.

    Attributes:
        out_channels: of every map of the pyramid.
        levels: names of the maps that `forward` gives, finest first; the last is 'pool', or 'p7'.
        strides: of these maps in pixels.
        mean: of RGB in [0, 1], which the published weights want subtracted.
        std: by which they want RGB divided.

    Raises:
        ValueError: if there are fewer stages than `frozen_stages`, or the body does not give maps
            of these strides for pictures of any multiple of 32 pixels.
    """

    def __init__(
        self,
        body: nn.Module,
        strides: tuple[int, ...],
        frozen_stages: int = 0,
        width: int = 256,
        dense: bool = False,
    ) -> None:
        super().__init__()
        if not 0 <= frozen_stages <= len(strides):
            raise ValueError(
                f"frozen_stages: expected 0 to {len(strides)}, the number of feature maps of this "
                f"backbone, got {frozen_stages}"
            )
        info: Any = body.feature_info
        config = resolve_model_data_config(body)
        self.out_channels = width
        extra = ("p6", "p7") if dense else ("pool",)
        self.levels = (*(str(i) for i in range(len(strides))), *extra)
        self.strides = (*strides, *(strides[-1] * 2 ** (i + 1) for i in range(len(extra))))
        self.mean = tuple(config["mean"])
        self.std = tuple(config["std"])
        self.body = body
        coarser = LastLevelP6P7(width, width) if dense else LastLevelMaxPool()
        self.fpn = FeaturePyramidNetwork(info.channels(), width, coarser)
        self._channels_last = getattr(body, "output_fmt", None) == Format.NHWC
        self._frozen = self._freeze(self._probed(info.channels(), strides)[:frozen_stages])

    @override
    def forward(self, images: Tensor) -> OrderedDict[str, Tensor]:
        """Float [B, 3, H, W] -> a map float [B, width, H / stride, W / stride] a level."""
        return self.fpn(OrderedDict(zip(self.levels, self._maps(images), strict=False)))

    @override
    def train(self, mode: bool = True) -> TimmFPN:
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self

    def _maps(self, images: Tensor) -> list[Tensor]:
        maps = self.body(images)
        return [m.permute(0, 3, 1, 2).contiguous() for m in maps] if self._channels_last else maps

    def _probed(self, channels: list[int], strides: tuple[int, ...]) -> list[Tensor]:
        """The body's maps of a small blank picture, with the graph that leads to them."""
        height, width = _PROBE
        training = self.body.training
        self.body.eval()
        with torch.enable_grad():
            try:
                maps = self._maps(torch.zeros(1, 3, height, width))
            except (AssertionError, RuntimeError, IndexError) as error:  # made for one input size
                raise ValueError(
                    f"backbone: it does not take {height}x{width} pixels, and a detector's "
                    f"pictures are of any multiple of 32: {error}"
                ) from error
        self.body.train(training)
        got = [tuple(m.shape[1:]) for m in maps]
        expected = [(c, height // s, width // s) for c, s in zip(channels, strides, strict=True)]
        if got != expected:
            raise ValueError(
                f"backbone: its maps of {height}x{width} pixels have shapes {got}, but its "
                f"feature_info says {expected}; choose another model"
            )
        return maps

    def _freeze(self, maps: list[Tensor]) -> list[nn.Module]:
        """Freeze all that these maps depend on; returns the modules that are frozen as a whole."""
        if not maps:
            return []
        # Read from the graph, for the names and the nesting of stages differ between backbones.
        parameters = list(self.body.parameters())
        total = torch.stack([m.sum() for m in maps]).sum()
        gradients = torch.autograd.grad(total, parameters, allow_unused=True)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if gradient is not None:
                parameter.requires_grad_(False)
        return [
            module
            for module in self.body.modules()
            if (own := list(module.parameters())) and not any(p.requires_grad for p in own)
        ]


def timm_fpn_backbone(
    name: str,
    weights: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    frozen_stages: int = 0,
    width: int = 256,
    dense: bool = False,
) -> TimmFPN:
    """A pyramid over the maps at strides 4, 8, 16 and 32, or as many of them as the model has.

    For a one-stage detector (`dense`) those from stride 8 on.

    Maps are picked by stride and not by index, which counts a stem in some models only.

    Args:
        name: a model name of `timm.list_models()`.
        weights: 'imagenet' for the weights that timm publishes, a file of them, or None for a
            random start.
        arguments: keyword arguments of the model's constructor.
        frozen_stages: see `TimmFPN`.
        width: see `TimmFPN`.
        dense: see `TimmFPN`.

    Raises:
        ValueError: if timm has no such model, it has fewer than two of these strides, takes no
            pictures of any size, or its arguments or weights do not fit.
        FileNotFoundError: if the weights are absent or cannot be had.
    """
    arguments = dict(arguments or {})
    plain = timm_features("backbone", name, arguments)
    info: Any = plain.feature_info
    # The deepest map of each stride, as the paper takes them.
    index = {stage["reduction"]: i for i, stage in enumerate(info.info)}
    wanted = _STRIDES[1:] if dense else _STRIDES
    strides = tuple(stride for stride in wanted if stride in index)
    if len(strides) < 2:
        raise ValueError(
            f"backbone: timm's {name} has feature maps of stride {sorted(index)} only; a pyramid "
            f"needs at least two of {wanted}"
        )
    if any(getattr(module, "strict_img_size", False) for module in plain.modules()):
        arguments.setdefault("strict_img_size", False)  # Swin's way to take any picture size
    arguments["out_indices"] = tuple(index[stride] for stride in strides)
    body = timm_features("backbone", name, arguments, weights)
    return TimmFPN(body, strides, frozen_stages, width, dense)
