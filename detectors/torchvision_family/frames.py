"""Our batches as torchvision's lists of pictures and targets, and its detections as predictions."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torchvision.ops import clip_boxes_to_image

from structures import Batch, Prediction


def to_images(batch: Batch) -> list[Tensor]:
    """Float [3, H, W] in 0..1 of each frame."""
    return [frame / 255 for frame in batch.frames()]


def to_targets(batch: Batch) -> list[dict[str, Tensor]]:
    """`boxes` and `labels` of each frame, crowds left out."""
    targets = []
    for target in batch.frame_targets():
        # A crowd's box is no object, and no anchor should learn to draw it.
        single = slice(None) if target.iscrowd is None else ~target.iscrowd
        targets.append({"boxes": target.boxes[single], "labels": target.labels[single]})
    return targets


def to_prediction(image_id: int, size: tuple[int, int], found: Mapping[str, Tensor]) -> Prediction:
    """Detections inside their frame, without empty boxes and without the unused slot 0."""
    boxes = clip_boxes_to_image(found["boxes"].float(), size)
    kept = (boxes[:, 2:] > boxes[:, :2]).all(1) & (found["labels"] > 0)
    return Prediction(boxes[kept], found["scores"].float()[kept], found["labels"][kept], image_id)
