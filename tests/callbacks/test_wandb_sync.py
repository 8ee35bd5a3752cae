"""Offline parts of a run that was killed become one history, in a file as W&B writes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import wandb

from callbacks import wandb_sync
from callbacks.wandb_file import history, joined_history, records
from callbacks.wandb_sync import find_runs, join_parts, main, written


@pytest.fixture(scope="module")
def killed_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two parts; the second goes on from row 40 of the 60 that the first had."""
    folder = tmp_path_factory.mktemp("killed") / "run"
    folder.mkdir()
    options: dict[str, Any] = {"project": "zoo", "id": "abcd1234", "dir": str(folder)}
    settings = wandb.Settings(silent=True, x_disable_stats=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("WANDB_RUN_GROUP", raising=False)
        for start, rows in ((0, 60), (40, 30)):
            run = wandb.init(mode="offline", settings=settings, **options)
            if start:
                run.log({}, step=start, commit=False)
            for row in range(start, start + rows):
                run.log({"row": row, "long": "x" * 3000})  # so that records cross blocks
            (Path(run.dir) / f"picture_{start}.txt").write_text("a picture")
            run.finish()
    wandb.teardown()  # waits for what is written behind `finish`
    return folder


def parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("wandb/offline-run-*"))


def test_a_file_of_the_same_records_is_the_same_file(killed_run: Path) -> None:
    for part in parts(killed_run):
        (file,) = part.glob("*.wandb")
        assert file.stat().st_size > 3 * 32768
        assert written(records(file)) == file.read_bytes()


def test_parts_are_found_in_the_order_of_time(killed_run: Path) -> None:
    (run,) = find_runs(killed_run.parent)
    assert run.run_id == "abcd1234"
    assert [part.name for part in run.parts] == [part.name for part in parts(killed_run)]


def test_parts_are_one_history_with_every_row_once(killed_run: Path) -> None:
    (run,) = find_runs(killed_run)
    joined = join_parts(run)
    (file,) = joined.glob("run-abcd1234.wandb")
    rows = list(history(file))
    assert [row["row"] for row in rows] == list(range(70))
    assert [row["_step"] for row in rows] == list(range(70))
    assert rows == joined_history([next(part.glob("*.wandb")) for part in run.parts])
    assert {f.name for f in (joined / "files").glob("picture*")} == {
        "picture_0.txt",
        "picture_40.txt",
    }
    # What was joined is no further part.
    assert find_runs(killed_run) == [run]


def test_wandbs_own_command_takes_what_was_joined(killed_run: Path) -> None:
    (run,) = find_runs(killed_run)
    command = [*wandb_sync.upload_command(run, join_parts(run)), "--dry-run"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Would sync 1 run" in done.stdout + done.stderr
    assert "run-abcd1234.wandb" in done.stdout + done.stderr


def test_the_command_line_uploads_each_run_and_tells_of_failures(
    killed_run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    called: list[list[str]] = []

    def fail(words: list[str], **_: Any) -> Any:
        called.append(words)
        return SimpleNamespace(returncode=1)

    monkeypatch.setattr(wandb_sync.subprocess, "run", fail)
    assert main([str(killed_run), "--dry-run"]) == 0
    assert called == []
    assert main([str(killed_run)]) == 1
    ((python, *words),) = called
    assert python == sys.executable
    assert words[:6] == ["-m", "wandb", "sync", "--yes", "--include-synced", "--id"]
    assert words[6] == "abcd1234"
    assert "abcd1234: 2 part(s)" in capsys.readouterr().out


def test_a_folder_without_a_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such folder"):
        find_runs(tmp_path / "gone")
    with pytest.raises(FileNotFoundError, match="logger=csv"):
        find_runs(tmp_path)
