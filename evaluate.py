"""Judge a trained run on any data and write metrics.json, predictions.json and report.html.

python evaluate.py run=outputs/2026-11-20/18-00-00 [datamodule=facades datamodule.root=…]
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from omegaconf import DictConfig, OmegaConf

from runs.explained_errors import explained_errors
from runs.run_folder import RunFolder
from runs.score_table import print_scores
from runs.settings import EVALUATION, check_settings
from runs.targets import check_arguments

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

    from datamodules.detection_datamodule import DetectionDataModule


def evaluate(cfg: DictConfig) -> float:
    """Test a run's checkpoint.

    Args:
        cfg: the composed `conf/evaluate.yaml`.

    Returns:
        `test/map`.
    """
    check_settings(cfg, EVALUATION)
    run = RunFolder.open(str(cfg.run), str(cfg.checkpoint))
    folder = Path(cfg.paths.run)
    data_node = cfg.get("datamodule") or OmegaConf.create(run.config["datamodule"])
    nodes = {"datamodule": data_node, "trainer": cfg.trainer}
    check_arguments(
        {key: OmegaConf.to_container(node, resolve=True) for key, node in nodes.items()}
    )
    detector = run.load_detector()

    import torch
    from hydra.utils import instantiate
    from lightning.pytorch.callbacks import RichProgressBar

    from callbacks.evaluation import DetectionEvaluation
    from runs.library_noise import drop_library_noise

    drop_library_noise()
    if cfg.channels_last:
        detector.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    # Labels follow the checkpoint; data with other classes is refused when it is read.
    datamodule: DetectionDataModule = instantiate(
        data_node, class_names=list(detector.classes.names), _convert_="all"
    )
    trainer: Trainer = instantiate(
        cfg.trainer,
        callbacks=[DetectionEvaluation(output_dir=str(folder)), RichProgressBar()],
        logger=False,
        _convert_="all",
    )
    trainer.test(detector, datamodule=datamodule, verbose=False)
    print_scores(folder)
    return float(trainer.callback_metrics["test/map"])


@hydra.main(config_path="conf", config_name="evaluate", version_base="1.3")
def main(cfg: DictConfig) -> float:
    """Hydra's entry point."""
    return evaluate(cfg)


if __name__ == "__main__":
    with explained_errors():
        main()
