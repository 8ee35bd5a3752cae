"""The rules by which detections are linked into events, from one frame to the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.ops import box_iou, nms

LINKED_SHARE = 0.5  # of an operating point, which was chosen for single frames


@dataclass(frozen=True, slots=True)
class Linking:
    """When detections show one and the same event.

    Attributes:
        score_threshold: least score of a detection that counts by itself.
        linked_share: of it, from which a detection may belong to an event. An event is judged by
            its best detections, so that its weak ones are safe to link; without them events of a
            few frames break up (Zhang et al. 2022, ByteTrack, section 3).
        nms_iou: in one frame, of two boxes that overlap by more only the better is kept; a detector
            of queries has no suppression of its own.
        min_iou: least IoU of a detection with the event's last box.
        max_gap: frames in a row in which an event may be missed.
        min_length: frames that confirm an event.
        event_score: least score of an event, see `evaluation.events.found_events.mean_of_best`.

    Raises:
        ValueError: if a value cannot be.
    """

    score_threshold: float = 0.4
    linked_share: float = 1.0
    nms_iou: float = 0.5
    min_iou: float = 0.3
    max_gap: int = 2
    min_length: int = 3
    event_score: float = 0.0

    def __post_init__(self) -> None:
        for name in ("score_threshold", "linked_share", "nms_iou", "event_score"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"linking: {name} must lie in 0..1, got {getattr(self, name)}")
        if not 0 < self.min_iou <= 1:
            raise ValueError(f"linking: min_iou must lie above 0 and up to 1, got {self.min_iou}")
        for name, least in (("max_gap", 0), ("min_length", 1)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ValueError(f"linking: {name} must be a whole number >= {least}, got {value}")


def distinct(
    boxes: NDArray[np.float64], scores: NDArray[np.float64], linking: Linking
) -> NDArray[np.int64]:
    """Which detections of a frame may belong to events, without duplicates.

    Args:
        boxes: [N, 4], xyxy.
        scores: [N].
        linking: the rules.

    Returns:
        Their places, by falling score; the order in which they came does not matter.
    """
    linked = np.flatnonzero(scores >= linking.linked_share * linking.score_threshold)
    order = linked[np.lexsort((*boxes[linked].T, -scores[linked]))]
    kept = nms(torch.from_numpy(boxes[order]), torch.from_numpy(scores[order]), linking.nms_iou)
    return order[kept.numpy()]


def joined(
    last: NDArray[np.float64], boxes: NDArray[np.float64], linking: Linking
) -> list[tuple[int, int]]:
    """Which detection continues which track: the pair that overlaps most first.

    Args:
        last: [K, 4], xyxy, the latest box of each track.
        boxes: [N, 4], xyxy, the detections of a frame, by falling score.
        linking: the rules.

    Returns:
        Pairs of a track's and a detection's place, each place once, by tracks; of equal overlaps
        the earlier track and the better score.
    """
    # Boxes without an area overlap nothing: 0 / 0.
    iou = np.nan_to_num(box_iou(torch.from_numpy(last), torch.from_numpy(boxes)).numpy())
    pairs = np.argwhere(iou >= linking.min_iou)
    pairs = pairs[np.argsort(-iou[tuple(pairs.T)], kind="stable")]
    tracks: set[int] = set()
    found: set[int] = set()
    chosen = []
    for track, box in pairs.tolist():
        if track not in tracks and box not in found:
            chosen.append((track, box))
            tracks.add(track)
            found.add(box)
    return sorted(chosen)
