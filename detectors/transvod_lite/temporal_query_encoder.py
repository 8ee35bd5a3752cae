"""TQE of TransVOD Lite: the queries of all frames of a clip in one sequence."""

from __future__ import annotations

from torch import Tensor, nn
from typing_extensions import override

from detectors.transvod_lite.encoder import FeedForward
from detectors.transvod_lite.layer_sizes import LayerSizes


class TemporalQueryEncoder(nn.Module):
    """TQE: attention among all queries of a clip, twice, the second time to the layer's input.

    Args:
        sizes: of the network's layers.
    """

    def __init__(self, sizes: LayerSizes) -> None:
        super().__init__()
        width, heads, dropout = sizes.d_model, sizes.heads, sizes.dropout
        self.self_attention = nn.MultiheadAttention(width, heads, dropout, batch_first=True)
        self.self_norm = nn.LayerNorm(width)
        self.cross_attention = nn.MultiheadAttention(width, heads, dropout, batch_first=True)
        self.cross_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.feed_forward = FeedForward(sizes)

    @override
    def forward(
        self, queries: Tensor, absent: Tensor | None = None, asking: Tensor | None = None
    ) -> Tensor:
        """Mix the queries of each clip.

        Args:
            queries: float [B, T * K, d_model].
            absent: bool [B, T * K], True where nobody may look; not all of a clip.
            asking: float [B, N, d_model], those of the queries whose outcome is wanted; all where
                absent.

        Returns:
            float [B, N, d_model], N = T * K where all ask.
        """
        if asking is None:
            asking = queries
        seen, _ = self.self_attention(asking, queries, queries, absent, need_weights=False)
        mixed = self.self_norm(asking + self.dropout(seen))
        seen, _ = self.cross_attention(mixed, queries, queries, absent, need_weights=False)
        mixed = self.cross_norm(mixed + self.dropout(seen))
        return self.feed_forward(mixed)
