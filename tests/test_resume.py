"""A training that is killed again and again gives what one that never was gives.

`DETECTOR_ZOO_KILLS=20 python -m pytest tests/test_resume.py` kills more often than a usual run.
"""

from __future__ import annotations

import csv
import multiprocessing
import os
import random
import signal
import time
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from callbacks.point_files import PointFiles
from callbacks.wandb_file import joined_history
from runs.code_version import write_code_version
from runs.folder_lock import sole_process
from runs.resuming import find_resumption, resumed_config
from runs.run_folder import write_config

ROOT = Path(__file__).resolve().parents[1]
KILLS = int(os.environ.get("DETECTOR_ZOO_KILLS", "3"))
EPOCHS = max(2, -(-KILLS // 3))
# What a clock or an allocator says, and names that W&B draws.
OF_THE_MACHINE = ("_timestamp", "_runtime", "frames_per_second", "memory", "table", "picture")


def composed(folder: Path, data: Path, *overrides: str) -> Any:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose(
            "train",
            overrides=[
                f"paths.root={folder}",
                f"paths.data={data}",
                f"paths.run={folder}",
                "trainer=cpu",
                "trainer.log_every_n_steps=1",
                f"trainer.max_epochs={EPOCHS}",
                "datamodule.draw.pictures=24",
                "datamodule.draw.seed=3",
                "datamodule.batch_size=2",
                "callbacks=[default,ema]",
                "callbacks.resume_points.every_n_steps=3",
                "~callbacks.progress",
                *overrides,
            ],
        )


def train_once(folder: Path, data: Path, *overrides: str) -> None:
    from train import train

    os.setsid()  # so that a kill takes W&B's process, too
    os.environ.pop("WANDB_SERVICE", None)  # that of another test outlives the kill
    torch.set_num_threads(1)
    train(composed(folder, data, *overrides))


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Processes that begin with everything imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["train", "callbacks.evaluation", "timm", "wandb"])
    return context


def rows(folder: Path) -> list[dict[str, str]]:
    file = folder / "csv" / "metrics.csv"
    if not file.is_file():
        return []
    with file.open(newline="") as stream:
        return [
            {key: value for key, value in row.items() if value and not of_the_machine(key)}
            for row in csv.DictReader(stream)
        ]


def of_the_machine(key: str) -> bool:
    return any(part in key for part in OF_THE_MACHINE)


def wandb_rows(folder: Path) -> list[dict[str, Any]]:
    joined = joined_history(sorted(folder.glob("wandb/offline-run-*/*.wandb")))
    return [{k: v for k, v in row.items() if not of_the_machine(k)} for row in joined]


def kill_after_some_rows(process: Any, folder: Path, draws: random.Random) -> None:
    """Wait until something was logged, then a moment more, which may end in any line of code."""
    wanted = len(rows(folder)) + draws.randint(1, 9)
    deadline = time.monotonic() + 300
    while process.is_alive() and len(rows(folder)) < wanted and time.monotonic() < deadline:
        process.join(0.02)
    process.join(draws.uniform(0, 1))
    if process.is_alive():
        os.killpg(process.pid, signal.SIGKILL)
    process.join()


@pytest.mark.slow
def test_a_killed_training_ends_as_one_that_never_was(
    processes: ForkServerContext, drawn_root: Path, tmp_path: Path
) -> None:
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    data, draws = drawn_root.parent, random.Random(KILLS)
    reference = processes.Process(target=train_once, args=(alone, data))
    reference.start()
    kills = 0
    while kills < KILLS:
        process = processes.Process(target=train_once, args=(killed, data, "resume=auto"))
        process.start()
        kill_after_some_rows(process, killed, draws)
        assert process.exitcode in (0, -signal.SIGKILL)
        kills += process.exitcode != 0
        if process.exitcode == 0:
            break
    assert kills > 0
    last = processes.Process(target=train_once, args=(killed, data, "resume=auto"))
    last.start()
    for process in (last, reference):
        process.join(600)
        assert process.exitcode == 0
    for name in ("best.ckpt", "last.ckpt"):
        require_equal_states(*(torch.load(f / name, weights_only=True) for f in (alone, killed)))
    assert rows(killed) == rows(alone)
    assert [row["_step"] for row in wandb_rows(killed)] == list(range(len(wandb_rows(alone))))
    assert wandb_rows(killed) == wandb_rows(alone)
    ids = {folder.name.rpartition("-")[2] for folder in killed.glob("wandb/offline-run-*")}
    assert ids == {(killed / "wandb_id.txt").read_text()}


def require_equal_states(alone: dict[str, Any], killed: dict[str, Any]) -> None:
    for key in ("state_dict", "current_model_state"):
        assert alone[key].keys() == killed[key].keys()
        assert all(torch.equal(value, killed[key][name]) for name, value in alone[key].items())
    assert alone["global_step"] == killed["global_step"]
    assert alone["loops"]["fit_loop"] == killed["loops"]["fit_loop"]
    assert alone["lr_schedulers"] == killed["lr_schedulers"]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder without a checkpoint."""
    write_config(composed(tmp_path, tmp_path), tmp_path)
    write_code_version(tmp_path)
    return tmp_path


def point(file: Path, epoch: int) -> None:
    state = {"epoch": epoch, "batches": 2, "best": None, "loggers": {"MetricsCSV": 5}}
    torch.save({"resume": state}, file)


def test_a_run_is_resumed_with_its_own_config(run: Path) -> None:
    asked = OmegaConf.merge(composed(Path("elsewhere"), Path("elsewhere")), {"resume": str(run)})
    resumed = resumed_config(asked)  # type: ignore[arg-type]
    assert resumed.paths.run == str(run)
    assert resumed.trainer.max_epochs == EPOCHS


def test_the_config_of_a_stranger_may_not_name_anything(run: Path) -> None:
    file = run / "config.yaml"
    file.write_text(file.read_text() + "stranger: {_target_: os.system, command: 'true'}\n")
    with pytest.raises(ValueError, match=r"config.yaml: stranger._target_ is 'os.system'"):
        resumed_config(composed(run, run, f"resume={run}"))


def test_another_config_is_listed_and_needs_force(run: Path) -> None:
    changed = ("resume=auto", "trainer.max_epochs=99")
    with pytest.raises(ValueError, match=rf"force=true.*\n  trainer.max_epochs: {EPOCHS} -> 99$"):
        resumed_config(composed(run, run, *changed))
    assert resumed_config(composed(run, run, *changed, "force=true")).trainer.max_epochs == 99


def test_other_code_is_listed_and_needs_force(run: Path) -> None:
    file = run / "code.json"
    file.write_text(file.read_text().replace("detectors/base.py", "detectors/basis.py"))
    with pytest.raises(ValueError, match=r"code: detectors/base\.py, detectors/basis\.py"):
        resumed_config(composed(run, run, "resume=auto"))


@pytest.mark.parametrize(("rank", "written"), [("0", True), ("1", False)])
def test_only_the_first_of_processes_that_begin_together_marks_the_folder_as_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: str, written: bool
) -> None:
    import train

    def stop(_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "ranks_to_start", stop)
    monkeypatch.setenv("SLURM_PROCID", rank)
    with pytest.raises(KeyboardInterrupt):
        train.train(composed(tmp_path, tmp_path, "resume=auto"))
    assert (tmp_path / "config.yaml").exists() == written
    assert find_resumption(composed(tmp_path, tmp_path, "resume=auto")).again == written


def test_a_folder_that_is_trained_in_is_refused(run: Path) -> None:
    import train

    before = (run / "config.yaml").read_bytes()
    asked = composed(run, run, "resume=auto", "trainer.max_epochs=99", "force=true")
    with sole_process(run), pytest.raises(ValueError, match=r"process \d+ on .* is writing there"):
        train.train(asked)
    assert (run / "config.yaml").read_bytes() == before


def test_a_config_with_a_fault_marks_nothing_as_begun(tmp_path: Path) -> None:
    import train

    with pytest.raises(ValueError, match=r"model.parameter_groups"):
        train.train(composed(tmp_path, tmp_path, "++model.parameter_groups=3"))
    assert not (tmp_path / "config.yaml").exists()


def test_a_folder_of_no_training_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"holds no config.yaml"):
        resumed_config(composed(tmp_path, tmp_path, f"resume={tmp_path}"))


def test_a_moved_folder_is_refused(run: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    moved = tmp_path_factory.mktemp("moved") / "run"
    run.rename(moved)
    with pytest.raises(ValueError, match=r"move .* back there"):
        resumed_config(composed(run, run, f"resume={moved}"))


def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files, cfg = PointFiles(run), composed(run, run, "resume=auto")
    assert find_resumption(cfg).again
    point(files.before_last, epoch=3)
    point(files.last, epoch=4)
    assert find_resumption(cfg).epoch == 4
    files.last.write_bytes(files.last.read_bytes()[:-200])
    found = find_resumption(cfg)
    assert (found.checkpoint, found.epoch, found.batches) == (files.before_last, 3, 2)
    assert "last.ckpt: damaged" in caplog.text
    files.before_last.write_bytes(b"")
    with pytest.raises(ValueError, match=r"no checkpoint in .* can be read"):
        find_resumption(cfg)
