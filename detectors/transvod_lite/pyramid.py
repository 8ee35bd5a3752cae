"""From the maps of a backbone to the levels that the encoder reads."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.ops import FeaturePyramidNetwork
from typing_extensions import override

_GROUPS = 32
LEVELS = {"sum": 1, "multi": 3}  # name -> number of levels


class Pyramid(nn.Module):
    """FPN ('Feature Pyramid Networks', Lin et al. 2017), then one map or three, then projections.

    Args:
        channels: of the maps of strides 8, 16 and 32.
        d_model: channels of each level.
        levels: 'sum' adds the coarser maps, enlarged, to the finest one (TransVOD Lite); 'multi'
            keeps all three.

    Raises:
        ValueError: if `levels` is neither.
    """

    def __init__(self, channels: Sequence[int], d_model: int, levels: str = "sum") -> None:
        super().__init__()
        if levels not in LEVELS:
            raise ValueError(f"levels: expected 'sum' or 'multi', got {levels!r}")
        self.levels = levels
        self.fpn = FeaturePyramidNetwork(list(channels), d_model)
        self.projections = nn.ModuleList(_projection(d_model) for _ in range(LEVELS[levels]))

    @override
    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Maps float [N, C_i, h_i, w_i], finest first -> levels float [N, d_model, h, w]."""
        merged = self.merge(maps)
        return [project(m) for project, m in zip(self.projections, merged, strict=True)]

    def merge(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """The same before its projections."""
        named = OrderedDict((str(i), m) for i, m in enumerate(maps))
        merged = list(self.fpn(named).values())
        if self.levels == "multi":
            return merged
        size = merged[0].shape[-2:]
        enlarged = [
            F.interpolate(m, size=size, mode="bilinear", align_corners=False) for m in merged[1:]
        ]
        return [torch.stack([merged[0], *enlarged]).sum(0)]


def _projection(width: int) -> nn.Sequential:
    convolution = nn.Conv2d(width, width, 1)
    nn.init.xavier_uniform_(convolution.weight)
    nn.init.zeros_(cast(Tensor, convolution.bias))
    return nn.Sequential(convolution, nn.GroupNorm(_GROUPS, width))
