"""Every YAML under conf/ composes, and every `_target_` in it exists and takes its keys."""

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from runs.targets import check_arguments

ROOT = Path(__file__).resolve().parent.parent
CONF = ROOT / "conf"
GROUPS = ("model", "datamodule", "trainer", "callbacks", "logger", "experiment")
CHOICES = [
    f"{group}={'[default,' + file.stem + ']' if group == 'callbacks' else file.stem}"
    for group in GROUPS
    for file in sorted((CONF / group).glob("*.yaml"))
    if not (group == "callbacks" and file.stem == "default")
]


def composed(name: str, overrides: list[str]) -> dict[str, Any]:
    paths = ["paths.root=/tmp/root", "paths.run=/tmp/run"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(name, overrides=[*overrides, *paths])
    plain = OmegaConf.to_container(config, resolve=True)
    assert isinstance(plain, dict)
    return plain


@pytest.mark.parametrize("choice", ["seed=0", *CHOICES])
def test_every_choice_of_a_training_composes_and_fits_its_classes(choice: str):
    check_arguments(composed("train", [choice]))


@pytest.mark.parametrize("name", ["evaluate", "predict", "label_set"])
def test_the_other_entry_points_compose(name: str):
    needed = ["run=a", "source=b"] if name == "predict" else ["run=a"]
    check_arguments(composed(name, needed))


def test_evaluation_takes_another_datamodule():
    config = composed("evaluate", ["run=a", "datamodule=facades", "datamodule.root=b"])
    assert config["datamodule"]["root"] == "b"


def test_the_launcher_takes_processes_from_the_trainer_and_the_rest_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
):
    for name, value in {"SBATCH_PARTITION": "gpu", "DETECTOR_ZOO_MINUTES": "90"}.items():
        monkeypatch.setenv(name, value)
    words = ["hydra/launcher=slurm", "trainer.devices=2", "+trainer.num_nodes=3"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", overrides=words, return_hydra_config=True)
    launcher = config.hydra.launcher
    assert (launcher.tasks_per_node, launcher.nodes) == (2, 3)
    assert (launcher.partition, launcher.account, launcher.timeout_min) == ("gpu", None, 90)
    assert (launcher.mem_gb, launcher.gpus_per_node, launcher.cpus_per_task) == (None, None, 4)


def test_every_experiment_begins_with_its_command():
    for file in sorted((CONF / "experiment").glob("*.yaml")):
        package, command = file.read_text(encoding="utf-8").splitlines()[:2]
        assert package == "# @package _global_", file
        assert command.startswith("# python train.py"), file
        assert f"experiment={file.stem}" in command, file


def test_every_yaml_says_what_it_is_for_in_its_first_line():
    for file in sorted(CONF.rglob("*.yaml")):
        assert file.read_text(encoding="utf-8").startswith("# "), file
