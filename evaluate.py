"""Judge trained runs on any data and write metrics.json, predictions.json and report.html.

python evaluate.py run=outputs/2026-11-20/18-00-00 [datamodule=facades datamodule.root=…]
python evaluate.py 'run=[outputs/a,outputs/b]'                      # side by side
python evaluate.py model=faster_rcnn model.weights=… datamodule=…   # imported weights
python evaluate.py 'run=[outputs/a,outputs/b]' protocol=utility protocol.unseen=data/utility/street
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig, OmegaConf

from runs.config.settings import EVALUATION, check_settings
from runs.config.targets import check_arguments
from runs.explained_errors import explained_errors
from runs.judging.imported_detector import imported_detector, require_weights
from runs.judging.score_table import print_scores
from runs.judging.shared_data import data_of_run, require_trained_channels
from runs.run_folder import RunFolder
from runs.slurm.tasks import check_slurm_tasks


def evaluate(cfg: DictConfig) -> float:
    """Test checkpoints of runs, or a model with imported weights.

    Args:
        cfg: the composed `conf/evaluate.yaml`.

    Returns:
        `test/map`, of several runs that of the best.
    """
    check_settings(cfg, EVALUATION)
    check_slurm_tasks(cfg.trainer, os.environ)
    folder = Path(cfg.paths.run)
    runs = [RunFolder.open(str(run), str(cfg.checkpoint)) for run in _run_paths(cfg)]
    if cfg.get("protocol") is not None:
        return _judge_predictors(cfg, runs, folder)
    for run in runs:
        if run.holds_predictor:
            raise ValueError(f"run={run.path}: a predictor of utility, judged by protocol=utility")
    # Data named anew, or some keys of the run's own.
    given = cfg.get("datamodule") or OmegaConf.create()
    data_node = given
    if "_target_" not in given:
        if not runs:
            raise ValueError("datamodule= is needed with model=; name the data to judge on")
        data_node = OmegaConf.merge(runs[0].config["datamodule"], given)
    nodes = {"datamodule": data_node, "trainer": cfg.trainer, "model": cfg.get("model")}
    check_arguments(
        {key: OmegaConf.to_container(node, resolve=True) for key, node in nodes.items() if node}
    )
    if not runs:
        return _judge(cfg, None, data_node, folder)["test/map"]
    if len(runs) == 1:
        return _judge(cfg, runs[0], data_node, folder)["test/map"]
    _require_same_classes(runs)

    from lightning.pytorch.utilities import rank_zero_only

    from runs.comparison.compared_run import ComparedRun
    from runs.comparison.finished import finish_comparison
    from structures.folder_names import distinct_ends

    ends = distinct_ends([run.path for run in runs], "run=")
    names = [end.replace("/", "-") for end in ends]
    scores = []
    for run, name in zip(runs, names, strict=True):
        own = data_node
        # Data named on the command line are shown to all as it says there.
        if "_target_" not in given:
            own = OmegaConf.merge(data_of_run(data_node, run.config["datamodule"]), given)
        scores.append(_judge(cfg, run, own, folder / name)["test/map"])
    compared = [ComparedRun.read(name, folder / name) for name in names]
    picture = hydra.utils.instantiate(data_node, _convert_="all").picture
    rank_zero_only(finish_comparison)(compared, folder, picture, cfg.logger)
    return max(scores)


def _judge_predictors(cfg: DictConfig, runs: list[RunFolder], folder: Path) -> float:
    """Judge predictors of utility by their protocol."""
    node = OmegaConf.to_container(cfg.protocol, resolve=True, throw_on_missing=True)
    check_arguments({"protocol": node})
    if not runs:
        raise ValueError("run= is needed with protocol=: the folders of trained predictors")

    from runs.judging.utility import judge_predictors
    from runs.library_noise import drop_library_noise

    drop_library_noise()
    return judge_predictors(cfg.protocol, runs, folder)


def _run_paths(cfg: DictConfig) -> list[Any]:
    """The folders that `run` names, none where a model is judged with imported weights."""
    if (cfg.run is None) == (cfg.get("model") is None):
        raise ValueError(
            "run= is needed: the folder of a training, or several as 'run=[a,b]'; or model= with "
            "imported weights (model.weights=…) instead, not both"
        )
    if cfg.run is None:
        require_weights(cfg.model)
        return []
    return [cfg.run] if isinstance(cfg.run, str | int) else list(cfg.run)


def _require_same_classes(runs: list[RunFolder]) -> None:
    """Stop before the first run is judged, not after."""
    from detectors.checkpoint import checkpoint_classes, read_checkpoint

    first, *others = [checkpoint_classes(read_checkpoint(run.checkpoint)).names for run in runs]
    for run, names in zip(runs[1:], others, strict=True):
        if set(names) != set(first):
            raise ValueError(
                f"run= names detectors of different classes, which cannot be judged side by side:\n"
                f"  {runs[0].path}: {sorted(first)}\n  {run.path}: {sorted(names)}\n"
                "Judge them one by one, each on data with its classes."
            )


def _judge(
    cfg: DictConfig, run: RunFolder | None, data_node: DictConfig, folder: Path
) -> dict[str, float]:
    """Judge one detector into a folder."""
    if run is not None:
        require_trained_channels(data_node, run.config["datamodule"], run.path)
    detector = run.load_detector() if run is not None else None

    from hydra.utils import instantiate
    from lightning.pytorch.utilities import rank_zero_only

    from runs.judging.detector import judge_detector
    from runs.library_noise import drop_library_noise
    from runs.loggers import data_group, make_loggers, wandb_run_ends
    from runs.wandb_mode import set_wandb_mode

    drop_library_noise()
    set_wandb_mode()
    # Labels follow the checkpoint; data with other classes is refused when it is read.
    own = {} if detector is None else {"class_names": list(detector.classes.names)}
    datamodule = instantiate(data_node, **own, _convert_="all")
    if detector is None:
        detector = imported_detector(cfg.model, datamodule.model_facts)
    if cfg.channels_last:
        import torch

        detector.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    here = OmegaConf.merge(cfg, {"paths": {"run": str(folder)}})
    datamodule.prepare_data()
    datamodule.setup("test")
    loggers = make_loggers(here.logger, "evaluate", data_group(datamodule))
    for logger in loggers:
        source = str(run.path) if run is not None else "imported weights"
        logger.log_hyperparams({"run": source, "model": detector.title, "data": datamodule.name})
    cache = Path(cfg.paths.cache)
    with wandb_run_ends():
        scalars = judge_detector(detector, datamodule, cfg.trainer, loggers, folder, cache)
    rank_zero_only(print_scores)(folder)
    return scalars


@hydra.main(config_path="conf", config_name="evaluate", version_base="1.3")
def main(cfg: DictConfig) -> float:
    """Hydra's entry point."""
    return evaluate(cfg)


if __name__ == "__main__":
    with explained_errors():
        main()
