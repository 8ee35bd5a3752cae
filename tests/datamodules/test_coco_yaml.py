"""The choices of `datamodule=coco_distorted`, composed and built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf

from datamodules.coco_distorted import CocoDistortedDataModule
from datamodules.distorted_clips import DistortedClips
from runs.config.targets import check_arguments

CONF = Path(__file__).resolve().parents[2] / "conf"
GROUP = CONF / "datamodule/distortions"


def composed(*overrides: str) -> Any:
    """The plain `datamodule` node of a training."""
    paths = ["paths.root=/tmp/root", "paths.run=/tmp/run"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", overrides=[*overrides, *paths])
    return OmegaConf.to_container(config.datamodule, resolve=True)


@pytest.mark.parametrize(
    ("choice", "count"),
    [
        ("jpeg_ladder", 9),
        ("jpeg_unseen", 9),
        ("jpeg_low", 9),
        ("jpeg_low_unseen", 9),
        ("mixed", 17),
        ("mixed_unseen", 17),
        ("drawn_doors", 10),
        ("drawn_doors_unseen", 9),
        ("corruptions", 75),
        ("corruptions_all", 95),
    ],
)
def test_each_choice_of_distortions_is_a_list_of_conditions(choice: str, count: int) -> None:
    node = composed("datamodule=coco_distorted", f"datamodule/distortions={choice}")
    check_arguments(node)
    data = instantiate(node, _convert_="all")
    assert isinstance(data, CocoDistortedDataModule)
    assert data.conditions[0] == "clean"
    assert len(data.conditions) == 1 + count


def test_every_file_of_the_group_is_tested_above() -> None:
    assert {file.stem for file in GROUP.glob("*.yaml")} == {
        "jpeg_ladder", "jpeg_unseen", "jpeg_low", "jpeg_low_unseen", "mixed", "mixed_unseen",
        "drawn_doors", "drawn_doors_unseen", "corruptions", "corruptions_all",
    }  # fmt: skip


def test_levels_and_kinds_can_be_changed_from_the_command_line() -> None:
    node = composed(
        "datamodule=coco_distorted",
        "+datamodule.distortions.fog=[1,3]",
        "datamodule.distortions.jpeg=[10]",
    )
    data = instantiate(node, _convert_="all")
    assert data.conditions == ("clean", "jpeg_q10", "fog_1", "fog_3")
    node = composed("datamodule=coco_distorted", "+datamodule.distortions.fgo=[1]")
    with pytest.raises(Exception, match=r"datamodule\.distortions: .*'fgo'; did you mean 'fog'"):
        instantiate(node, _convert_="all")


@pytest.mark.parametrize("datamodule", ["coco", "coco_distorted"])
def test_training_pictures_can_be_distorted(datamodule: str) -> None:
    root = ["datamodule.root=somewhere"]
    node = composed(
        f"datamodule={datamodule}",
        "datamodule/augmentation=distorted",
        "datamodule/distortions@datamodule.augmentation.distortions=jpeg_unseen",
        "datamodule.augmentation.p=0.25",
        "datamodule.augmentation.then.output_size=[300,300]",
        *root,
    )
    check_arguments(node)
    assert isinstance(instantiate(node, _convert_="all").augmentation, DistortedClips)
    assert node["augmentation"]["distortions"]["jpeg"][0] == 6
    plain = composed(f"datamodule={datamodule}", *root)
    assert plain["augmentation"] == {
        "_target_": "datamodules.augmentation.Augmentation",
        "output_size": None,
    }
