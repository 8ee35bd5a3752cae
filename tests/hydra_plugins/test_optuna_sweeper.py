"""A study over Hydra's jobs: searched, pruned, failed, killed and gone on with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from optuna.trial import FrozenTrial, TrialState

from callbacks.trial_journal import open_study

ROOT = Path(__file__).resolve().parents[2]
# Trains nothing; the best lr is 1e-2.
APP = """
import json, math, os, signal, sys
from pathlib import Path
from types import SimpleNamespace
import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate

node = {"lr": 1e-3, "kind": "a", "epochs": 0, "fail": [], "kill": -1, "callbacks": {},
        "hydra": {"sweep": {"subdir": "${hydra.job.num}"}}}
ConfigStore.instance().store("toy", node)

@hydra.main(config_path=None, config_name="toy", version_base="1.3")
def main(cfg):
    number = int(HydraConfig.get().job.num)
    folder = Path(HydraConfig.get().runtime.output_dir)
    with (folder / "begun").open("a") as file:
        file.write("x")
    if number == cfg.kill and not Path("killed").exists():
        Path("killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if number in cfg.fail:
        raise ValueError(f"trial {number} cannot be")
    value = -abs(math.log10(cfg.lr) + 2) - (cfg.kind == "b")
    for epoch in range(cfg.epochs):
        trainer = SimpleNamespace(
            sanity_checking=False, is_global_zero=True, should_stop=False, current_epoch=epoch,
            callback_metrics={"val/map": value},
            checkpoint_callback=SimpleNamespace(monitor="val/map"),
            strategy=SimpleNamespace(broadcast=lambda flag: flag),
        )
        instantiate(cfg.callbacks.trial).on_validation_end(trainer, None)
        if trainer.should_stop:
            (folder / "stopped").write_text(str(epoch))
            break
    return value

main()
"""
SPACE = ("lr=tag(log,interval(1e-4,1))", "kind=a,b")


def sweep(folder: Path, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    (folder / "toy.py").write_text(APP)
    fixed = [f"hydra.searchpath=[file://{ROOT}/conf]", "hydra.sweep.dir=sweep"]
    done = subprocess.run(
        [sys.executable, "toy.py", "-m", "hydra/sweeper=optuna", *fixed, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "HYDRA_FULL_ERROR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not check or done.returncode == 0, done.stderr
    return done


def trials_of(folder: Path) -> list[FrozenTrial]:
    return open_study(folder / "sweep" / "study.journal").trials


def begun(folder: Path) -> dict[int, int]:
    """Trial -> how often it was begun."""
    files = (folder / "sweep").glob("*/begun")
    return {int(file.parent.name): len(file.read_text()) for file in sorted(files)}


def test_a_search_finds_better_values_than_it_began_with(tmp_path: Path) -> None:
    sweep(tmp_path, *SPACE, "hydra.sweeper.n_trials=24", "hydra.sweeper.n_jobs=4")
    trials = trials_of(tmp_path)
    assert [trial.number for trial in trials] == list(range(24))
    assert all(1e-4 <= trial.params["lr"] <= 1 for trial in trials)
    values = [trial.value or 0.0 for trial in trials]
    assert max(values[8:]) > max(values[:8])
    assert sum(values[12:]) > sum(values[:12])
    words = (tmp_path / "sweep" / "5" / ".hydra" / "overrides.yaml").read_text()
    assert f"lr={trials[5].params['lr']}" in words


def test_a_failed_trial_is_noted_and_the_sweep_goes_on(tmp_path: Path) -> None:
    done = sweep(tmp_path, *SPACE, "hydra.sweeper.n_trials=4", "hydra.sweeper.n_jobs=2", "fail=[1]")
    states = [trial.state for trial in trials_of(tmp_path)]
    assert states == [TrialState.COMPLETE, TrialState.FAIL, *[TrialState.COMPLETE] * 2]
    assert "Trial 1 failed: trial 1 cannot be" in done.stdout
    assert "Trials: 3 complete, 1 fail" in done.stdout


def test_a_killed_sweep_goes_on_with_the_same_command(tmp_path: Path) -> None:
    words = (*SPACE, "hydra.sweeper.n_trials=5", "kill=2")
    killed = sweep(tmp_path, *words, check=False)
    assert killed.returncode == -signal.SIGKILL
    before = [trial.params for trial in trials_of(tmp_path)]
    assert len(before) == 3
    # What a process that was killed while it wrote leaves behind.
    with (tmp_path / "sweep" / "study.journal").open("ab") as journal:
        journal.write(b'{"op_code":6,"wor')
    again = sweep(tmp_path, *words)
    trials = trials_of(tmp_path)
    assert [trial.params for trial in trials[:3]] == before
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 5
    assert begun(tmp_path) == {0: 1, 1: 1, 2: 2, 3: 1, 4: 1}
    assert "ends in the middle of a line" in again.stdout
    # Another seed: else it would propose once more what it began with.
    assert len({trial.params["lr"] for trial in trials}) == 5
    sweep(tmp_path, *words, "hydra.sweeper.n_trials=6")
    assert begun(tmp_path)[5] == 1


def test_a_trial_that_ended_after_the_sweep_was_killed_counts(tmp_path: Path) -> None:
    words = (*SPACE, "hydra.sweeper.n_trials=2", "kill=1")
    sweep(tmp_path, *words, check=False)
    (tmp_path / "sweep" / "1" / "metrics.json").write_text('{"best_val_map": 0.25}')
    sweep(tmp_path, *words)
    assert trials_of(tmp_path)[1].value == 0.25
    assert begun(tmp_path) == {0: 1, 1: 1}


def test_hopeless_trials_are_pruned(tmp_path: Path) -> None:
    small = ("hydra.sweeper.pruner.n_startup_trials=2", "hydra.sweeper.pruner.n_warmup_steps=1")
    sweep(tmp_path, *SPACE, "epochs=4", "hydra.sweeper.n_trials=10", *small)
    pruned = [trial for trial in trials_of(tmp_path) if trial.state is TrialState.PRUNED]
    assert pruned
    for trial in pruned:
        assert (tmp_path / "sweep" / str(trial.number) / "stopped").read_text() == "1"
        assert list(trial.intermediate_values) == [0, 1]
    others = [trial for trial in trials_of(tmp_path) if trial.state is TrialState.COMPLETE]
    assert all(len(trial.intermediate_values) == 4 for trial in others)


def test_what_cannot_begin_or_brings_nothing_ends_in_an_error(tmp_path: Path) -> None:
    for word, told in (("epochs=1", "nothing to search"), ("lar=1,2", "lar")):
        done = sweep(tmp_path, word, check=False)
        assert done.returncode == 1
        assert told in done.stderr
        assert not (tmp_path / "sweep" / "study.journal").exists()
    done = sweep(tmp_path, *SPACE, "fail=[0]", "hydra.sweeper.n_trials=1", check=False)
    assert done.returncode == 1
    assert "all 1 trials of the sweep failed" in done.stderr
