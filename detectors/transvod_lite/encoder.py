"""The deformable encoder of a single frame (Deformable DETR, Zhu et al. 2021, section 4.1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from typing_extensions import override

from detectors.transvod_lite.deformable_attention import DeformableAttention, Shapes
from detectors.transvod_lite.layer_sizes import LayerSizes


class FeedForward(nn.Module):
    """Two linear layers with ReLU, added to their input and normalised.

    Args:
        sizes: of the network's layers.
    """

    def __init__(self, sizes: LayerSizes) -> None:
        super().__init__()
        self.linear1 = nn.Linear(sizes.d_model, sizes.feedforward)
        self.linear2 = nn.Linear(sizes.feedforward, sizes.d_model)
        self.norm = nn.LayerNorm(sizes.d_model)
        self.dropout = nn.Dropout(sizes.dropout)

    @override
    def forward(self, x: Tensor) -> Tensor:
        """Float [..., d_model] -> [..., d_model]."""
        hidden = self.dropout(self.linear1(x).relu())
        return self.norm(x + self.dropout(self.linear2(hidden)))


class EncoderLayer(nn.Module):
    """Deformable attention of a map to itself, then a feed-forward block.

    Args:
        sizes: of the network's layers.
    """

    def __init__(self, sizes: LayerSizes) -> None:
        super().__init__()
        self.attention = DeformableAttention(sizes.d_model, sizes.heads, sizes.levels, sizes.points)
        self.norm = nn.LayerNorm(sizes.d_model)
        self.dropout = nn.Dropout(sizes.dropout)
        self.feed_forward = FeedForward(sizes)

    @override
    def forward(
        self, x: Tensor, position: Tensor, references: Tensor, shapes: Shapes, padding: Tensor
    ) -> Tensor:
        """Arguments as in `Encoder.forward`; returns float [N, S, d_model]."""
        value = self.attention.project(x, padding)
        seen = self.attention(x + position, references, value, shapes)
        return self.feed_forward(self.norm(x + self.dropout(seen)))


class Encoder(nn.Module):
    """A stack of encoder layers.

    Args:
        sizes: of the network's layers.
        layers: how many.
        gradient_checkpointing: keep no activations inside of layers for the backward pass.
    """

    def __init__(
        self, sizes: LayerSizes, layers: int, gradient_checkpointing: bool = False
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(EncoderLayer(sizes) for _ in range(layers))
        self.gradient_checkpointing = gradient_checkpointing

    @override
    def forward(
        self, x: Tensor, position: Tensor, references: Tensor, shapes: Shapes, padding: Tensor
    ) -> Tensor:
        """Let tokens of all levels look around themselves on every level.

        Args:
            x: float [N, S, d_model], tokens of all levels in one row.
            position: float [N, S, d_model], added to what asks but not to what is looked at.
            references: float [N, S, L, 2], see `token_centres`.
            shapes: (h, w) of each level.
            padding: bool [N, S], True on padding.

        Returns:
            The memory, float [N, S, d_model].
        """
        for layer in self.layers:
            if self.gradient_checkpointing and self.training and torch.is_grad_enabled():
                x = checkpoint(layer, x, position, references, shapes, padding, use_reentrant=False)
            else:
                x = layer(x, position, references, shapes, padding)
        return x
