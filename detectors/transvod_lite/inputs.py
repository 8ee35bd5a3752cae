"""Clips as the datamodule gives them -> frames, padding and times as the network takes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from structures import Batch, Target


class ClipInputs(NamedTuple):
    """B clips of up to T frames, normalised and padded.

    Attributes:
        frames: float [B, T, 3, H, W], zero on padding and where there is no frame.
        padding: bool [B, T, H, W], True on padding; None where all frames are of one size.
        absent: bool [B, T], True where a clip has no such frame; None where all have T frames.
        times: float32 [B, T], relative to each clip's last frame, in units of the cadence.
    """

    frames: Tensor
    padding: Tensor | None
    absent: Tensor | None
    times: Tensor


def resized_size(
    height: int, width: int, short_side: int, long_side: int | None
) -> tuple[int, int]:
    """The size (height, width) of a frame whose shorter side is made `short_side` pixels long.

    Less, if the longer side would exceed `long_side`; the aspect is kept. The longer side is
    rounded down, as TransVOD Lite does.
    """
    short, long = min(height, width), max(height, width)
    if long_side is not None and long / short * short_side > long_side:
        short_side = max(1, round(long_side * short / long))
    other = max(1, int(short_side * long / short)) if short != short_side else long
    return (short_side, other) if height <= width else (other, short_side)


def clip_inputs(
    batch: Batch,
    mean: Tensor,
    std: Tensor,
    short_side: int,
    long_side: int | None,
    cadence: float,
) -> ClipInputs:
    """Resize, normalise and pad on the device of the batch.

    Args:
        batch: at least one frame.
        mean: of RGB in [0, 1], float [3, 1, 1].
        std: of RGB in [0, 1], float [3, 1, 1].
        short_side: see `resized_size`.
        long_side: see `resized_size`.
        cadence: seconds that count one unit of time. A clip of which a frame has no time counts its
            frames instead.
    """
    clips = [_resized(clip, mean, std, short_side, long_side) for clip in batch.clips]
    sizes = [clip.shape[-2:] for clip in clips]
    lengths = [len(clip) for clip in clips]
    height, width, longest = max(h for h, _ in sizes), max(w for _, w in sizes), max(lengths)
    times = [clip_times(targets, cadence) for targets in batch.targets]
    padded_times = torch.tensor([these + [0.0] * (longest - len(these)) for these in times])
    frames = clips[0].new_zeros(len(clips), longest, 3, height, width)
    padding = torch.ones_like(frames[:, :, 0], dtype=torch.bool) if len(set(sizes)) > 1 else None
    for b, clip in enumerate(clips):
        t, _, h, w = clip.shape
        frames[b, :t, :, :h, :w] = clip
        if padding is not None:
            padding[b, :, :h, :w] = False
    absent = None
    if len(set(lengths)) > 1:
        absent = torch.arange(longest)[None] >= torch.tensor(lengths)[:, None]
        absent = absent.to(frames.device, non_blocking=True)
    return ClipInputs(frames, padding, absent, padded_times.to(frames.device, non_blocking=True))


def clip_times(targets: Sequence[Target], cadence: float) -> list[float]:
    """When the frames of a clip were taken, relative to its last one, in units of `cadence`."""
    seconds = [target.time for target in targets]
    known = [time for time in seconds if time is not None]
    if len(known) < len(seconds):
        return [float(index + 1 - len(targets)) for index in range(len(targets))]
    # Here and not on the device: float32 would blur seconds since 1970.
    return [(time - known[-1]) / cadence for time in known]


def _resized(
    clip: Tensor, mean: Tensor, std: Tensor, short_side: int, long_side: int | None
) -> Tensor:
    """uint8 [T, 3, H, W] -> normalised float [T, 3, h, w]."""
    height, width = clip.shape[-2:]
    size = resized_size(height, width, short_side, long_side)
    images = clip.to(mean.dtype)
    if size != (height, width):
        # Like Pillow's resize, which the reference uses, but for its rounding to whole numbers.
        images = F.interpolate(
            images, size=size, mode="bilinear", antialias=True, align_corners=False
        )
    return (images / 255 - mean) / std
