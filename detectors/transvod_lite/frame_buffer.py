"""The states of the last frames of a stream, in a block of memory that does not grow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from detectors.transvod_lite.single_frame import FrameState


class FrameBuffer:
    """A ring of T frame states: once it is full, the newest frame takes the place of the oldest.

    Slots are therefore in no order of time. The temporal stage needs none: it is told times.

    Args:
        window: T.

    Raises:
        ValueError: if `window` is below 1.
    """

    def __init__(self, window: int) -> None:
        if window < 1:
            raise ValueError(f"window must be at least 1 frame, got {window}")
        self.window = window
        self._slots: FrameState | None = None
        self._times: list[float] = []
        self._pushed = 0

    @property
    def newest_time(self) -> float | None:
        """The time of the newest frame; None where there is none."""
        return self._times[(self._pushed - 1) % self.window] if self._times else None

    def clear(self) -> None:
        """Forget all frames, and what was laid out for their size."""
        self._slots = None
        self._times = []
        self._pushed = 0

    def push(self, state: FrameState, time: float) -> int:
        """Keep a frame.

        Args:
            state: of one frame (N = 1), of the size of those before it.
            time: in units of the cadence.

        Returns:
            The slot in which it lies, as an index into `frames`.
        """
        slot = self._pushed % self.window
        if self._slots is None:
            self._slots = _each(state, lambda t: t.new_empty(self.window, *t.shape[1:]))
        for room, tensor in zip(_tensors(self._slots), _tensors(state), strict=True):
            room[slot] = tensor[0]
        self._times[slot : slot + 1] = [time]
        self._pushed += 1
        return slot

    def frames(self) -> tuple[FrameState, Tensor]:
        """All frames that are kept, at least one.

        Returns:
            Their state, and their times relative to the newest, float32 [1, N].
        """
        slots, newest = self._slots, self.newest_time
        if slots is None or newest is None:
            raise ValueError("no frame was pushed since the start or the last clear()")
        count = len(self._times)
        # Python's floats: a stream of a year keeps its cadence where float32 would lose it.
        offsets = torch.tensor([[time - newest for time in self._times]])
        offsets = offsets.to(slots.queries.device, non_blocking=True)
        return _each(slots, lambda room: room[:count]), offsets


def _tensors(state: FrameState) -> list[Tensor]:
    return [*(part for part in state if isinstance(part, Tensor)), *state.values]


def _each(state: FrameState, change: Callable[[Tensor], Tensor]) -> FrameState:
    parts: dict[str, Any] = {k: change(v) for k, v in state._asdict().items() if torch.is_tensor(v)}
    return state._replace(**parts, values=tuple(map(change, state.values)))
