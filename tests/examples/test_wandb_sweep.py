"""The sweep for W&B's own agents says what Hydra understands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir

from runs.config.targets import check_arguments

ROOT = Path(__file__).resolve().parents[2]
SWEEP: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "wandb_sweep.yaml").read_text())


def words(end: int) -> list[str]:
    """What an agent writes in place of `${args_no_hyphens}`, with the first or the last values."""
    given = {}
    for key, parameter in SWEEP["parameters"].items():
        ends = parameter.get("values") or [parameter["min"], parameter["max"]]
        given[key] = ends[end]
    return [f"{key}={value}" for key, value in given.items()]


@pytest.mark.parametrize("end", [0, -1])
def test_an_agents_command_composes(end: int) -> None:
    command = SWEEP["command"]
    assert command[:3] == ["${env}", "${interpreter}", "${program}"]
    assert command[-1] == "${args_no_hyphens}"
    assert (ROOT / SWEEP["program"]).is_file()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        overrides = [*command[3:-1], *words(end), "paths.root=r", "paths.run=r"]
        config = compose("train", overrides=overrides)
    check_arguments({"model": dict(config.model), "datamodule": dict(config.datamodule)})
    lr = SWEEP["parameters"]["model.optimizer.lr"]
    assert config.model.optimizer.lr == (lr["min"], lr["max"])[end]


def test_it_maximises_what_every_run_logs() -> None:
    assert SWEEP["metric"] == {"name": "val/map", "goal": "maximize"}
    assert SWEEP["method"] == "bayes"
