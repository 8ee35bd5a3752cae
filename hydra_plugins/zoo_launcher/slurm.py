"""`hydra/launcher=slurm`: the jobs of a multirun as one array of SLURM jobs."""

from __future__ import annotations

import logging
import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, JobStatus
from hydra_plugins.hydra_submitit_launcher.config import BaseQueueConf
from hydra_plugins.hydra_submitit_launcher.submitit_launcher import SlurmLauncher as OfSubmitit
from omegaconf import OmegaConf, open_dict
from typing_extensions import override

if TYPE_CHECKING:
    from runs.slurm.outcome import Submitted

log = logging.getLogger(__name__)

# Imports of this project stand within functions: Hydra runs this file at every start.
_ROOT = Path(__file__).resolve().parents[2]
# sbatch would rather take these from the environment than from the script.
_VARIABLES = {
    "partition": "SBATCH_PARTITION",
    "account": "SBATCH_ACCOUNT",
    "qos": "SBATCH_QOS",
    "timeout_min": "SBATCH_TIMELIMIT",
    "mem_gb": "SBATCH_MEM_PER_NODE",
    "gpus_per_node": "SBATCH_GPUS_PER_NODE",
}
# W&B's process of this machine, which a job on another one would look for in vain.
_OF_THIS_MACHINE = "WANDB_SERVICE"
_OF_THE_EXECUTOR = ("submitit_folder", "max_num_timeout")
# Before the user's own lines, whose list would take the place of one in YAML.
_SETUP = (
    # The packages of this tree are there whatever folder the jobs are submitted from.
    f"export PYTHONPATH={shlex.quote(str(_ROOT))}${{PYTHONPATH:+:$PYTHONPATH}}",
    # srun does not inherit --cpus-per-task from SLURM 22.05 on.
    "export SRUN_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-1}",
    "export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$SRUN_CPUS_PER_TASK}",
    # A process that ends with an error takes those with it that would wait for it.
    "export SLURM_KILL_BAD_EXIT=1",
)


class SlurmLauncher(OfSubmitit):
    """Submits, waits for all jobs, and says of each what became of it.

    Unlike with submitit's own, nothing is submitted that cannot run; a job that fails has an exit
    code that SLURM sees, and the others are still waited for; one that was killed is noticed
    without accounting, too. Where this process is ended (Ctrl-C), the jobs go on.

    Args:
        params: `conf/hydra/launcher/slurm.yaml`.
    """

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self._ended: list[Any] = []

    @override
    def __call__(self, *args: Any, **kwargs: Any) -> JobReturn:
        """Run one job, within SLURM.

        Raises:
            JobFailed: if it did.
        """
        from runs.explained_errors import explain
        from runs.slurm.outcome import JobFailed

        returned = super().__call__(*args, **kwargs)
        if returned.status is JobStatus.FAILED:
            error = returned._return_value
            log.error("the job failed", exc_info=error)
            raise JobFailed(explain(error) or f"{type(error).__name__}: {error}") from error
        return returned

    @override
    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Submit jobs, wait for them, and report what became of all jobs of the sweep so far.

        Raises:
            ValueError: if they cannot run on this cluster as they are asked for.
        """
        from runs.slurm.outcome import outcome, wait_for
        from runs.slurm.request import check_cluster
        from runs.slurm.surviving_jobs import wait_for_survivors
        from runs.sweep.end import CompareJobs
        from runs.sweep.jobs import report_jobs

        folders = [
            self._checked_folder(number, list(overrides))
            for number, overrides in enumerate(job_overrides, start=initial_job_idx)
        ]
        check_cluster(self.params)
        sweep = Path(str(self.config.hydra.sweep.dir))  # type: ignore[union-attr]
        sweep.mkdir(parents=True, exist_ok=True)
        # Of a sweep that is repeated: two trainings in one folder would ruin it.
        wait_for_survivors(folders)
        jobs = self._submit(job_overrides, initial_job_idx, folders)
        states = wait_for(jobs)
        outcomes = [outcome(job, states[job.id]) for job in jobs]
        self._ended += [ended for ended, _ in outcomes]
        returned = [each for _, each in outcomes]
        if any(each.status is JobStatus.FAILED for each in returned):
            CompareJobs().after_failure(self.config)  # type: ignore[arg-type]
        report_jobs(self._ended, sweep)
        return returned

    def _checked_folder(self, number: int, overrides: list[str]) -> Path:
        """Compose a job's config, as the job itself will, check it, and name its run folder."""
        from runs.config.settings import TRAINING, check_settings
        from runs.slurm.request import check_processes
        from runs.slurm.tasks import Processes

        assert self.hydra_context is not None
        loader = self.hydra_context.config_loader
        config = loader.load_sweep_config(self.config, overrides)  # type: ignore[arg-type]
        with open_dict(config.hydra.job):
            config.hydra.job.num = number
        check_settings(config, TRAINING)
        trainer = OmegaConf.select(config, "trainer")
        if trainer is not None:
            if trainer.accelerator == "gpu" and not self.params.get("gpus_per_node"):
                self.params["gpus_per_node"] = Processes.of(trainer).per_node
            check_processes(trainer, self.params)
        return Path(str(config.hydra.sweep.dir)) / str(config.hydra.sweep.subdir)

    def _submit(
        self, job_overrides: Sequence[Sequence[str]], first: int, folders: Sequence[Path]
    ) -> list[Submitted]:
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        from runs.slurm.outcome import Submitted

        numbers = range(first, first + len(job_overrides))
        state = Singleton.get_state()
        arguments = [
            (list(overrides), "hydra.sweep.dir", number, f"job_id_for_{number}", state)
            for number, overrides in zip(numbers, job_overrides, strict=True)
        ]
        try:
            with _script_before_environment(self.params):
                jobs = self._executor().map_array(self, *zip(*arguments, strict=True))
        except (FailedJobError, FailedSubmissionError) as error:
            raise ValueError(f"hydra/launcher=slurm: SLURM refused the jobs: {error}") from error
        submitted = [
            Submitted(*each) for each in zip(numbers, job_overrides, folders, jobs, strict=True)
        ]
        for job in submitted:
            job.link_logs()
        main = submitted[0].id.partition("_")[0]
        log.info(
            "%d jobs are in the queue: squeue --jobs=%s; this process waits for them, and if it is "
            "ended, they go on (scancel %s ends them)", len(jobs), main, main,
        )  # fmt: skip
        return submitted

    def _executor(self) -> Any:
        import submitit

        shared = set(OmegaConf.structured(BaseQueueConf).keys())
        asked = {
            key if key in shared else f"slurm_{key}": value
            for key, value in self.params.items()
            if key not in _OF_THE_EXECUTOR
        }
        asked["slurm_setup"] = [*_SETUP, *(asked.get("slurm_setup") or [])]
        executor = submitit.AutoExecutor(
            folder=self.params["submitit_folder"],
            cluster="slurm",
            slurm_max_num_timeout=self.params["max_num_timeout"],
        )
        executor.update_parameters(**asked)
        return executor


@contextmanager
def _script_before_environment(params: dict[str, Any]) -> Iterator[None]:
    """Hide the variables of sbatch that would win over what the launcher was given.

    And what is of no use to a job, for sbatch hands on the whole environment: where this process
    runs in a job itself (on a node that somebody works on), that job's tasks, binding of CPUs and
    count of restarts.
    """
    hidden = [name for key, name in _VARIABLES.items() if params.get(key) is not None]
    hidden.append(_OF_THIS_MACHINE)
    if "SLURM_JOB_ID" in os.environ:
        of_job = {name for name in os.environ if name.startswith(("SLURM_", "SRUN_"))}
        hidden += of_job - {"SLURM_CONF"}
    values = {name: os.environ.pop(name) for name in hidden if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(values)
