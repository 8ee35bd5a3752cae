"""Which id a run has in W&B."""

from __future__ import annotations

from pathlib import Path

import pytest

from callbacks.wandb_run import ID_FILE, ResumableWandb


def test_a_run_that_an_agent_of_a_sweep_starts_is_the_agents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_RUN_ID", "ofagent1")
    assert ResumableWandb(str(tmp_path), "zoo")._read_or_make_id() == "ofagent1"
    assert (tmp_path / ID_FILE).read_text() == "ofagent1"
    monkeypatch.delenv("WANDB_RUN_ID")
    again = ResumableWandb(str(tmp_path), "zoo")
    again.go_on_from(3)
    assert again._read_or_make_id() == "ofagent1"
    assert ResumableWandb(str(tmp_path), "zoo")._read_or_make_id() != "ofagent1"
