"""`hydra/sweeper=optuna`: a multirun as an Optuna study, whose trials are jobs of any launcher."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from typing_extensions import override

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

    from runs.sweep.search_space import SearchSpace
    from runs.sweep.trial_study import TrialStudy

log = logging.getLogger(__name__)

# The same words for all jobs, so that no name of a run shows them.
_RESUMED = "++resume=auto"  # a trial that was killed goes on in its folder
_PRUNING = (
    "+callbacks.trial._target_=callbacks.trial_pruning.TrialPruning",
    "+callbacks.trial.storage=${hydra:sweeper.storage}",
    "+callbacks.trial.number=${hydra:job.num}",
    "+callbacks.trial.pruner=${hydra:sweeper.pruner}",
)


class OptunaSweeper(Sweeper):
    """Runs batches of trials until the study has enough, and goes on where it was killed.

    The folder of a trial is its number. A failed trial is noted and the sweep goes on. After a kill
    the trials that had begun are run again, in their folders; those that ended meanwhile are not.

    Args:
        n_trials: of the study in all.
        n_jobs: trials at once.
        storage: the study's journal.
        seed: of the sampler.
        sampler: config of an `optuna.samplers` class.
        pruner: config of an `optuna.pruners` class, or None.
        params: key -> sweep.
    """

    def __init__(
        self,
        n_trials: int,
        n_jobs: int,
        storage: str,
        seed: int,
        sampler: DictConfig,
        pruner: DictConfig | None,
        params: DictConfig,
    ) -> None:
        for name, value in (("n_trials", n_trials), ("n_jobs", n_jobs)):
            if type(value) is not int or value < 1:
                raise ValueError(f"hydra.sweeper.{name}: must be 1 or more, got {value!r}")
        self._n_trials, self._n_jobs = n_trials, n_jobs
        self._storage, self._seed = Path(storage), seed
        self._sampler, self._pruner, self._params = sampler, pruner, params
        self.hydra_context: HydraContext | None = None
        self.config: DictConfig | None = None
        self.launcher: Launcher | None = None

    @override
    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.hydra_context, self.config = hydra_context, config
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    @override
    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        try:
            import optuna  # noqa: F401
        except ModuleNotFoundError as error:
            raise ValueError(
                'hydra/sweeper=optuna needs Optuna: pip install -c constraints.txt -e ".[sweep]"'
            ) from error
        from runs.sweep.search_space import read_search_space
        from runs.sweep.trial_study import TrialStudy

        assert self.hydra_context is not None
        assert self.config is not None
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        space = read_search_space(self._params, arguments, parser)
        # A key that does not exist is told before there is a study.
        self.validate_batch_is_legal([self._words(space, space.first(), 0)])
        study = TrialStudy(self._storage, space, self._make_sampler)
        OmegaConf.save(self.config, self._folder / "multirun.yaml")
        returns = [self._run(study, space, batch) for batch in self._killed(study)]
        while missing := max(0, self._n_trials - len(study.trials)):
            batch = [study.ask() for _ in range(min(missing, self._n_jobs))]
            returns.append(self._run(study, space, batch))
        _require_success(study)
        return returns

    @property
    def _folder(self) -> Path:
        assert self.config is not None
        return Path(self.config.hydra.sweep.dir)

    def _make_sampler(self, begun: int) -> BaseSampler:
        """A resumed sweep has another seed, or it would propose its first trials once more."""
        sampler: BaseSampler = instantiate(self._sampler, seed=self._seed + begun)
        return sampler

    def _words(self, space: SearchSpace, values: dict[str, Any], number: int) -> list[str]:
        pruning = _PRUNING if self._pruner is not None else ()
        return [*space.overrides(values), *pruning, _RESUMED, f"hydra.sweep.subdir={number}"]

    def _killed(self, study: TrialStudy) -> Iterator[list[FrozenTrial]]:
        """Batches of trials that had begun when the sweep was killed, and have not ended since."""
        from runs.slurm.surviving_jobs import wait_for_survivors

        batch: list[FrozenTrial] = []
        unfinished = study.unfinished()
        wait_for_survivors([self._folder / str(trial.number) for trial in unfinished])
        for trial in unfinished:
            value = _left_value(self._folder / str(trial.number))
            if value is not None:
                study.tell(trial.number, value)
                continue
            # The launcher counts on from the first job's number.
            follows = not batch or trial.number == batch[-1].number + 1
            if batch and (not follows or len(batch) == self._n_jobs):
                yield batch
                batch = []
            batch.append(trial)
        if batch:
            yield batch

    def _run(
        self, study: TrialStudy, space: SearchSpace, batch: Sequence[FrozenTrial]
    ) -> Sequence[JobReturn]:
        assert self.launcher is not None
        words = [self._words(space, trial.params, trial.number) for trial in batch]
        returns = self.launcher.launch(words, initial_job_idx=batch[0].number)
        for trial, job in zip(batch, returns, strict=True):
            study.tell(trial.number, _value(job, trial.number))
        return returns


def _value(job: JobReturn, number: int) -> Any:
    if job.status is JobStatus.COMPLETED:
        return job.return_value
    try:
        return job.return_value
    except Exception as error:
        log.error("Trial %d failed: %s", number, error, exc_info=error)
        return None


def _left_value(folder: Path) -> Any:
    """The `val/map` of a training that ended after the sweep did; None if it has not ended."""
    file = folder / "metrics.json"
    if not file.is_file():
        return None
    return json.loads(file.read_text(encoding="utf-8")).get("best_val_map")


def _require_success(study: TrialStudy) -> None:
    states = Counter(trial.state.name.lower() for trial in study.trials)
    log.info("Trials: %s", ", ".join(f"{count} {state}" for state, count in states.items()))
    if not states["complete"] + states["pruned"]:
        raise ValueError(
            f"all {len(study.trials)} trials of the sweep failed; their errors stand above and in "
            "the log of each trial's folder"
        )
