"""What a report says of where its figures come from."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer

from evaluation.report import ReportMeta

_PACKAGES = ("torch", "torchvision", "lightning", "timm")


def run_facts(trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
    """Model, data, hardware, versions and time of a test, as plain values for JSON."""
    datamodule: Any = trainer.datamodule  # type: ignore[attr-defined]
    on_gpu = pl_module.device.type == "cuda"
    return {
        "model": _model_name(pl_module),
        "hyperparameters": dict(pl_module.hparams),
        "parameters": sum(p.numel() for p in pl_module.parameters()),
        "data": datamodule.name,
        "drawn": datamodule.drawn,
        "split_hash": datamodule.split_hash,
        "checkpoint": Path(trainer.ckpt_path).name if trainer.ckpt_path else "",
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


def report_meta(facts: dict[str, Any]) -> ReportMeta:
    """The facts as the report's head and footer show them.

    Args:
        facts: what `run_facts` returned, with `skipped_pictures`.
    """
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    shown = {
        "Split": facts["split_hash"][:12],
        "Checkpoint": facts["checkpoint"],
        "Trained": f"{facts['epochs']} epochs, {facts['steps']} steps",
        "Parameters": f"{facts['parameters'] / 1e6:.1f} M",
        "Hardware": facts["hardware"],
        "Precision": facts["precision"],
        "Versions": f"Python {facts['python']}, {versions}",
        "Time": facts["time"],
    }
    return ReportMeta(
        title=facts["model"],
        data=facts["data"],
        drawn=facts["drawn"],
        facts={label: text for label, text in shown.items() if text},
        skipped=len(facts["skipped_pictures"]),
    )


def _model_name(pl_module: LightningModule) -> str:
    trunk = pl_module.hparams.get("trunk")
    name = type(pl_module).__name__
    return f"{name} ({trunk})" if trunk else name
