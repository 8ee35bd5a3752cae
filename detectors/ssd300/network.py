"""SSD300 as a plain network: frames in, box codes and class logits of 8732 priors out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from detectors.ssd300.initialisation import xavier
from detectors.ssd300.priors import BOXES_PER_CELL, GRIDS, build_priors
from detectors.ssd300.timm_trunk import TimmTrunk
from detectors.ssd300.vgg import VGG16Trunk

# Stride and padding of the 3x3 convolution that leads to a grid: 38 -> 19 -> 10 -> 5 -> 3 -> 1.
_STEP_TO = {19: (2, 1), 10: (2, 1), 5: (2, 1), 3: (1, 0), 1: (1, 0)}
# Widths (1x1 convolution, 3x3 convolution) of the extra layers behind VGG16, by grid.
_VGG_EXTRAS = {10: (256, 512), 5: (128, 256), 3: (128, 256), 1: (128, 256)}
_LIGHT_EXTRAS = (64, 128)


class SSD300Network(nn.Module):
    """Trunk, extra layers and heads.

    Args:
        class_count: C, without background.
        trunk: the backbone; gives the first source maps, the extra layers make the others.
        priors: which prior shapes, see `prior_shapes`.
        prior_centres: 'steps' or 'grid', see `build_priors`.

    Attributes:
        priors: float32 [8732, 4], xyxy pixels of the 300x300 frame; not part of the weights.
    """

    priors: Tensor
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        class_count: int,
        trunk: VGG16Trunk | TimmTrunk,
        priors: str | Mapping[str, Any] = "coco",
        prior_centres: str = "steps",
    ) -> None:
        super().__init__()
        self.class_count = class_count
        self.trunk = trunk
        self.input_size = trunk.input_size
        self.extras, channels = _extra_layers(trunk)
        sources = list(zip(channels, BOXES_PER_CELL, strict=True))
        self.loc = nn.ModuleList(nn.Conv2d(c, n * 4, 3, padding=1) for c, n in sources)
        self.conf = nn.ModuleList(
            nn.Conv2d(c, n * (class_count + 1), 3, padding=1) for c, n in sources
        )
        for part in (self.extras, self.loc, self.conf):
            xavier(part)
        self.register_buffer("priors", build_priors(priors, prior_centres), persistent=False)
        self.register_buffer("mean", torch.tensor(trunk.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(trunk.std).view(3, 1, 1), persistent=False)

    def prepare(self, frames: Sequence[Tensor]) -> Tensor:
        """Normalise frames and warp them to the input size, without keeping their aspect.

        Resizing follows normalising and does not smooth before shrinking, as in torchvision.

        Args:
            frames: B tensors uint8 [3, H, W] RGB; sizes may differ.

        Returns:
            Float [B, 3, S, S], S = `input_size`.
        """
        by_size: dict[torch.Size, list[int]] = {}
        for index, frame in enumerate(frames):
            by_size.setdefault(frame.shape, []).append(index)
        groups, order = [], []
        for indices in by_size.values():
            groups.append(self.warp(torch.stack([frames[i] for i in indices])))
            order += indices
        if len(groups) == 1:
            return groups[0]
        return torch.cat(groups)[torch.tensor(order, device=self.mean.device).argsort()]

    def warp(self, frames: Tensor) -> Tensor:
        """What `prepare` does, for frames of one size: uint8 [B, 3, H, W] -> [B, 3, S, S]."""
        images = (frames.to(self.mean.dtype) / 255 - self.mean) / self.std
        size = (self.input_size, self.input_size)
        if images.shape[-2:] == size:
            return images
        return F.interpolate(images, size=size, mode="bilinear", align_corners=False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Box codes and class logits of all priors.

        Args:
            images: float [B, 3, S, S], as `prepare` makes them.

        Returns:
            codes float [B, 8732, 4] and logits float [B, 8732, C + 1], class 0 is background, in
            the order of `priors`.
        """
        sources = self.trunk(images)
        for extra in self.extras:
            sources.append(extra(sources[-1]))
        codes = _flatten_heads(self.loc, sources, 4)
        logits = _flatten_heads(self.conf, sources, self.class_count + 1)
        return codes, logits


def _flatten_heads(heads: nn.ModuleList, sources: list[Tensor], width: int) -> Tensor:
    """[B, P, width]: level, row, column, shape. Channels are shape-major, so no more is needed."""
    maps = (head(source) for head, source in zip(heads, sources, strict=True))
    return torch.cat([m.permute(0, 2, 3, 1).reshape(m.shape[0], -1, width) for m in maps], 1)


def _extra_layers(trunk: VGG16Trunk | TimmTrunk) -> tuple[nn.ModuleList, list[int]]:
    """The blocks that make the sources which the trunk does not, and the channels of all six."""
    channels = list(trunk.channels)
    blocks = nn.ModuleList()
    for grid in GRIDS[len(channels) :]:
        if isinstance(trunk, VGG16Trunk):
            blocks.append(_plain_block(channels[-1], _VGG_EXTRAS[grid], _STEP_TO[grid]))
        else:
            blocks.append(_normalised_block(channels[-1], _LIGHT_EXTRAS, _STEP_TO[grid]))
        channels.append(_VGG_EXTRAS[grid][1] if isinstance(trunk, VGG16Trunk) else _LIGHT_EXTRAS[1])
    return blocks, channels


def _plain_block(given: int, widths: tuple[int, int], step: tuple[int, int]) -> nn.Sequential:
    """1x1 and 3x3 convolution of the paper, each with ReLU."""
    stride, padding = step
    return nn.Sequential(
        nn.Conv2d(given, widths[0], 1),
        nn.ReLU(inplace=True),
        nn.Conv2d(widths[0], widths[1], 3, stride, padding),
        nn.ReLU(inplace=True),
    )


def _normalised_block(given: int, widths: tuple[int, int], step: tuple[int, int]) -> nn.Sequential:
    """The same with group normalisation: a batch of one leaves 1x1 maps no batch statistics."""
    stride, padding = step
    return nn.Sequential(
        nn.Conv2d(given, widths[0], 1, bias=False),
        nn.GroupNorm(8, widths[0]),
        nn.ReLU(inplace=True),
        nn.Conv2d(widths[0], widths[1], 3, stride, padding, bias=False),
        nn.GroupNorm(8, widths[1]),
        nn.ReLU(inplace=True),
    )
