"""Judging one detector on one data set, with what the cache of detections knows already."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import cv2
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import RichProgressBar
from lightning.pytorch.loggers import Logger
from omegaconf import DictConfig

from callbacks.artefacts import write_artefacts
from callbacks.evaluation import DetectionEvaluation
from callbacks.run_facts import hardware_name, run_facts
from callbacks.wandb_curves import log_events, log_robustness
from callbacks.wandb_facts import log_test_facts
from datamodules.detection_datamodule import DetectionDataModule
from datamodules.distortions import ENGINE_VERSION
from detectors.base import Detector
from detectors.checkpoint import code_digest, weights_digest
from evaluation.detection_cache import CachedDetections, DetectionCache
from runs.writable import require_writable

log = logging.getLogger(__name__)


def judge_detector(
    detector: Detector,
    datamodule: DetectionDataModule,
    trainer_config: DictConfig,
    loggers: Sequence[Logger],
    folder: Path,
    cache_folder: Path,
) -> dict[str, float]:
    """Test a detector under every condition of the data that the cache has no detections of.

    Args:
        detector: with its weights.
        datamodule: whose test split is judged.
        trainer_config: the `trainer` node.
        loggers: get the scalars and curves.
        folder: where the artefacts go, see `write_artefacts`.
        cache_folder: of `DetectionCache`.

    Returns:
        The scalars: `test/map`, `test/<condition>/map` and so on.

    Raises:
        ValueError: if nothing can be written to the cache's folder.
    """
    from hydra.utils import instantiate

    datamodule.prepare_data()
    datamodule.setup("test")
    evaluation = DetectionEvaluation(str(folder))
    callbacks = [evaluation, RichProgressBar()]
    trainer: Trainer = instantiate(
        trainer_config, callbacks=callbacks, logger=list(loggers), _convert_="all"
    )
    cache: DetectionCache | None = None
    # Lightning's integer 1 is one batch, its float 1.0 all of them.
    if isinstance(trainer.limit_test_batches, float) and trainer.limit_test_batches == 1:
        device, precision = trainer.strategy.root_device, str(trainer.precision)
        key = detections_key(detector, datamodule, precision, device)
        cache = DetectionCache(cache_folder, key)
        evaluation.cache = cache
    known = {name: cache.read(name) for name in datamodule.conditions} if cache else {}
    judged = {name: frames for name, frames in known.items() if frames is not None}
    missing = [name for name in datamodule.conditions if name not in judged]
    if not missing:
        log.info("All detections are in the cache: %s", cache_folder)
        return _judge_known(trainer, detector, datamodule, judged, folder)
    if cache is not None:
        require_writable(cache_folder, f"paths.cache={cache_folder}", "detections")
    log.info("%d conditions to test, %d are in the cache", len(missing), len(judged))
    # They can be gigabytes, and are read again one by one when all is tested.
    del known, judged
    datamodule.select_conditions(missing)
    trainer.test(detector, datamodule=datamodule, verbose=False)
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


def _judge_known(
    trainer: Trainer,
    detector: Detector,
    datamodule: DetectionDataModule,
    judged: Mapping[str, CachedDetections],
    folder: Path,
) -> dict[str, float]:
    """What a test leaves behind and logs, without one."""
    facts = run_facts(trainer, detector, datamodule)
    results = write_artefacts(folder, datamodule, judged, detector, facts)
    log_robustness(trainer, results.robustness)
    log_events(trainer, results.events, "test")
    log_test_facts(trainer, facts)
    for logger in trainer.loggers:
        logger.log_metrics(results.scalars)
        logger.save()
    return results.scalars


def detections_key(
    detector: Detector, datamodule: DetectionDataModule, precision: str, device: torch.device
) -> dict[str, str | int | float]:
    """All that detections on a test split depend on: detector, pictures, distortions, arithmetic.

    Without the code of the detector a developer's change would show no effect.

    Args:
        detector: with its weights.
        datamodule: whose test split is shown.
        precision: as Lightning names it, such as '32-true'.
        device: on which the detector runs.
    """
    return {
        "data": datamodule.name,
        "data_digest": datamodule.data_digest("test"),
        "model": detector.title,
        "checkpoint": weights_digest(detector),
        "code": code_digest(detector),
        "distortions": str(ENGINE_VERSION),
        "precision": precision,
        "hardware": hardware_name(device),
        "channels_last": int(_is_channels_last(detector)),
        "torch": torch.__version__,
        "torchvision": version("torchvision"),
        "timm": version("timm"),
        "opencv": cv2.__version__,
    }


def _is_channels_last(detector: Detector) -> bool:
    return any(
        weight.ndim == 4 and weight.is_contiguous(memory_format=torch.channels_last)
        and not weight.is_contiguous()
        for weight in detector.parameters()
    )  # fmt: skip
