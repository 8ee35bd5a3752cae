"""Swin backbones (Liu et al. 2021) as TransVOD Lite trained them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from torchvision.models.swin_transformer import (
    ShiftedWindowAttention,
    SwinTransformer,
    SwinTransformerBlock,
)
from typing_extensions import override

from detectors.pretrained_weights import differences, read_weights, require_fit

_PATCH = 4
_FOREIGN = -100.0  # added to the logits between tokens that the shift has made neighbours


class Variant(NamedTuple):
    """Sizes of a Swin: width of stage 0, blocks and heads of each stage, largest drop-path."""

    embed: int
    depths: Sequence[int]
    heads: Sequence[int]
    drop_path: float


VARIANTS = {
    "swin_t": Variant(96, (2, 2, 6, 2), (3, 6, 12, 24), 0.2),
    "swin_s": Variant(96, (2, 2, 18, 2), (3, 6, 12, 24), 0.2),
    "swin_b": Variant(128, (2, 2, 18, 2), (4, 8, 16, 32), 0.3),
    "swin_l": Variant(192, (2, 2, 18, 2), (6, 12, 24, 48), 0.3),
}


class SwinBackbone(nn.Module):
    """Maps of stages 1, 2 and 3, taken before patch merging, each under a norm of its own.

    Weights have torchvision's names and give torchvision's numbers, but on maps of at most one
    window torchvision leaves the shift out, and the published TransVOD weights want it.

    Args:
        variant: sizes.
        window: side of an attention window, in tokens.
        gradient_checkpointing: keep no activations inside of blocks for the backward pass; slower,
            in a fraction of the memory.

    Attributes:
        channels: of the three maps.
        mean: of RGB in [0, 1], which the weights want subtracted.
        std: by which they want RGB divided.
    """

    mean = (0.485, 0.456, 0.406)
    std = (0.229, 0.224, 0.225)

    def __init__(
        self, variant: Variant, window: int = 7, gradient_checkpointing: bool = False
    ) -> None:
        super().__init__()
        if not len(variant.depths) == len(variant.heads) == 4:
            raise ValueError(f"a Swin has four stages; got depths and heads {variant[1:3]}")
        whole = SwinTransformer(
            [_PATCH, _PATCH],
            variant.embed,
            list(variant.depths),
            list(variant.heads),
            [window, window],
            stochastic_depth_prob=variant.drop_path,
            num_classes=1,
            norm_layer=partial(nn.LayerNorm, eps=1e-5),
            block=partial(SwinTransformerBlock, attn_layer=WindowAttention),
        )
        self.features = whole.features
        self.channels = tuple(variant.embed * factor for factor in (2, 4, 8))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in self.channels)
        self.gradient_checkpointing = gradient_checkpointing

    @override
    def forward(self, images: Tensor) -> list[Tensor]:
        """Normalised RGB float [N, 3, H, W] -> maps [N, C, h, w] of strides 8, 16 and 32.

        Sides need not be multiples of anything; odd maps are padded, so h = ceil(H / 8) and so on.
        """
        height, width = images.shape[-2:]
        x = self.features[0](F.pad(images, (0, -width % _PATCH, 0, -height % _PATCH)))
        maps = []
        for stage in range(4):
            for block in self.features[1 + 2 * stage]:
                x = self._run(block, x)
            if stage:
                maps.append(self.norms[stage - 1](x).permute(0, 3, 1, 2).contiguous())
            if stage < 3:
                x = self.features[2 + 2 * stage](x)
        return maps

    def _run(self, block: nn.Module, x: Tensor) -> Tensor:
        if self.gradient_checkpointing and self.training and torch.is_grad_enabled():
            return checkpoint(block, x, use_reentrant=False)
        return block(x)


class WindowAttention(ShiftedWindowAttention):
    """Torchvision's windowed attention in one fused kernel, shifted on every map."""

    @override
    def forward(self, x: Tensor) -> Tensor:
        """Float [N, H, W, C] -> [N, H, W, C]."""
        frames, height, width, channels = x.shape
        high, wide = self.window_size
        x = F.pad(x, (0, 0, 0, -width % wide, 0, -height % high))
        rows, columns = x.shape[1] // high, x.shape[2] // wide
        down, right = self.shift_size
        bias = self.get_relative_position_bias()
        if down or right:
            x = x.roll((-down, -right), (1, 2))
            # A window and its heads share an axis, so that frames can share one mask.
            bias = (bias + self._foreign(x)[:, None]).flatten(0, 1)[None]
        x = x.view(frames, rows, high, columns, wide, channels).transpose(2, 3)
        qkv = self.qkv(x.reshape(frames, rows * columns, high * wide, channels))
        qkv = qkv.unflatten(-1, (3, self.num_heads, -1)).permute(3, 0, 1, 4, 2, 5)
        qkv = qkv.flatten(2, 3) if down or right else qkv.flatten(1, 2)
        dropout = self.attention_dropout if self.training else 0.0
        # Under autocast the bias, a parameter, is wider than the queries.
        seen = F.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], bias.to(qkv.dtype), dropout)
        seen = seen.reshape(frames, rows * columns, self.num_heads, high * wide, -1)
        x = F.dropout(self.proj(seen.transpose(2, 3).flatten(3)), self.dropout, self.training)
        x = x.view(frames, rows, columns, high, wide, channels).transpose(2, 3)
        x = x.reshape(frames, rows * high, columns * wide, channels)
        if down or right:
            x = x.roll((down, right), (1, 2))
        return x[:, :height, :width].contiguous()

    def _foreign(self, x: Tensor) -> Tensor:
        """[windows, tokens, tokens] for a shifted map [N, H, W, C]: what lay apart stays apart."""
        high, wide = self.window_size
        height, width = x.shape[1:3]
        region = x.new_zeros(height, width)
        for axis, side in enumerate((high, wide)):
            shift = self.shift_size[axis]
            index = torch.arange(x.shape[1 + axis], device=x.device)
            part = (index >= len(index) - side).to(x.dtype) + (index >= len(index) - shift)
            region = region + (part[:, None] * 3 if axis == 0 else part)
        region = region.view(height // high, high, width // wide, wide).transpose(1, 2)
        region = region.reshape(-1, high * wide)
        return (region[:, None] != region[:, :, None]).to(x.dtype) * _FOREIGN


def load_imagenet_weights(backbone: SwinBackbone, source: str) -> None:
    """Start from a classifier of torchvision; the norms of the three maps stay new.

    Args:
        backbone: is changed.
        source: an enum name such as 'Swin_T_Weights.IMAGENET1K_V1', or a file of such weights.

    Raises:
        FileNotFoundError: if there is no such file, or the machine is offline.
        ValueError: if there is no such enum, or the weights are of another network.
    """
    state = read_weights(source, "Swin_T_Weights.IMAGENET1K_V1")
    prefix = "features."
    body = {key.removeprefix(prefix): t for key, t in state.items() if key.startswith(prefix)}
    wanted = {key: tuple(t.shape) for key, t in backbone.features.state_dict().items()}
    require_fit(differences(body, wanted), source, "this Swin")
    backbone.features.load_state_dict(body)
