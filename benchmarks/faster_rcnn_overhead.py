"""What the Trainer costs: a training step of Faster R-CNN beside a bare torchvision loop.

After every step of ours the bare loop makes the same one, on weights and random numbers of its own,
so that whatever else the machine does falls on both. The time of a step of ours is all that passes
from one to the next: loader, hooks, logging, progress bar. Losses are compared to the last digit.

    python -m benchmarks.faster_rcnn_overhead --out faster_rcnn_overhead.json
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import LearningRateMonitor, RichProgressBar
from lightning.pytorch.loggers import CSVLogger
from torch import nn
from torch.utils.data import DataLoader
from torchvision.models import get_model_builder
from typing_extensions import override

from detectors.torchvision_family.module import TorchvisionDetector
from structures import Batch, Target, collate
from structures.atomic_file import write_atomically

_CLASSES = 10
_WARM_UP = 3  # steps whose time does not count
_SGD: dict[str, Any] = {"lr": 0.01, "momentum": 0.9, "weight_decay": 1e-4}


def draw_batches(count: int, batch_size: int, side: int) -> list[Batch]:
    """Noise with ten boxes a picture."""
    generator = torch.Generator().manual_seed(0)
    batches = []
    for first in range(0, count * batch_size, batch_size):
        samples: list[Any] = []
        for image_id in range(first, first + batch_size):
            frame = torch.randint(
                0, 256, (1, 3, side, side), dtype=torch.uint8, generator=generator
            )
            corner = 0.6 * side * torch.rand(10, 2, generator=generator)
            size = side * (0.05 + 0.3 * torch.rand(10, 2, generator=generator))
            labels = torch.randint(1, _CLASSES + 1, (10,), generator=generator)
            boxes = torch.cat([corner, corner + size], 1)
            samples.append((frame, [Target(boxes, labels, image_id)]))
        batches.append(collate(samples))
    return batches


def loader_of(batches: list[Batch]) -> DataLoader[Batch]:
    """A loader with random numbers of its own, as our datamodules have it."""
    return DataLoader(
        batches,  # type: ignore[arg-type]
        batch_size=None,
        generator=torch.Generator(),
        pin_memory=torch.cuda.is_available(),
    )


class BareLoop:
    """What anybody would write for a detector of torchvision."""

    def __init__(self, model: nn.Module, batches: list[Batch], device: torch.device) -> None:
        self.model = model.to(device).train()
        self.optimizer = torch.optim.SGD(model.parameters(), **_SGD)
        self.batches: Iterator[Batch] = iter(loader_of(batches))
        self.device = device

    def step(self) -> dict[str, torch.Tensor]:
        """One batch; returns its losses."""
        batch = next(self.batches).to(self.device)
        images = [frame / 255 for frame in batch.frames()]
        targets = [{"boxes": t.boxes, "labels": t.labels} for t in batch.frame_targets()]
        losses = self.model(images, targets)
        self.optimizer.zero_grad()
        sum(losses.values()).backward()
        self.optimizer.step()
        return losses


class Beside(Callback):
    """Runs a bare loop step after each of the Trainer's, and times both.

    Args:
        bare: the loop.
        seed: of the random numbers of each.

    Attributes:
        seconds: for both the wall and processor seconds of every step.
        equal: for every step, whether all losses are the same.
    """

    def __init__(self, bare: BareLoop, seed: int) -> None:
        self.bare = bare
        self.seed = seed
        self.seconds: dict[str, list[tuple[float, float]]] = {"trainer": [], "bare": []}
        self.equal: list[bool] = []

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        torch.manual_seed(self.seed)
        self.random = _random_state()
        self.start = _now(self.bare.device)

    @override
    def on_train_batch_end(self, trainer: Trainer, *args: Any) -> None:
        self.seconds["trainer"].append(_since(self.start, self.bare.device))
        ours = {n: float(v) for n, v in trainer.callback_metrics.items() if "loss_" in n}
        kept = _random_state()
        _set_random_state(self.random)
        start = _now(self.bare.device)
        losses = self.bare.step()
        self.seconds["bare"].append(_since(start, self.bare.device))
        self.random = _random_state()
        _set_random_state(kept)
        self.equal.append(
            ours == {f"train/{name}": float(loss.detach()) for name, loss in losses.items()}
        )
        self.start = _now(self.bare.device)


def _random_state() -> tuple[torch.Tensor, ...]:
    cuda = (torch.cuda.get_rng_state(),) if torch.cuda.is_available() else ()
    return (torch.get_rng_state(), *cuda)


def _set_random_state(state: tuple[torch.Tensor, ...]) -> None:
    torch.set_rng_state(state[0])
    if len(state) > 1:
        torch.cuda.set_rng_state(state[1])


def _now(device: torch.device) -> tuple[float, float]:
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter(), time.process_time()


def _since(start: tuple[float, float], device: torch.device) -> tuple[float, float]:
    wall, processor = _now(device)
    return wall - start[0], processor - start[1]


def measure(options: argparse.Namespace) -> Beside:
    """Train both for `options.steps` from the same weights, batches and random numbers."""
    device = torch.device(options.device)
    batches = draw_batches(options.steps, options.batch_size, options.min_size)
    sizes = {"min_size": options.min_size, "max_size": 2 * options.min_size}
    torch.manual_seed(options.seed)
    module = TorchvisionDetector(
        [f"class {label}" for label in range(_CLASSES)],
        architecture=options.architecture,
        optimizer=partial(torch.optim.SGD, **_SGD),
        **sizes,
    )
    torch.manual_seed(options.seed)
    build = get_model_builder(options.architecture)
    model = build(weights=None, weights_backbone=None, num_classes=_CLASSES + 1, **sizes)
    beside = Beside(BareLoop(model, batches, device), options.seed)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            accelerator="gpu" if device.type == "cuda" else "cpu",
            devices=1,
            max_epochs=1,
            log_every_n_steps=10,
            enable_checkpointing=False,
            enable_model_summary=False,
            logger=CSVLogger(folder),
            callbacks=[LearningRateMonitor(), RichProgressBar(), beside],
            default_root_dir=folder,
        )
        trainer.fit(module, loader_of(batches))
    return beside


def report(beside: Beside, options: argparse.Namespace) -> dict[str, Any]:
    """Print the result and return it as plain numbers."""
    same = sum(beside.equal)
    print(f"\nequal losses in {same} of {len(beside.equal)} steps")
    print(f"{'ms a step, median':20}{'trainer':>10}{'bare':>10}{'ratio':>9}")
    numbers: dict[str, Any] = {"steps": len(beside.equal), "steps_with_equal_losses": same}
    for index, kind in enumerate(("wall", "processor")):
        ours, bare = (
            [times[index] for times in beside.seconds[name][_WARM_UP:]]
            for name in ("trainer", "bare")
        )
        medians = 1e3 * statistics.median(ours), 1e3 * statistics.median(bare)
        ratio = statistics.median(one / other for one, other in zip(ours, bare, strict=True))
        print(f"{kind:20}{medians[0]:10.1f}{medians[1]:10.1f}{ratio:9.4f}")
        numbers[kind] = {"trainer_ms": medians[0], "bare_ms": medians[1], "median_ratio": ratio}
    settings = {k: v for k, v in vars(options).items() if k != "out"}
    facts = {"torch": torch.__version__, "machine": platform.processor() or platform.machine()}
    return numbers | settings | facts


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--architecture", default="fasterrcnn_resnet50_fpn")
    parser.add_argument("--min-size", type=int, default=256, help="side of the pictures")
    parser.add_argument("--batch-size", type=int, default=2)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path, help="JSON file to write")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    numbers = report(measure(options), options)
    if options.out is not None:
        write_atomically(options.out, (json.dumps(numbers, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
