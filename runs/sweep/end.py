"""What stands at the end of a multirun: all its jobs side by side."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from typing_extensions import override

if TYPE_CHECKING:
    from evaluation.report.parallel_coordinates import ParallelCoordinates
    from runs.comparison.compared_run import ComparedRun

log = logging.getLogger(__name__)

_HYDRAS_OWN = "hydra._internal.core_plugins"
_IN_THIS_PROCESS = f"{_HYDRAS_OWN}.basic_launcher.BasicLauncher"
_BREAKS_OFF = f"{_HYDRAS_OWN}.basic_sweeper.BasicSweeper"


class CompareJobs(Callback):
    """Compares the finished jobs of `python train.py -m …` once the last one has ended.

    Hydra runs the jobs that follow a failed one, but no `on_multirun_end` then. So that no table is
    lost, it is made after the last of them; a launcher whose jobs do not run in this process calls
    it itself. A sweeper that goes on after failures comes to the end.
    """

    _failed = False
    _jobs = 0

    @override
    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        if config.hydra.sweeper._target_ == _BREAKS_OFF:
            self._jobs = _job_count(config)

    @override
    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        self._failed |= job_return.status is JobStatus.FAILED
        here = config.hydra.launcher._target_ == _IN_THIS_PROCESS
        if self._failed and here and config.hydra.mode is RunMode.MULTIRUN:
            done, batch = config.hydra.job.num + 1, config.hydra.sweeper.get("max_batch_size")
            if done == self._jobs or (batch and done % batch == 0):
                self.after_failure(config)

    def after_failure(self, config: DictConfig) -> None:
        """Compare the jobs so far, unless the sweeper will reach the end of the multirun."""
        if config.hydra.sweeper._target_ == _BREAKS_OFF:
            self.on_multirun_end(config)

    @override
    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        from hydra.utils import instantiate

        from runs.comparison.compared_run import ComparedRun
        from runs.comparison.finished import finish_comparison
        from runs.judging.predictor_table import compare_predictors
        from runs.sweep.group import sweep_group

        folder = Path(config.hydra.sweep.dir)
        jobs = [file.parent for file in folder.glob("*/metrics.json")]
        if not jobs:
            log.warning("%s: no job of the sweep left a metrics.json", folder)
            return
        runs = [ComparedRun.read(name, job) for job, name in job_names(jobs).items()]
        if all("predictor" in run.metrics for run in runs):
            compare_predictors(runs, folder)
            return
        best = max(runs, key=lambda run: run.score("map"))
        data = OmegaConf.load(best.folder / "config.yaml").datamodule
        picture = instantiate(data, _convert_="all").picture
        settings, group = _settings(runs), sweep_group(folder)
        finish_comparison(runs, folder, picture, config.logger, settings, group)
        _keep_best(runs, folder)


def _job_count(config: DictConfig) -> int:
    """How many jobs the grid of a command line has."""
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    params = config.hydra.sweeper.get("params") or {}
    words = [*(f"{key}={value}" for key, value in params.items()), *config.hydra.overrides.task]
    (jobs,) = BasicSweeper.split_arguments(parser.parse_overrides(words), max_batch_size=None)
    return len(jobs)


def _settings(runs: Sequence[ComparedRun]) -> ParallelCoordinates | None:
    from evaluation.report.parallel_coordinates import parallel_coordinates

    words = own_words([run.folder for run in runs])
    settings = {
        run.name: dict(word.lstrip("+").partition("=")[::2] for word in words[run.folder])
        for run in runs
    }
    return parallel_coordinates(settings, {run.name: run.val_map for run in runs}, "val/map")


def _keep_best(runs: Sequence[ComparedRun], folder: Path) -> None:
    """The best is that of the validation, for the test is to tell how good it is."""
    from runs.sweep.best_experiment import write_best_experiment

    best = max(runs, key=lambda run: run.val_map)
    if math.isnan(best.val_map):
        return
    why = f"The best of {len(runs)} runs by val/map, {best.val_map:.3f}: {best.folder.name}."
    log.info("best:       %s (%s)", write_best_experiment(folder, best.folder, why), best.name)


def job_names(jobs: list[Path]) -> dict[Path, str]:
    """Job folder -> what was set on its command line and not on that of every job."""
    ordered = sorted(jobs, key=lambda job: (len(job.name), job.name))
    own = {job: " ".join(words) for job, words in own_words(ordered).items()}
    unique = len(set(own.values())) == len(own)
    return own if unique and all(own.values()) else {job: job.name for job in ordered}


def own_words(jobs: Sequence[Path]) -> dict[Path, list[str]]:
    """Job folder -> the words of its command line that not every job had."""
    words = {job: command_line(job) for job in jobs}
    shared = set.intersection(*(set(each) for each in words.values()))
    return {job: [word for word in each if word not in shared] for job, each in words.items()}


def command_line(job: Path) -> list[str]:
    """The words of a job's command line, interpolations as they stand."""
    words: Any = OmegaConf.to_container(OmegaConf.load(job / ".hydra" / "overrides.yaml"))
    return [str(word) for word in words]
