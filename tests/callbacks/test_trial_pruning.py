"""A trial that was pruned and then killed before its end."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from optuna.pruners import NopPruner

from callbacks.trial_journal import PRUNED, open_study
from callbacks.trial_pruning import TrialPruning


@pytest.mark.parametrize("pruned", [False, True])
def test_what_was_pruned_stays_so(tmp_path: Path, pruned: bool) -> None:
    """It would else train to its end, and still count as pruned."""
    journal = tmp_path / "study.journal"
    trial = open_study(journal, new=True).ask()
    if pruned:
        trial.set_user_attr(PRUNED, 3)
    trainer: Any = SimpleNamespace(
        sanity_checking=False,
        is_global_zero=True,
        should_stop=False,
        current_epoch=3,
        callback_metrics={"val/map": 0.5},
        checkpoint_callback=SimpleNamespace(monitor="val/map"),
        strategy=SimpleNamespace(broadcast=lambda flag: flag),
    )
    TrialPruning(str(journal), trial.number, NopPruner()).on_validation_end(trainer, None)  # type: ignore[arg-type]
    assert trainer.should_stop == pruned
