"""Which queries of a frame go on to the next round: SHQM of TransVOD Lite."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from detectors.transvod_lite.matching import at_least_float32


def select_queries(
    queries: Tensor, references: Tensor, logits: Tensor, keep: int
) -> tuple[Tensor, Tensor]:
    """The queries of the highest class probability, best first.

    Args:
        queries: float [N, Q, d_model].
        references: float [N, Q, 4].
        logits: float [N, Q, C]; they choose, but get no gradient.
        keep: K, at most Q.

    Returns:
        float [N, K, d_model] and [N, K, 4].
    """
    scores = at_least_float32(logits.detach()).amax(-1).sigmoid()
    best = scores.topk(keep, dim=1).indices[..., None]
    return (
        queries.gather(1, best.expand(-1, -1, queries.shape[-1])),
        references.gather(1, best.expand(-1, -1, references.shape[-1])),
    )


def check_keep(keep: Sequence[int], queries: int) -> tuple[int, ...]:
    """The numbers kept of each round, checked.

    Args:
        keep: for each round, such as 80, 50, 30.
        queries: Q of the single-frame stage.

    Raises:
        ValueError: if there are none, or one is no whole number, below 1 or above what the round
            before leaves.
    """
    if not isinstance(keep, Sequence) or not all(type(size) is int for size in keep):
        raise ValueError(f"keep: must be a list of whole numbers, such as [80, 50, 30]; got {keep}")
    sizes = (queries, *keep)
    if len(sizes) < 2 or min(sizes) < 1 or any(a < b for a, b in zip(sizes, keep, strict=False)):
        raise ValueError(
            f"keep: each round keeps at least 1 and at most what it is given, starting from "
            f"{queries} queries; got {list(keep)}, such as [{queries}, {max(1, queries // 2)}] "
            "would do"
        )
    return tuple(keep)
