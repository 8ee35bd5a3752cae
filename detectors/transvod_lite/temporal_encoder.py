"""TDTE: each frame's memory looks at the memories of all frames of its clip.

The temporal deformable transformer encoder of TransVOD (He et al., 'End-to-End Video Object
Detection with Spatial-Temporal Transformers', ACM MM 2021, section 3.3), where frames take the
place of levels. The code of TransVOD Lite leaves it out. There, a layer is built for one number of
frames; here the points of a frame depend on the query and on the time between the two frames, as a
sum, so that one layer serves any number.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from typing_extensions import override

from detectors.transvod_lite.deformable_attention import (
    DeformableAttention,
    Shapes,
    deformable_attention,
    full_precision,
    sampling_locations,
)
from detectors.transvod_lite.layer_sizes import LayerSizes
from detectors.transvod_lite.matching import at_least_float32
from detectors.transvod_lite.positions import TimeEmbedding


class FramesAttention(DeformableAttention):
    """Deformable attention to every frame of a clip, whatever their number.

    Args:
        sizes: of the network's layers.
    """

    def __init__(self, sizes: LayerSizes) -> None:
        super().__init__(sizes.d_model, sizes.heads, sizes.levels, sizes.points)
        count = sizes.heads * sizes.levels * sizes.points
        self.pair_code = TimeEmbedding(sizes.d_model, 3 * count)

    def look(
        self,
        query: Tensor,
        references: Tensor,
        value: Tensor,
        shapes: Shapes,
        offsets: Tensor,
        absent: Tensor | None,
    ) -> Tensor:
        """What the tokens of one frame of each clip see.

        Args:
            query: float [B, S, d_model], tokens of the frame that asks.
            references: float [B, S, L, 2], their centres.
            value: float [B, T * S, H, D], of all frames.
            shapes: (h, w) of each of the L levels of one frame.
            offsets: float [B, T], times of all frames relative to the one that asks.
            absent: bool [B, T], True for frames that nobody may look at, or None.

        Returns:
            float [B, S, d_model].
        """
        clips, frames = offsets.shape
        own = (self.heads, 1, self.levels, self.points)
        with full_precision(query.device):
            exact = query.to(self.sampling_offsets.weight.dtype)
            pair = at_least_float32(self.pair_code(offsets)).view(clips, frames, *own[::2], -1, 3)
            pair = pair.transpose(1, 2)[:, None]  # [B, 1, H, T, L, P, 3]
            moves = at_least_float32(self.sampling_offsets(exact)).unflatten(-1, (*own, 2))
            logits = at_least_float32(self.attention_weights(exact)).unflatten(-1, own)
            moves, logits = moves + pair[..., :2], logits + pair[..., 2]
            if absent is not None:
                logits = logits.masked_fill(absent[:, None, None, :, None, None], -math.inf)
            weights = logits.flatten(3).softmax(-1).view_as(logits).flatten(3, 4)
            everywhere = references.repeat(1, 1, frames, 1)
            all_shapes = list(shapes) * frames
            locations = sampling_locations(everywhere, moves.flatten(3, 4), all_shapes)
        return self.output_proj(deformable_attention(value, all_shapes, locations, weights))


class TemporalEncoderLayer(nn.Module):
    """Attention to all frames and a feed-forward block; the identity before training.

    Args:
        sizes: of the network's layers.
    """

    def __init__(self, sizes: LayerSizes) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(sizes.d_model)
        self.attention = FramesAttention(sizes)
        self.feed_forward_norm = nn.LayerNorm(sizes.d_model)
        self.linear1 = nn.Linear(sizes.d_model, sizes.feedforward)
        self.linear2 = nn.Linear(sizes.feedforward, sizes.d_model)
        self.dropout = nn.Dropout(sizes.dropout)
        # The trained decoders behind it must at first see the memory that they were trained on.
        for last in (self.attention.output_proj, self.linear2):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    @override
    def forward(
        self,
        memory: Tensor,
        references: Tensor,
        shapes: Shapes,
        padding: Tensor,
        offsets: Tensor,
        absent: Tensor | None,
    ) -> Tensor:
        """Arguments as in `TemporalEncoder.forward`, `offsets` [B, T, T]; returns [B, T, S, d]."""
        normed = self.norm(memory)
        value = self.attention.project(normed, padding).flatten(1, 2)
        seen = [
            self.attention.look(
                normed[:, t], references[:, t], value, shapes, offsets[:, t], absent
            )
            for t in range(memory.shape[1])
        ]
        memory = memory + self.dropout(torch.stack(seen, 1))
        hidden = self.dropout(self.linear1(self.feed_forward_norm(memory)).relu())
        return memory + self.dropout(self.linear2(hidden))


class TemporalEncoder(nn.Module):
    """A stack of these layers.

    Args:
        sizes: of the network's layers.
        layers: how many.
    """

    def __init__(self, sizes: LayerSizes, layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(TemporalEncoderLayer(sizes) for _ in range(layers))

    @override
    def forward(
        self,
        memory: Tensor,
        references: Tensor,
        shapes: Shapes,
        padding: Tensor,
        times: Tensor,
        absent: Tensor | None = None,
    ) -> Tensor:
        """Let frames look at each other.

        Args:
            memory: float [B, T, S, d_model].
            references: float [B, T, S, L, 2], see `token_centres`.
            shapes: (h, w) of each level.
            padding: bool [B, T, S], True on padding.
            times: float [B, T], in units of the cadence; equal where time must not count.
            absent: bool [B, T], True for frames that nobody may look at, or None.

        Returns:
            float [B, T, S, d_model].
        """
        offsets = times[:, None] - times[:, :, None]
        for layer in self.layers:
            memory = layer(memory, references, shapes, padding, offsets, absent)
        return memory
