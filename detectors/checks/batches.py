"""Small drawn batches that the checks feed to a detector, and what is expected of batches."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from detectors.base import Detector
from structures import Batch, Target, collate

Size = tuple[int, int]

# Sides of the drawn boxes as shares of the frame: far apart, so that every level of a pyramid of
# feature maps is responsible for some box.
_SHARES = (0.08, 0.15, 0.25, 0.4, 0.6, 0.8, 1.0)


def expect(condition: bool, message: str) -> None:
    """Raise `AssertionError` with `message` unless `condition` holds."""
    if not condition:
        raise AssertionError(message)


def drawn_batch(
    module: Detector,
    sizes: Sequence[Size] = ((96, 128), (96, 128)),
    frames: int | Sequence[int] = 1,
    boxes: int = 4,
    seed: int = 0,
) -> Batch:
    """Clips of coloured rectangles on noise, with their boxes.

    Args:
        module: its classes are used in turn, so that a batch has boxes of all of them.
        sizes: (height, width) in pixels of each clip.
        frames: T, of all clips or of each.
        boxes: N in each frame.
        seed: of positions and noise.

    Returns:
        A batch on the module's device, whose image ids are neither positions nor in order.
    """
    generator = torch.Generator().manual_seed(seed)
    lengths = [frames] * len(sizes) if isinstance(frames, int) else frames
    samples = []
    count = 0
    for size, length in zip(sizes, lengths, strict=True):
        clip, targets = [], []
        for _ in range(length):
            frame, target = _draw(generator, size, boxes, count, len(module.classes))
            clip.append(frame)
            targets.append(target)
            count += 1
        samples.append((torch.stack(clip), targets))
    return collate(samples).to(module.device)


def without_boxes(batch: Batch) -> Batch:
    """The same clips with no box in any frame."""
    targets = [
        [Target(t.boxes[:0], t.labels[:0], t.image_id) for t in clip] for clip in batch.targets
    ]
    return Batch(batch.clips, targets)


def expect_same_batch(batch: Batch, before: Batch, what: str) -> None:
    """Expect that clips and targets equal an earlier copy; `what` is named as the culprit."""
    for now, then in zip(batch.clips, before.clips, strict=True):
        expect(
            torch.equal(now, then),
            f"{what} writes into the uint8 clips; convert to a new float tensor",
        )
    for target, earlier in zip(batch.frame_targets(), before.frame_targets(), strict=True):
        expect(
            torch.equal(target.boxes, earlier.boxes)
            and torch.equal(target.labels, earlier.labels)
            and target.image_id == earlier.image_id,
            f"{what} writes into the target of image {earlier.image_id}; scale a copy of the boxes",
        )


def _draw(
    generator: torch.Generator, size: Size, boxes: int, index: int, classes: int
) -> tuple[Tensor, Target]:
    height, width = size
    frame = torch.randint(90, 160, (3, height, width), generator=generator, dtype=torch.uint8)
    found = []
    for n in range(boxes):
        share = _SHARES[(index * boxes + n) % len(_SHARES)]
        w, h = max(2, int(width * share)), max(2, int(height * share))
        x = int(torch.randint(0, width - w + 1, (1,), generator=generator))
        y = int(torch.randint(0, height - h + 1, (1,), generator=generator))
        label = 1 + (index * boxes + n) % classes
        frame[label % 3, y : y + h, x : x + w] = 60 + (label * 71) % 190
        found.append([x, y, x + w, y + h, label])
    drawn = torch.tensor(found, dtype=torch.float32).reshape(-1, 5)
    target = Target(drawn[:, :4].clone(), drawn[:, 4].long(), image_id=900 - 7 * index)
    return frame, target
