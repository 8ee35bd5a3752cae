"""A training of many short steps on two processes, for tests that send signals to it.

Started by srun. It says in a file where it is, and in the end which steps it has done.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.utils.data import DataLoader, Dataset

from callbacks.checkpoint_files import AtomicCheckpointIO
from callbacks.point_files import PointFiles
from callbacks.preemption import Preemption
from callbacks.resume_points import ResumePoints

STEP_S = 0.005


class Numbers(Dataset):
    """As many numbers as an epoch has steps, for each of two processes."""

    def __len__(self) -> int:
        return 600

    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.tensor([float(index)])


class Line(LightningModule):
    """A straight line, learnt in steps that take some milliseconds and exchange a figure."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch: torch.Tensor) -> torch.Tensor:
        time.sleep(STEP_S)
        loss = self.layer(batch / 600).square().mean()
        self.log("loss", loss, sync_dist=True)
        return loss

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=1e-3)


class Place(Callback):
    """Appends the number of every step of process 0, and of the start that did it, to a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def on_train_batch_start(self, trainer: Trainer, *_: Any) -> None:
        if trainer.is_global_zero:
            with self.file.open("a") as out:
                out.write(f"{trainer.global_step}\n")


if __name__ == "__main__":
    folder, epochs = Path(sys.argv[1]), int(sys.argv[2])
    torch.set_num_threads(1)
    files = PointFiles(folder)
    trainer = Trainer(
        accelerator="cpu",
        devices=2,
        strategy="ddp",
        max_epochs=epochs,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        plugins=[AtomicCheckpointIO()],
        callbacks=[ResumePoints(str(folder), None), Preemption(), Place(folder / "steps.txt")],
    )
    last = files.last if files.last.exists() else None
    trainer.fit(Line(), DataLoader(Numbers()), ckpt_path=last, weights_only=True)
    if trainer.is_global_zero:
        (folder / "end.json").write_text(json.dumps({"step": trainer.global_step}))
