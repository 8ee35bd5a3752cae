"""Every YAML under conf/ composes, and every `_target_` in it exists and takes its keys."""

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from runs.config.targets import check_arguments
from runs.sweep.search_space import read_search_space

ROOT = Path(__file__).resolve().parent.parent
CONF = ROOT / "conf"
GROUPS = ("model", "datamodule", "trainer", "callbacks", "logger", "experiment", "sweep")
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


@pytest.mark.parametrize("file", sorted(CONF.glob("by_model/*/*.yaml")), ids=lambda f: str(f.stem))
def test_what_an_experiment_changes_for_one_model_fits_its_classes(file: Path):
    check_arguments(composed("train", [f"experiment={file.parent.name}", f"model={file.stem}"]))


@pytest.mark.parametrize("name", sorted(file.stem for file in CONF.glob("sweep/*.yaml")))
def test_a_search_space_names_keys_of_its_model(name: str):
    """What it searches is there already: a new key would be a typing error without effect."""
    assert name in {file.stem for file in CONF.glob("model/*.yaml")}
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", overrides=[f"sweep={name}"], return_hydra_config=True)
    params = config.hydra.sweeper.params
    space = read_search_space(params, [], OverridesParser.create())
    words = space.overrides(space.first())
    assert len(words) >= 3
    check_arguments(composed("train", [f"sweep={name}", *words]))


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
    words = ["hydra/launcher=slurm", "trainer.devices=2", "++trainer.num_nodes=3"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", overrides=words, return_hydra_config=True)
    launcher = config.hydra.launcher
    assert (launcher.tasks_per_node, launcher.nodes) == (2, 3)
    assert (launcher.partition, launcher.account, launcher.timeout_min) == ("gpu", None, 90)
    assert (launcher.mem_gb, launcher.gpus_per_node, launcher.cpus_per_task) == (None, None, 4)


def test_every_experiment_and_search_space_begins_with_its_command():
    for file in sorted(CONF.glob("experiment/*.yaml")) + sorted(CONF.glob("sweep/*.yaml")):
        package, command = file.read_text(encoding="utf-8").splitlines()[:2]
        assert package == "# @package _global_", file
        assert command.startswith("# python train.py"), file
        assert f"{file.parent.name}={file.stem}" in command, file


def test_every_yaml_says_what_it_is_for_in_its_first_line():
    for file in sorted(CONF.rglob("*.yaml")):
        assert file.read_text(encoding="utf-8").startswith("# "), file
