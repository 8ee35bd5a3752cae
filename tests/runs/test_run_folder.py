from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from runs.run_folder import RunFolder, write_config

GOOD = {
    "model": {"_target_": "detectors.ssd300.module.SSD300"},
    "datamodule": {"_target_": "datamodules.facades.FacadesDataModule"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_config(OmegaConf.create(GOOD), tmp_path)
    (tmp_path / "best.ckpt").touch()
    return tmp_path


def test_the_written_config_comes_back(folder: Path):
    run = RunFolder.open(folder)
    assert run.config == GOOD
    assert run.checkpoint == folder / "best.ckpt"
    assert sorted(p.name for p in folder.iterdir()) == ["best.ckpt", "config.yaml"]


def test_interpolations_are_resolved_on_writing(tmp_path: Path):
    write_config(OmegaConf.create({"a": 1, "b": "${a}"}), tmp_path)
    assert OmegaConf.to_container(OmegaConf.load(tmp_path / "config.yaml")) == {"a": 1, "b": 1}


def test_a_missing_folder_says_where_runs_are():
    with pytest.raises(FileNotFoundError, match=r"run=nowhere.*outputs/"):
        RunFolder.open("nowhere")


def test_a_folder_without_config_is_no_run(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"holds no config\.yaml"):
        RunFolder.open(tmp_path)


def test_a_missing_checkpoint_lists_what_is_there(folder: Path):
    with pytest.raises(FileNotFoundError, match=r"last\.ckpt does not exist.*best\.ckpt"):
        RunFolder.open(folder, "last")


@pytest.mark.parametrize("text", ["model: [", "- 1", "model: {}\ndatamodule: {}", "\xff"])
def test_a_malformed_config_names_the_file(folder: Path, text: str):
    (folder / "config.yaml").write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=r"config\.yaml"):
        RunFolder.open(folder)


def test_somebody_elses_config_may_not_run_code(folder: Path):
    evil = {**GOOD, "callbacks": {"x": {"_target_": "os.system", "command": "true"}}}
    write_config(OmegaConf.create(evil), folder)
    with pytest.raises(ValueError, match=r"config\.yaml: callbacks\.x\._target_ is 'os\.system'"):
        RunFolder.open(folder)


def test_the_config_is_readable_by_others(folder: Path):
    assert (folder / "config.yaml").stat().st_mode & 0o044 == 0o044


@pytest.mark.parametrize(
    "value",
    ["${oc.create:{_target_:os.system,command:'true'}}", "${oc.env:HOME}", ["x", "${model}"]],
)
def test_somebody_elses_config_may_not_be_resolved(folder: Path, value: object):
    """`oc.create` makes a `_target_` of plain text, past the check of targets."""
    config = {**GOOD, "datamodule": {**GOOD["datamodule"], "augmentation": value}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(ValueError, match=r"config\.yaml: datamodule\.augmentation.*interpolations"):
        RunFolder.open(folder)
