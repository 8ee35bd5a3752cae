"""The network on a stream: each frame is looked at as it comes, with those before it in mind."""

from __future__ import annotations

import logging

import torch
from torch import Tensor

from detectors.transvod_lite.frame_buffer import FrameBuffer
from detectors.transvod_lite.network import TransVODLiteNetwork

log = logging.getLogger(__name__)


class StreamingNetwork:
    """The network on the last T frames of a stream, at the cost of little more than one frame.

    What it says of a frame is what `network` says of the last frame of the clip of that frame and
    the T - 1 before it (fewer at the start). Backbone, encoder and decoder of a frame depend on no
    other frame, so they run once, and their outcome is kept, as what the queries of each temporal
    round look at. Only the queries' rounds run again, the last of them for the newest frame alone.
    Memory is set aside with the first frame and stays the same: mostly T · S · d_model numbers for
    each round, 6 MB for a frame of 600x600 pixels, a round and float32.

    A frame of another size starts a new clip; for a change of scene call `reset`.

    Args:
        network: one with a temporal stage, in eval mode; its weights must not change until `reset`.
        window: T.

    Raises:
        ValueError: if `window` is below 1, or the network is in training mode or sees each frame
            alone.
    """

    def __init__(self, network: TransVODLiteNetwork, window: int) -> None:
        if network.training:
            raise ValueError("a stream wants a network in eval mode; call network.eval() first")
        if network.temporal is None:
            raise ValueError("this network has no temporal stage: it sees each frame alone")
        self._single_frame, self._temporal = network.single_frame, network.temporal
        self._buffer = FrameBuffer(window)
        self._size: torch.Size | None = None

    def reset(self) -> None:
        """Forget all frames: the next one starts a new clip."""
        self._buffer.clear()
        self._size = None

    @torch.inference_mode()
    def detect(self, frame: Tensor, time: float | None = None) -> tuple[Tensor, Tensor]:
        """Detect in the newest frame.

        Args:
            frame: normalised RGB float [3, H, W], without padding.
            time: when it was taken, in units of the cadence; one later than the frame before where
                absent. A stream that lost a frame goes on with a time that is two later.

        Returns:
            Logits float [K, C], column c for label c + 1, and boxes float [K, 4], cxcywh in 0..1.

        Raises:
            ValueError: if `time` is not after that of the frame before.
        """
        if self._size not in (None, frame.shape):
            log.info(
                "a frame of %dx%d after frames of %dx%d (width x height): a new clip starts",
                *(frame.shape[2], frame.shape[1], self._size[2], self._size[1]),  # type: ignore[index]
            )
            self.reset()
        time = self._checked_time(time)
        self._size = frame.shape
        state, _ = self._single_frame(frame[None])
        newest = self._buffer.push(self._temporal.with_values(state), time)
        states, times = self._buffer.frames()
        output = self._temporal(states, times, only=newest)[-1]
        return output.logits[0, 0], output.boxes[0, 0]

    def _checked_time(self, time: float | None) -> float:
        before = self._buffer.newest_time
        if time is None:
            return 0.0 if before is None else before + 1
        if before is not None and not time > before:
            raise ValueError(
                f"time {time:g} of a frame is not after {before:g}, that of the frame before; "
                "frames come in the order in which they were taken, and reset() starts a new clip"
            )
        return time
