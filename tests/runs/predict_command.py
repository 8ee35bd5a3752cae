"""`predict.py` as the command line calls it, and the run of a small video detector for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from lightning.pytorch import Trainer
from omegaconf import OmegaConf

from detectors.transvod_lite.module import TransVODLite
from predict import predict

ROOT = Path(__file__).resolve().parents[2]
NETWORK = {
    "backbone": "swin",
    "backbone_arguments": {"embed": 8, "depths": [1, 1, 1, 1], "heads": [1] * 4, "drop_path": 0.0},
    "d_model": 32,
    "heads": 4,
    "feedforward": 32,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "queries": 10,
    "keep": [6, 4],
}


def untrained_video_run(run: Path, class_names: Sequence[str], **arguments: Any) -> Path:
    """Fill the run folder of a small TransVOD Lite that was not trained."""
    torch.manual_seed(0)
    sizes = {"network": NETWORK, "short_side": 48, "long_side": 80}
    detector = TransVODLite(class_names, **sizes, **arguments)
    trainer = Trainer(logger=False, accelerator="cpu", enable_progress_bar=False)
    trainer.strategy.connect(detector)
    trainer.save_checkpoint(run / "best.ckpt")
    config = {
        "model": {"_target_": "detectors.transvod_lite.module.TransVODLite"},
        "datamodule": {"_target_": "datamodules.video.VideoDataModule", "clip_length": 3},
    }
    OmegaConf.save(OmegaConf.create(config), run / "config.yaml")
    return run


def by_command(run: Path, source: Path | str, out: Path, *overrides: str) -> Path:
    """The folder of `predict.py run=… source=…`."""
    fixed = [f"run={run}", f"source={source}", f"paths.root={out}", f"paths.run={out}"]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return predict(compose("predict", overrides=[*fixed, "device=cpu", *overrides]))
