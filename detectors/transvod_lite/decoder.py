"""The deformable decoder with box refinement (Deformable DETR, Zhu et al. 2021, appendix A.4)."""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from typing_extensions import override

from detectors.transvod_lite.deformable_attention import DeformableAttention, Shapes
from detectors.transvod_lite.encoder import FeedForward
from detectors.transvod_lite.heads import BoxHead, class_head
from detectors.transvod_lite.layer_sizes import LayerSizes
from detectors.transvod_lite.matching import at_least_float32

_SMALL = -2.0  # logit of width and height of the first boxes, as 0.12 of the frame


class DecoderLayer(nn.Module):
    """Attention among queries, deformable attention to the memory, feed-forward block.

    Args:
        sizes: of the network's layers.
    """

    def __init__(self, sizes: LayerSizes) -> None:
        super().__init__()
        self.self_attention = nn.MultiheadAttention(
            sizes.d_model, sizes.heads, sizes.dropout, batch_first=True
        )
        self.self_norm = nn.LayerNorm(sizes.d_model)
        self.cross_attention = DeformableAttention(
            sizes.d_model, sizes.heads, sizes.levels, sizes.points
        )
        self.cross_norm = nn.LayerNorm(sizes.d_model)
        self.dropout = nn.Dropout(sizes.dropout)
        self.feed_forward = FeedForward(sizes)

    @override
    def forward(
        self,
        queries: Tensor,
        position: Tensor | None,
        references: Tensor,
        value: Tensor,
        shapes: Shapes,
    ) -> Tensor:
        """Look at a frame's memory.

        Args:
            queries: float [N, Q, d_model].
            position: float [N, Q, d_model], added to what asks and to keys, or None.
            references: float [N, Q, L, 2 or 4], in 0..1 of the padded map of each level.
            value: float [N, S, H, D], from `cross_attention.project`.
            shapes: (h, w) of each level.

        Returns:
            float [N, Q, d_model].
        """
        asking = queries if position is None else queries + position
        seen, _ = self.self_attention(asking, asking, queries, need_weights=False)
        queries = self.self_norm(queries + self.dropout(seen))
        asking = queries if position is None else queries + position
        seen = self.cross_attention(asking, references, value, shapes)
        queries = self.cross_norm(queries + self.dropout(seen))
        return self.feed_forward(queries)


class DecoderOutput(NamedTuple):
    """What one decoder layer says: queries [N, Q, d_model], logits [N, Q, C], boxes [N, Q, 4]."""

    queries: Tensor
    logits: Tensor
    boxes: Tensor


class Decoder(nn.Module):
    """Learned queries, a stack of layers, and for each a class head and a box head.

    The box head of a layer also refines the reference of the next one, without gradient.

    Args:
        sizes: of the network's layers.
        layers: how many.
        query_count: Q.
        class_count: C.
    """

    def __init__(self, sizes: LayerSizes, layers: int, query_count: int, class_count: int) -> None:
        super().__init__()
        d_model = sizes.d_model
        self.query_embedding = nn.Embedding(query_count, 2 * d_model)
        self.reference_points = nn.Linear(d_model, 2)
        self.layers = nn.ModuleList(DecoderLayer(sizes) for _ in range(layers))
        self.class_heads = nn.ModuleList(class_head(d_model, class_count) for _ in range(layers))
        self.box_heads = nn.ModuleList(BoxHead(d_model) for _ in range(layers))
        nn.init.xavier_uniform_(self.reference_points.weight)
        nn.init.zeros_(self.reference_points.bias)
        nn.init.constant_(self.box_heads[0].layers[-1].bias[2:], _SMALL)  # type: ignore[union-attr, index, arg-type]

    @override
    def forward(
        self, memory: Tensor, ratios: Tensor, shapes: Shapes, padding: Tensor
    ) -> list[DecoderOutput]:
        """Find objects in each frame alone.

        Args:
            memory: float [N, S, d_model].
            ratios: float [N, L, 2], see `valid_ratios`.
            shapes: (h, w) of each level.
            padding: bool [N, S], True on padding.

        Returns:
            The output of every layer, the last one last; boxes cxcywh in 0..1 of the frame without
            padding.
        """
        both = self.query_embedding.weight.expand(len(memory), -1, -1)
        position, queries = both.chunk(2, -1)
        references = at_least_float32(self.reference_points(position)).sigmoid()
        outputs = []
        heads = zip(self.layers, self.class_heads, self.box_heads, strict=True)
        for layer, classify, locate in heads:
            value = cast(DecoderLayer, layer).cross_attention.project(memory, padding)
            seen_at = on_levels(references, ratios)
            queries = layer(queries, position, seen_at, value, shapes)
            boxes = locate(queries, references)
            references = boxes.detach()
            outputs.append(DecoderOutput(queries, classify(queries), boxes))
        return outputs


def on_levels(references: Tensor, ratios: Tensor) -> Tensor:
    """References in the frame as references in the padded map of each level.

    Args:
        references: float [N, Q, 2 or 4], in 0..1 of the frame without padding.
        ratios: float [N, L, 2], see `valid_ratios`.

    Returns:
        float [N, Q, L, 2 or 4].
    """
    if references.shape[-1] == 4:
        ratios = torch.cat((ratios, ratios), -1)
    return references[:, :, None] * ratios[:, None]
