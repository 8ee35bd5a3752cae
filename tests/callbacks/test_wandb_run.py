"""Weights & Biases neither keeps a training waiting nor loses its thread."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import wandb

from callbacks.wandb_file import history, joined_history
from callbacks.wandb_run import ResumableWandb


@pytest.fixture(autouse=True)
def no_run_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    wandb.teardown()  # it reads the environment once
    yield
    wandb.teardown()


def parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("wandb/offline-run-*/*.wandb"), key=lambda p: p.stat().st_mtime_ns)


@pytest.mark.slow
def test_the_parts_of_a_resumed_run_join_to_one_history(tmp_path: Path) -> None:
    first = ResumableWandb(str(tmp_path), "test")
    for step in range(3):
        first.log_metrics({"loss": float(step)}, step)
    assert first.position() == 3
    # Without finishing, as after a kill: what the point counts is on disk.
    (file,) = parts(tmp_path)
    assert [row["loss"] for row in history(file)] == [0.0, 1.0, 2.0]
    first.log_metrics({"loss": 99.0}, 3)
    wandb.finish()
    second = ResumableWandb(str(tmp_path), "test")
    second.go_on_from(3)
    for step in (3, 4):
        second.log_metrics({"loss": float(step)}, step)
    assert second.position() == 5
    wandb.finish()
    files = parts(tmp_path)
    assert [row["_step"] for row in history(files[1])] == [3, 4]
    joined = joined_history(files)
    assert [row["loss"] for row in joined] == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert [row["_step"] for row in joined] == [0, 1, 2, 3, 4]
    assert {file.stem.removeprefix("run-") for file in files} == {second.version}


@pytest.mark.slow
def test_a_server_that_does_not_answer_leaves_the_run_offline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()  # and never answers
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
        monkeypatch.setenv("WANDB_MODE", "online")
        logger = ResumableWandb(str(tmp_path), "test", init_timeout=1)
        logger.log_metrics({"loss": 1.0}, 0)
        assert logger.position() == 1
        wandb.finish()
    assert "This run is logged offline" in caplog.text
    (file,) = parts(tmp_path)
    assert [row["loss"] for row in history(file)] == [1.0]


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "run-a.wandb"
    file.write_bytes(b"something else")
    with pytest.raises(ValueError, match="no history of Weights & Biases"):
        list(history(file))
