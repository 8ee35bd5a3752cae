"""What a report says of where its figures come from."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import torch
from lightning.pytorch import Trainer

from callbacks.git_commit import git_commit
from detectors.base import Detector
from evaluation.report.page import ReportMeta

_PACKAGES = ("torch", "torchvision", "lightning", "timm")


def run_facts(trainer: Trainer, pl_module: Detector, datamodule: Any) -> dict[str, Any]:
    """Model, data, hardware, versions and time of a test, as plain values for JSON.

    What a detector costs is None here; it is known where detections are computed, not read.

    Args:
        trainer: that tests, or is not needed to, since all detections are in the cache.
        pl_module: the detector.
        datamodule: that is tested.
    """
    best = getattr(trainer.checkpoint_callback, "best_model_score", None)
    return {
        "model": pl_module.title,
        "hyperparameters": dict(pl_module.hparams),
        "parameters": sum(p.numel() for p in pl_module.parameters()),
        "data": datamodule.name,
        "drawn": datamodule.drawn,
        "split_hash": datamodule.split_hash,
        "data_digest": datamodule.data_digest("test"),
        "git_commit": git_commit(),
        **pl_module.trained,
        # Whether other frames than the one that is judged count for what is found in it.
        "sees_videos": pl_module.stream(1) is not None,
        "milliseconds_per_picture": None,
        "peak_memory": None,
        "flops_per_frame": None,
        "precision": str(trainer.precision),
        "best_val_map": None if best is None else float(best),
        "hardware": hardware_name(trainer.strategy.root_device),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _PACKAGES},
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def hardware_name(device: torch.device) -> str:
    """The model of a GPU, or the number of threads of the CPU."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type.upper()}, {torch.get_num_threads()} threads"


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
        "Code": (facts["git_commit"] or "no git checkout")[:12],
        "Data": facts["data_digest"][:12],
        "Hardware": facts["hardware"],
        "Precision": facts["precision"],
        "Versions": f"Python {facts['python']}, {versions}",
        "Time": facts["time"],
        **_cost(facts),
    }
    return ReportMeta(
        title=facts["model"],
        data=facts["data"],
        drawn=facts["drawn"],
        facts=shown,
        skipped=len(facts["skipped_pictures"]),
    )


def _cost(facts: dict[str, Any]) -> dict[str, str]:
    """Speed and memory in words, where they were measured."""
    cost = {}
    if facts["milliseconds_per_picture"]:
        milliseconds = facts["milliseconds_per_picture"]
        cost["Speed"] = (
            f"{1000 / milliseconds:.1f} frames/s ({milliseconds:.1f} ms) without loading"
        )
    if facts["peak_memory"]:
        cost["Peak memory"] = f"{facts['peak_memory'] / 1e6:,.0f} MB"
    if facts["flops_per_frame"]:
        cost["Computation"] = f"{facts['flops_per_frame'] / 1e9:,.1f} GFLOP a frame"
    return cost
