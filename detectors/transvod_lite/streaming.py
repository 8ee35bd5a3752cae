"""TransVOD Lite as a detector of a stream: frames as they come in, their detections out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from detectors.frame_stream import one_frame
from detectors.transvod_lite.inputs import clip_inputs
from detectors.transvod_lite.postprocess import detections
from detectors.transvod_lite.streaming_network import StreamingNetwork
from structures import Prediction

if TYPE_CHECKING:
    from detectors.transvod_lite.module import TransVODLite


class StreamingDetector:
    """A `FrameStream`: predicts of a frame what the detector does of the last one of its window.

    See `StreamingNetwork` for cost, memory, and frames of another size.

    Args:
        detector: in eval mode; its weights must not change until `reset`.
        window: T, frames that count for a prediction, the newest included.

    Raises:
        ValueError: if `window` is below 1, or the detector is in training mode or sees each frame
            alone.
    """

    def __init__(self, detector: TransVODLite, window: int) -> None:
        self._detector = detector
        self._network = StreamingNetwork(detector.network, window)

    def reset(self) -> None:
        """Forget all frames: the next one starts a new clip."""
        self._network.reset()

    @torch.inference_mode()
    def detect(self, frame: Tensor, image_id: int, time: float | None = None) -> Prediction:
        """See `FrameStream.detect`.

        Raises:
            ValueError: if `time` is not after that of the frame before.
        """
        its = self._detector
        inputs = clip_inputs(
            one_frame(frame, image_id, its.device),
            its.network.mean,
            its.network.std,
            its.short_side,
            its.long_side,
            its.cadence,
        )
        in_cadence = None if time is None else time / its.cadence
        logits, boxes = self._network.detect(inputs.frames[0, 0], in_cadence)
        height, width = frame.shape[1:]
        (row,) = detections(logits[None], boxes[None], [(height, width)], its.max_detections)
        found, scores, columns = row
        return Prediction(found.float(), scores.float(), columns + 1, image_id)
