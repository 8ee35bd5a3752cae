"""What a detector must be made into before it can leave Python as one file."""

from __future__ import annotations

from torch import Tensor, nn
from torch.onnx.operators import shape_as_tensor

# In this order, as `DetectionGraph.forward` returns them.
INPUT = "frames"
OUTPUTS = ("boxes", "scores", "labels", "counts")


class DetectionGraph(nn.Module):
    """A whole detector, from frames as they come to finished detections, that can be traced.

    A detector returns one, with its weights, from `Detector.detection_graph()`.
    Nothing in `forward` may depend on the size of the traced frames: sizes are read from the
    tensor with `frame_size`, and choices made in Python are the same for every input.

    Attributes:
        one_frame_because: why the graph takes a single frame at a time; None if it takes any
            number of them.
    """

    one_frame_because: str | None = None

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Detections of B frames of one size.

        Args:
            frames: uint8 [B, 3, H, W], RGB.

        Returns:
            boxes float32 [B, K, 4] xyxy pixels of the frames as they came, scores float32 [B, K]
            in [0, 1], labels int64 [B, K] in 1..C, and counts int64 [B]. The first `counts[b]` rows
            are the detections of frame b, best score first; the rest is zero.
        """
        raise NotImplementedError(f"{type(self).__name__} must define forward(frames)")


def frame_size(frames: Tensor) -> Tensor:
    """(W, H, W, H) of frames [B, 3, H, W] as float32 [4], read anew whenever the graph runs."""
    return shape_as_tensor(frames)[2:].flip(0).repeat(2).float()
