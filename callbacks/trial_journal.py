"""The journal of a sweep's study, which its trials write to from wherever they run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna import Study
    from optuna.pruners import BasePruner

STUDY = "sweep"  # its name in the journal
PRUNED = "pruned_after_epoch"  # attribute of a trial that was stopped early


def open_study(journal: Path, pruner: BasePruner | None = None, new: bool = False) -> Study:
    """The study, which maximises `val/map`.

    A journal needs no database, and many machines may write to it over a network's file system.

    Args:
        journal: the file.
        pruner: asked by `Trial.should_prune`.
        new: begin one where there is none.

    Raises:
        KeyError: if the journal holds no such study.
        ValueError: if the file is no journal.
    """
    from optuna import create_study, load_study
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    storage = JournalStorage(JournalFileBackend(str(journal)))
    if not new:
        return load_study(study_name=STUDY, storage=storage, pruner=pruner)
    return create_study(
        study_name=STUDY, storage=storage, direction="maximize", load_if_exists=True
    )
