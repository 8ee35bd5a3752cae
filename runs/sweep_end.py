"""What stands at the end of a multirun: all its jobs side by side."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn, JobStatus
from hydra.experimental.callback import Callback
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from typing_extensions import override

log = logging.getLogger(__name__)

_IN_THIS_PROCESS = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"


class CompareJobs(Callback):
    """Compares the finished jobs of `python train.py -m …` once the last one has ended.

    Hydra runs the jobs that follow a failed one, but no `on_multirun_end` then. So that no table is
    lost, from the failure on one is made after each job; a launcher whose jobs do not run in this
    process calls it itself.
    """

    _failed = False

    @override
    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        self._failed |= job_return.status is JobStatus.FAILED
        here = config.hydra.launcher._target_ == _IN_THIS_PROCESS
        if self._failed and here and config.hydra.mode is RunMode.MULTIRUN:
            self.on_multirun_end(config)

    @override
    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        from hydra.utils import instantiate

        from runs.compared_run import ComparedRun
        from runs.comparison import compare
        from runs.predictor_table import compare_predictors

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
        compare(runs, folder, instantiate(data, _convert_="all").picture)


def job_names(jobs: list[Path]) -> dict[Path, str]:
    """Job folder -> what was set on its command line and not on that of every job."""
    overrides = {job: list(OmegaConf.load(job / ".hydra" / "overrides.yaml")) for job in jobs}
    shared = set.intersection(*(set(values) for values in overrides.values()))
    ordered = sorted(jobs, key=lambda job: (len(job.name), job.name))
    own = {job: " ".join(v for v in overrides[job] if v not in shared) for job in ordered}
    unique = len(set(own.values())) == len(own)
    return own if unique and all(own.values()) else {job: job.name for job in ordered}
