"""The study of a sweep on disk: opened anew or where it stopped, and its trials."""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import distribution_to_json
from optuna.samplers import BaseSampler
from optuna.storages.journal import JournalFileSymlinkLock
from optuna.trial import FrozenTrial, TrialState

from callbacks.trial_journal import PRUNED, open_study
from runs.sweep.search_space import SearchSpace

log = logging.getLogger(__name__)

_IDENTITY = "searched"  # attribute of a study: what it searches


class TrialStudy:
    """An Optuna study of what `train.py` returns, kept in a journal.

    Args:
        storage: the journal, made where absent.
        space: what is searched.
        make_sampler: number of trials there are -> what proposes the next.

    Raises:
        ValueError: if the file is no journal, or that of another sweep.
    """

    def __init__(
        self, storage: Path, space: SearchSpace, make_sampler: Callable[[int], BaseSampler]
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._space = space
        storage.parent.mkdir(parents=True, exist_ok=True)
        _mend_tail(storage)
        try:
            self._study = open_study(storage, new=True)
            searched = self._study.user_attrs.get(_IDENTITY)
            self._study.sampler = make_sampler(len(self._study.trials))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{storage}: not the journal of a sweep; move it away, or name another folder "
                "(hydra.sweep.dir=…)"
            ) from error
        if searched is None:
            _require_empty(self._study, storage)
            self._study.set_user_attr(_IDENTITY, _identity(space))
        elif searched != _identity(space):
            raise ValueError(
                f"{storage}: belongs to another sweep, and trials of two searches do not compare:\n"
                f"{_differences(searched, _identity(space))}\n"
                "Call the very command that began it (hydra.sweeper.n_trials may grow), or name "
                "another folder (hydra.sweep.dir=…)"
            )

    @property
    def trials(self) -> list[FrozenTrial]:
        """All so far, by number."""
        return self._study.get_trials(deepcopy=False)

    def ask(self) -> FrozenTrial:
        """A new trial with values to try."""
        trial = self._study.ask(dict(self._space.distributions))
        return self.trials[trial.number]

    def unfinished(self) -> list[FrozenTrial]:
        """Those that were told no end, since the process that ran the sweep was killed."""
        running = [trial for trial in self.trials if trial.state is TrialState.RUNNING]
        for trial in running:
            if set(trial.params) != set(self._space.distributions):
                self._study.tell(trial.number, state=TrialState.FAIL)  # killed while asked for
        return [trial for trial in running if set(trial.params) == set(self._space.distributions)]

    def tell(self, number: int, value: Any) -> None:
        """Note the end of a trial.

        Args:
            number: of the trial.
            value: its `val/map`; what is no finite number counts as a failure, None for one.
        """
        if PRUNED in self.trials[number].user_attrs:
            self._study.tell(number, state=TrialState.PRUNED)
        elif isinstance(value, int | float) and math.isfinite(value):
            self._study.tell(number, float(value))
        else:
            self._study.tell(number, state=TrialState.FAIL)


def _mend_tail(storage: Path) -> None:
    """Cut off the half line that a process killed while writing left behind."""
    if not storage.is_file():
        return
    lock = JournalFileSymlinkLock(str(storage))
    lock.acquire()
    try:
        content = storage.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole and whole < len(content):
            log.warning("%s: ends in the middle of a line, which is dropped", storage)
            os.truncate(storage, whole)
    finally:
        lock.release()


def _require_empty(study: optuna.Study, storage: Path) -> None:
    if study.trials:
        raise ValueError(
            f"{storage}: holds a study that this project did not begin; name another folder "
            "(hydra.sweep.dir=…)"
        )


def _identity(space: SearchSpace) -> dict[str, Any]:
    searched = {
        key: json.loads(distribution_to_json(distribution))
        for key, distribution in space.distributions.items()
    }
    # What goes on although the code has changed searches the same.
    fixed = [word for word in space.fixed if word.lstrip("+").lower() != "force=true"]
    return {"searched": searched, "fixed": sorted(fixed)}


def _differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    lines = []
    for name, study in (("there", (there, here)), ("here", (here, there))):
        own, other = study
        lines += [
            f"  only {name}: {key} in {value['attributes']}"
            for key, value in own["searched"].items()
            if other["searched"].get(key) != value
        ]
        lines += [f"  only {name}: {word}" for word in own["fixed"] if word not in other["fixed"]]
    return "\n".join(lines)
