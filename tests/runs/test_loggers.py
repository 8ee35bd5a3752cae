"""How a run of W&B ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import wandb
from wandb.proto.wandb_internal_pb2 import Record

from callbacks.wandb_file import records
from runs.loggers import wandb_run_ends


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[wandb.Run]:
    monkeypatch.delenv("WANDB_RUN_GROUP", raising=False)
    yield wandb.init(mode="offline", dir=tmp_path, settings=wandb.Settings(silent=True))
    wandb.teardown()


def exit_code(run: wandb.Run) -> int:
    wandb.teardown()  # waits for what is written behind `finish`
    (file,) = Path(run.dir).parent.glob("*.wandb")
    (ended,) = [r for r in map(Record.FromString, records(file)) if r.HasField("exit")]
    return ended.exit.exit_code


def test_what_ends_well_is_finished(run: wandb.Run) -> None:
    with wandb_run_ends():
        run.log({"loss": 1.0})
    assert wandb.run is None
    assert exit_code(run) == 0


def test_what_breaks_off_is_no_finished_run(run: wandb.Run) -> None:
    with pytest.raises(ValueError, match="no such data"), wandb_run_ends():
        raise ValueError("no such data")
    assert wandb.run is None
    assert exit_code(run) == 1
