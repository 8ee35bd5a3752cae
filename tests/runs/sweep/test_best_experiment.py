"""The best job of a sweep as an experiment composes to the very config of that job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from runs.sweep.best_experiment import write_best_experiment

ROOT = Path(__file__).resolve().parents[3]
PATHS = ["paths.root=/data", "paths.run=/data/run"]


def composed(words: list[str]) -> Any:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("train", overrides=[*words, *PATHS], return_hydra_config=True)


def plain(config: Any) -> dict[str, Any]:
    node = {key: value for key, value in config.items() if key != "hydra"}
    return OmegaConf.to_container(OmegaConf.create(node), resolve=True)  # type: ignore[return-value]


@pytest.mark.parametrize(
    "words",
    [
        ["model.optimizer.lr=0.003", "++model.nms_iou=0.4"],
        ["sweep=ssd300", "model.priors=voc", "trainer=cpu", "callbacks=[default,ema]"],
        ["experiment=video_cpu", "sweep=transvod_light", "datamodule.clip_length=4"],
        ["experiment=video_cpu", "model=faster_rcnn", "model.nms_iou=0.3"],
        ["experiment=zoo_cpu", "sweep=fcos", "datamodule/augmentation=flip", "seed=7"],
        ["experiment=transvod_two_stage", "datamodule.class_names=[a,'b c']", "warm_start='x=1'"],
    ],
)
def test_the_best_job_is_trained_again_by_its_file(words: list[str], tmp_path: Path) -> None:
    job = tmp_path / "3"
    (job / ".hydra").mkdir(parents=True)
    of_sweep = ["+callbacks.trial.storage=${hydra:sweeper.storage}", "++resume=auto"]
    OmegaConf.save([*words, *of_sweep], job / ".hydra" / "overrides.yaml")
    config = composed(words)
    choices = {"hydra": {"runtime": {"choices": config.hydra.runtime.choices}}}
    OmegaConf.save(choices, job / ".hydra" / "hydra.yaml")
    file = write_best_experiment(tmp_path, job, "The best of 4.")
    package, command, *_ = file.read_text().splitlines()
    assert package == "# @package _global_"
    search = command.partition("'")[2].rstrip("'")
    again = composed([f"hydra.searchpath=[file://{tmp_path}]", "experiment=best"])
    assert search == f"hydra.searchpath=[file://{tmp_path}]"
    assert plain(again) == plain(config)


def test_what_no_file_can_say_is_told(tmp_path: Path) -> None:
    job = tmp_path / "0"
    (job / ".hydra").mkdir(parents=True)
    OmegaConf.save(["~model.schedule"], job / ".hydra" / "overrides.yaml")
    choices = {"model": "fcos", "datamodule": "facades", "experiment": None}
    OmegaConf.save({"hydra": {"runtime": {"choices": choices}}}, job / ".hydra" / "hydra.yaml")
    text = write_best_experiment(tmp_path, job, "Why.").read_text()
    assert "# Was set besides: ~model.schedule" in text
