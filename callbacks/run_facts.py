"""What a report says of where its figures come from."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import torch
from lightning.pytorch import Trainer

from detectors.base import Detector
from evaluation.report import ReportMeta

_PACKAGES = ("torch", "torchvision", "lightning", "timm")


def run_facts(trainer: Trainer, pl_module: Detector) -> dict[str, Any]:
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
        **pl_module.trained,
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
        facts=shown,
        skipped=len(facts["skipped_pictures"]),
    )


def _model_name(pl_module: Detector) -> str:
    trunk = pl_module.hparams.get("trunk")
    name = type(pl_module).__name__
    return f"{name} ({trunk})" if trunk else name
