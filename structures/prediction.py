"""What a detector says of one frame."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(slots=True)
class Prediction:
    """The detections of one frame, best score first; K = 0 is legal.

    Attributes:
        boxes: float32 [K, 4], xyxy, absolute pixels of the frame as stored, inside the frame.
        scores: float32 [K], in [0, 1], descending.
        labels: int64 [K], 1..C.
        image_id: the frame's id, as its `Target` had it.
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor
    image_id: int

    def cpu(self) -> Prediction:
        """A detached copy on the CPU."""
        return Prediction(
            self.boxes.detach().cpu(),
            self.scores.detach().cpu(),
            self.labels.detach().cpu(),
            self.image_id,
        )
