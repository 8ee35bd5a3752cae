"""A training step through Lightning's Trainer: one device, with a progress bar, and under DDP.

DDP runs with one process, over NCCL on a GPU (gloo on a CPU): what gradient buckets and their
reduction cost before there is a second device. Every row trains a fresh detector on one batch.

    python -m benchmarks.gpu_trainer --out gpu_trainer.json
"""

from __future__ import annotations

import json
import logging
import statistics
import tempfile
import time
from functools import partial
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar
from torch.utils.data import DataLoader
from typing_extensions import override

from benchmarks.gpu_device import gpu_parser, parse, wait
from benchmarks.gpu_steps import FULL, TINY, Recipe, draw
from structures import Batch
from structures.atomic_file import write_atomically

_WARM_UP, _BLOCK = 10, 5  # steps whose time does not count; steps between two waits
ROWS: dict[str, tuple[str, bool]] = {
    "one device": ("auto", False),
    "one device, progress bar": ("auto", True),
    "DDP, one process": ("ddp", False),
}


class StepTimes(Callback):
    """Milliseconds a step, of blocks of steps."""

    def __init__(self) -> None:
        self.blocks: list[float] = []
        self.start = 0.0

    @override
    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx < _WARM_UP or (batch_idx - _WARM_UP) % _BLOCK:
            return
        wait(pl_module.device)
        now = time.perf_counter()
        if batch_idx > _WARM_UP:
            self.blocks.append(1e3 * (now - self.start) / _BLOCK)
        self.start = now


def measure(recipe: Recipe, batch: Batch, row: str, steps: int, device: torch.device) -> float:
    """Median milliseconds of a training step in bf16."""
    strategy, bar = ROWS[row]
    detector = recipe.build(torch.device("cpu"))
    detector._optimizer = partial(torch.optim.SGD, lr=1e-6, momentum=0.9)
    detector._schedule = None
    detector._parameter_groups = ()
    times = StepTimes()
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            accelerator="gpu" if device.type == "cuda" else "cpu",
            devices=1,
            strategy=strategy,
            precision="bf16-mixed",
            max_epochs=1,
            logger=False,
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=bar,
            callbacks=[times, *[RichProgressBar()] * bar],
            default_root_dir=folder,
        )
        trainer.fit(detector, DataLoader([batch] * steps, batch_size=None))  # type: ignore[arg-type]
    return statistics.median(times.blocks)


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = gpu_parser((__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=60)
    options, device = parse(parser)
    if options.steps < _WARM_UP + _BLOCK + 1:
        parser.error(f"--steps must be at least {_WARM_UP + _BLOCK + 1} to time a block of them")
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    rows = []
    for name, recipe in (TINY if options.tiny else FULL).images.items():
        batch = draw(recipe.pictures, 1, recipe.side, torch.device("cpu"))
        batch = batch.pin_memory() if device.type == "cuda" else batch
        for row in ROWS:
            found: dict[str, Any] = {"detector": name, "trainer": row}
            try:
                found["ms"] = measure(recipe, batch, row, options.steps, device)
            except (RuntimeError, ValueError) as error:
                found["failed"] = f"{type(error).__name__}: {str(error)[:200]}"
            told = f"{found['ms']:10.2f} ms a step" if "ms" in found else f"  {found['failed']}"
            print(f"{name:<14}{row:<28}{told}", flush=True)
            rows.append(found)
            if options.out is not None:
                write_atomically(options.out, (json.dumps(rows, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
