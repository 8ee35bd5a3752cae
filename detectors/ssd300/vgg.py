"""The VGG16 trunk of SSD300 (Liu et al. 2016, section 3; Simonyan and Zisserman 2015, model D)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from detectors.ssd300.initialisation import xavier

# Convolution widths; 'pool' halves the map, 'ceil' does so rounding up: 75 -> 38 cells, not 37.
_PLAN = (64, 64, "pool", 128, 128, "pool", 256, 256, 256, "ceil", 512, 512, 512)
_STAGE_STARTS = (0, 5, 10, 17, 23)  # layer indices at which conv1..conv5 (with the pool) begin
_TAP = 23  # source 0 is read before this layer, after the ReLU of conv4_3


class L2Norm(nn.Module):
    """Scale each pixel's channel vector to a learnt length (ParseNet, Liu et al. 2015).

    The features of conv4_3 are larger than those of the other sources.

    Args:
        channels: number of channels, each with a scale of its own.
        initial: first value of the scales.
    """

    def __init__(self, channels: int, initial: float = 20.0) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((channels,), initial))

    def forward(self, features: Tensor) -> Tensor:
        """Float [B, channels, H, W] -> the same shape."""
        return self.scale.view(1, -1, 1, 1) * F.normalize(features, eps=1e-12)


class VGG16Trunk(nn.Module):
    """VGG16 up to conv5_3 with a ceiling pool3, then dilated conv6 and conv7.

    `layers` keeps torchvision's numbers for conv1_1..conv4_3.

    Args:
        trainable_layers: how many of the five convolution stages learn, counted from the last;
            conv6 and conv7 always do.

    Attributes:
        channels: of the source maps it gives (38x38 and 19x19 cells).
        input_size: side of the input in pixels.
        mean: subtracted from RGB in [0, 1]; the weights that SSD starts from were made by Caffe.
        std: divides RGB in [0, 1].

    Raises:
        ValueError: if `trainable_layers` is not in 0..5.
    """

    channels = (512, 1024)
    input_size = 300
    mean = (0.48235, 0.45882, 0.40784)
    std = (1 / 255, 1 / 255, 1 / 255)

    def __init__(self, trainable_layers: int = 5) -> None:
        super().__init__()
        self.layers = nn.Sequential(*_feature_layers(), *_dense_layers())
        self.l2norm = L2Norm(512)
        for layer in self.layers[: _TAP + 8]:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        xavier(self.layers[_TAP + 8 :])
        if not 0 <= trainable_layers <= len(_STAGE_STARTS):
            raise ValueError(f"trainable_backbone_layers must be 0..5, got {trainable_layers}")
        ends = (*_STAGE_STARTS, _TAP + 7)
        self.layers[: ends[len(_STAGE_STARTS) - trainable_layers]].requires_grad_(False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Float [B, 3, 300, 300] -> sources [B, 512, 38, 38] and [B, 1024, 19, 19]."""
        tapped = self.layers[:_TAP](images)
        return [self.l2norm(tapped), self.layers[_TAP:](tapped)]


def _feature_layers() -> list[nn.Module]:
    layers: list[nn.Module] = []
    channels = 3
    for item in _PLAN:
        if isinstance(item, int):
            layers += [nn.Conv2d(channels, item, 3, padding=1), nn.ReLU(inplace=True)]
            channels = item
        else:
            layers.append(nn.MaxPool2d(2, 2, ceil_mode=item == "ceil"))
    return layers


def _dense_layers() -> list[nn.Module]:
    """pool4, conv5, pool5 without stride, conv6 and conv7 (layers 23 to 34)."""
    layers: list[nn.Module] = [nn.MaxPool2d(2, 2)]
    for _ in range(3):
        layers += [nn.Conv2d(512, 512, 3, padding=1), nn.ReLU(inplace=True)]
    return [
        *layers,
        nn.MaxPool2d(3, 1, padding=1),
        nn.Conv2d(512, 1024, 3, padding=6, dilation=6),
        nn.ReLU(inplace=True),
        nn.Conv2d(1024, 1024, 1),
        nn.ReLU(inplace=True),
    ]
