"""Detection of frames as they come, as `predict.py` follows videos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from structures import Batch, Prediction, Target

if TYPE_CHECKING:
    from detectors.base import Detector


class FrameStream(Protocol):
    """A detector on the frames of one clip, in the order of time."""

    def reset(self) -> None:
        """Forget all frames: the next one starts a new clip."""
        ...

    def detect(self, frame: Tensor, image_id: int, time: float | None = None) -> Prediction:
        """Detect in the newest frame.

        Args:
            frame: uint8 [3, H, W] RGB, on any device.
            image_id: of the prediction.
            time: seconds, later than those of the frame before. Given for all frames of a clip or
                for none; then frames are counted.
        """
        ...


class FramesAlone:
    """The stream of a detector that sees each frame alone.

    Args:
        detector: in eval mode.
    """

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    def reset(self) -> None:
        """Nothing to forget."""

    @torch.inference_mode()
    def detect(self, frame: Tensor, image_id: int, time: float | None = None) -> Prediction:
        """See `FrameStream.detect`."""
        del time
        (prediction,) = self._detector.predict(one_frame(frame, image_id, self._detector.device))
        return prediction


def one_frame(frame: Tensor, image_id: int, device: torch.device) -> Batch:
    """A frame uint8 [3, H, W] as a batch of one clip, without truth."""
    nothing = Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), image_id)
    return Batch([frame[None]], [[nothing]]).to(device)
