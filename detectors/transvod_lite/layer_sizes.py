"""The sizes that all transformer layers of one network share."""

from __future__ import annotations

from dataclasses import dataclass

_GROUPS = 32  # of the group normalisation before the encoder


@dataclass(frozen=True)
class LayerSizes:
    """Sizes of encoder, decoder and temporal layers.

    Attributes:
        d_model: width of queries and memory.
        heads: of every attention.
        points: sampling points of a head on each level of a deformable attention.
        feedforward: hidden width of the feed-forward blocks.
        dropout: share of values dropped in training.
        levels: L, feature maps that deformable attention looks at.

    Raises:
        ValueError: if a size is not positive, or the width does not divide.
    """

    d_model: int = 256
    heads: int = 8
    points: int = 4
    feedforward: int = 1024
    dropout: float = 0.1
    levels: int = 1

    def __post_init__(self) -> None:
        sizes = (self.d_model, self.heads, self.points, self.feedforward, self.levels)
        if min(sizes) < 1 or not 0 <= self.dropout < 1:
            raise ValueError(f"sizes must be positive and dropout in 0..1, got {self}")
        if self.d_model % _GROUPS or self.d_model % self.heads:
            raise ValueError(
                f"d_model must be a multiple of {_GROUPS} (groups of the normalisation) and of "
                f"heads, got d_model={self.d_model} and heads={self.heads}"
            )
