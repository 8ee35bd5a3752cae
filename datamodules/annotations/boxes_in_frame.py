"""Whether the boxes of a file lie in their frames, and what is done with those that do not."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.annotations.coco_annotations import clipped_xyxy
from datamodules.annotations.json_rows import JsonRows

logger = logging.getLogger(__name__)

# COCO's own boxes pass the frame's border by rounding; more than this is a mistake.
_OVERSHOOT = 1.0


def check_boxes(
    annotations: JsonRows,
    boxes_xywh: NDArray[np.float64],
    widths: NDArray[np.int64],
    heights: NDArray[np.int64],
    overshoot_allowed: bool = False,
) -> None:
    """Note every box without area in its frame, or that passes its border by more than 1 px.

    Args:
        annotations: the boxes' rows.
        boxes_xywh: float64 [N, 4], pixels.
        widths: int64 [N], of their frames.
        heights: int64 [N], of their frames.
        overshoot_allowed: whether boxes may pass the border by more.
    """

    def describe(i: int, fault: str) -> str:
        return (
            f"{annotations.name(i)}: box {boxes_xywh[i].tolist()} [x, y, width, height] {fault} "
            f"its {widths[i]}x{heights[i]} frame (image_id {annotations.rows[i]['image_id']})"
        )

    x, y, w, h = boxes_xywh.T
    empty = (w <= 0) | (h <= 0)
    over = np.max([-x, -y, x + w - widths, y + h - heights], axis=0, initial=-np.inf)
    limit = np.inf if overshoot_allowed else _OVERSHOOT
    outside = ~empty & (over > limit)
    x1, y1, x2, y2 = clipped_xyxy(boxes_xywh, widths, heights).T
    # Also boxes that float32 or the clipping leaves without area.
    empty |= ~outside & ((x2 <= x1) | (y2 <= y1))
    annotations.faults.add_where(empty, lambda i: describe(i, "has no area in"))
    annotations.faults.add_where(outside, lambda i: describe(i, f"lies {over[i]:g} px outside"))
    if outside.any():
        annotations.faults.mend += (
            " Or, with datamodule=video, set datamodule.outside_boxes=clip to cut boxes off."
        )
    touched = (over > 0) & ~outside
    if touched.any():
        logger.info(
            "%s: %d boxes pass their frame by up to %g px and are clipped to it",
            annotations.faults.file, int(touched.sum()),
            over[touched].max() if overshoot_allowed else _OVERSHOOT,
        )  # fmt: skip


def clip_to_frame(columns: dict[str, Any], widths: Any, heights: Any) -> None:
    """Cut boxes off at their frames for good, in the truth that is judged against as well.

    Args:
        columns: `bbox` float64 [N, 4] xywh pixels and `area` float64 [N], which shrinks with it;
            both are replaced.
        widths: int64 [N], of the boxes' frames.
        heights: int64 [N], of the boxes' frames.
    """
    x, y, w, h = columns["bbox"].T
    x1, x2 = np.clip(x, 0, widths), np.clip(x + w, 0, widths)
    y1, y2 = np.clip(y, 0, heights), np.clip(y + h, 0, heights)
    over = (x1 > x) | (y1 > y) | (x2 < x + w) | (y2 < y + h)
    clipped = np.stack([x1, y1, x2 - x1, y2 - y1], axis=1)
    share = (x2 - x1) * (y2 - y1) / (w * h)
    # Other boxes stay to the last bit.
    columns["area"] = np.where(over, columns["area"] * share, columns["area"])
    columns["bbox"] = np.where(over[:, None], clipped, columns["bbox"])
