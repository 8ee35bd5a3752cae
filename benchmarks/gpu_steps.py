"""What the benchmarks of a GPU do: recipes of detectors, drawn batches, and steps with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import Tensor

from detectors.base import Detector
from structures import Batch, Target

_RECIPES = Path(__file__).resolve().parent.parent / "conf" / "model"
_CLASSES, _BOXES = 30, 5
_BACKBONES = ("swin_t", "swin_b")
TRAINED = {"temporal_from_epoch": 0}  # the temporal stage detects, and learns alone
BOTH = {"freeze_single_frame": False}

Step = Callable[[], object]


class Recipe(NamedTuple):
    """A YAML of `conf/model`, what differs from it, and the pictures of a training batch."""

    file: str
    changes: dict[str, Any]
    pictures: int = 1
    side: int = 600

    def build(self, device: torch.device, **more: Any) -> Detector:
        """The untrained detector with further changes."""
        file = OmegaConf.load(_RECIPES / f"{self.file}.yaml")
        node = OmegaConf.merge(file, self.changes, more)
        torch.manual_seed(0)
        names = [f"class {label}" for label in range(1, _CLASSES + 1)]
        detector: Detector = instantiate(node, class_names=names, _convert_="all")
        return detector.to(device)


class Sizes(NamedTuple):
    """What is measured: `TINY` fits a processor and only shows that all runs."""

    video: dict[str, Recipe]
    images: dict[str, Recipe]
    frames: int
    seconds: float  # of one measurement


FULL = Sizes(
    {name: Recipe("transvod_lite", {"network": {"backbone": name}}) for name in _BACKBONES},
    {
        "ssd300": Recipe("ssd300", {}, 32, 300),
        "faster_rcnn": Recipe("faster_rcnn", {}, 8, 800),
    },
    frames=14,
    seconds=1.5,
)
_MOBILE = {"architecture": "fasterrcnn_mobilenet_v3_large_320_fpn", "min_size": 64}
TINY = Sizes(
    {"light": Recipe("transvod_light", {"short_side": 64}, side=64)},
    {
        "ssd300_light": Recipe("ssd300_light", {}, 1, 64),
        "mobile": Recipe("faster_rcnn", _MOBILE, 1, 64),
    },
    frames=3,
    seconds=0.0,
)


def draw(clips: int, frames: int, side: int, device: torch.device) -> Batch:
    """Noise with five boxes a frame."""
    generator = torch.Generator().manual_seed(0)
    batch = Batch([], [])
    for clip in range(clips):
        shape = (frames, 3, side, side)
        batch.clips.append(torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator))
        corner = 0.6 * side * torch.rand(frames, _BOXES, 2, generator=generator)
        size = side * (0.05 + 0.3 * torch.rand(frames, _BOXES, 2, generator=generator))
        boxes = torch.cat([corner, corner + size], -1)
        labels = torch.randint(1, _CLASSES + 1, (frames, _BOXES), generator=generator)
        rows = enumerate(zip(boxes, labels, strict=True), clip * frames)
        batch.targets.append([Target(these, which, number) for number, (these, which) in rows])
    return batch.to(device)


def predicting(detector: Detector, batch: Batch) -> Step:
    """Clips to predictions."""
    detector.eval()
    return torch.inference_mode()(lambda: detector.predict(batch))


def streaming(detector: Detector, frames: Tensor) -> Step:
    """A new frame to its prediction, in a window that is full."""
    stream = detector.eval().stream(len(frames))
    if stream is None:
        raise ValueError("this detector sees each frame alone, so it has no stream to time")
    numbers = iter(range(10**9))

    def step() -> object:
        number = next(numbers)
        return stream.detect(frames[number % len(frames)], number)

    for _ in frames:
        step()
    return step


def training(detector: Detector, batch: Batch) -> Step:
    """A batch to updated weights: losses, gradients, clipping and AdamW."""
    detector.train()
    learning = [p for p in detector.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learning, 1e-6)

    def step() -> None:
        optimizer.zero_grad()
        torch.stack(list(detector.losses(batch).values())).sum().backward()
        torch.nn.utils.clip_grad_norm_(learning, 0.1)
        optimizer.step()

    return step
