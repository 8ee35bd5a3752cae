"""What a report says of where its figures come from."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer

_PACKAGES = ("torch", "torchvision", "lightning", "timm")


def run_facts(trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
    """Model, data, hardware, versions and time of a test, as plain values for JSON."""
    datamodule: Any = trainer.datamodule  # type: ignore[attr-defined]
    on_gpu = pl_module.device.type == "cuda"
    return {
        "model": type(pl_module).__name__,
        "hyperparameters": dict(pl_module.hparams),
        "parameters": sum(p.numel() for p in pl_module.parameters()),
        "data": datamodule.name,
        "drawn": datamodule.drawn,
        "split_hash": datamodule.split_hash,
        "checkpoint": str(trainer.ckpt_path or ""),
        "epochs": trainer.current_epoch,
        "steps": trainer.global_step,
        "precision": str(trainer.precision),
        "hardware": torch.cuda.get_device_name()
        if on_gpu
        else f"CPU, {torch.get_num_threads()} threads",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _PACKAGES},
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
