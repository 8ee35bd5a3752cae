"""Clips of frames with their targets, and how samples become a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from structures.target import Target


@dataclass(slots=True)
class Batch:
    """B clips; a picture is a clip of one frame.

    Attributes:
        clips: B tensors uint8 [T, 3, H, W], RGB; T, H and W may differ between clips.
        targets: `targets[b][t]` belongs to frame `clips[b][t]`.
        skipped: ids of frames that could not be read and were left out, see `on_bad_image`.
    """

    clips: list[Tensor]
    targets: list[list[Target]]
    skipped: list[int] = field(default_factory=list)

    @property
    def frame_count(self) -> int:
        """The number of frames of all clips together."""
        return sum(len(clip) for clip in self.clips)

    def frames(self) -> list[Tensor]:
        """All frames as a flat list of uint8 [3, H, W], clip by clip."""
        return [frame for clip in self.clips for frame in clip]

    def frame_targets(self) -> list[Target]:
        """All targets, in the order of `frames`."""
        return [target for clip in self.targets for target in clip]

    def to(self, device: torch.device | str) -> Batch:
        """A copy on `device`, made as by `Target.to`."""
        wait = torch.device(device).type == "cpu"
        return Batch(
            [clip.to(device, non_blocking=not wait) for clip in self.clips],
            [[target.to(device) for target in clip] for clip in self.targets],
            self.skipped,
        )

    def pin_memory(self) -> Batch:
        """A copy in page-locked memory, so that `to` overlaps with computing."""
        return Batch(
            [clip.pin_memory() for clip in self.clips],
            [[target.pin_memory() for target in clip] for clip in self.targets],
            self.skipped,
        )


# One element of a dataset: a clip with its targets, and the ids of frames that it lacks because
# they could not be read; or just the id of such a frame. A clip that lacks all frames has T = 0.
Sample = tuple[Tensor, list[Target]] | tuple[Tensor, list[Target], list[int]] | int


def collate(samples: Sequence[Sample]) -> Batch:
    """Join samples into a batch, checking each against the contract.

    Args:
        samples: clips uint8 [T, 3, H, W] with T targets each and, after them, the ids of skipped
            frames, which may be left out; or such an id alone.

    Raises:
        ValueError: if a clip or a target breaks the contract; the message names the image.
    """
    batch = Batch([], [])
    for sample in samples:
        if isinstance(sample, int):
            batch.skipped.append(sample)
            continue
        clip, targets, *skipped = sample
        batch.skipped += skipped[0] if skipped else []
        _check_clip(clip, targets)
        if len(clip):
            batch.clips.append(clip)
            batch.targets.append(targets)
    return batch


def _check_clip(clip: Tensor, targets: list[Target]) -> None:
    ids = [target.image_id for target in targets]
    if clip.dtype != torch.uint8 or clip.ndim != 4 or clip.shape[1] != 3:
        raise ValueError(
            f"images {ids}: a clip is uint8 [T, 3, H, W] RGB, got {clip.dtype} {list(clip.shape)}"
        )
    if len(targets) != len(clip):
        raise ValueError(f"images {ids}: {len(clip)} frames but {len(targets)} targets")
    for target in targets:
        target.check(height=clip.shape[2], width=clip.shape[3])
