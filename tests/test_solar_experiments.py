"""The experiments on the sun are the jet report's: Table I and the logs behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig

from detectors.parameter_groups import build_parameter_groups
from detectors.transvod_lite.stage_schedule import schedule_of_stages

ROOT = Path(__file__).resolve().parents[1]


def experiment(name: str) -> DictConfig:
    paths = ["paths.root=/nowhere", "paths.run=/nowhere"]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("train", overrides=[f"experiment={name}", *paths])


def test_the_video_detector_has_the_recipe_of_table_1() -> None:
    cfg = experiment("solar_transvod")
    network, optimizer = cfg.model.network, cfg.model.optimizer
    assert (network.backbone, network.queries, list(network.keep)) == ("swin_b", 100, [80, 50, 30])
    assert (cfg.model.short_side, cfg.datamodule.clip_length, cfg.datamodule.batch_size) == (
        600,
        14,
        1,
    )
    assert optimizer._target_ == "torch.optim.AdamW"
    assert (optimizer.lr, optimizer.weight_decay) == (4e-5, 1e-4)
    assert cfg.trainer.gradient_clip_val == 0.1
    augmentation = cfg.datamodule.augmentation
    assert (augmentation.flip_p, augmentation.vertical_flip_p, augmentation.turn_p) == (0.5,) * 3
    assert cfg.trainer.max_epochs == 2 * cfg.model.temporal_from_epoch == 28


def test_its_rate_falls_after_epochs_10_and_12_of_each_stage() -> None:
    cfg = experiment("solar_transvod")
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], cfg.model.optimizer.lr)
    schedule = schedule_of_stages(instantiate(cfg.model.schedule), optimizer, [14, 14])
    rates = []
    for _ in range(28):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    stage = [4e-5] * 10 + [4e-6] * 2 + [4e-7] * 2
    assert rates == pytest.approx(stage + stage)


def test_its_backbone_learns_at_a_tenth_of_the_rate() -> None:
    cfg = experiment("solar_transvod")
    module = torch.nn.ModuleDict({"network": torch.nn.ModuleDict()})
    single_frame: Any = torch.nn.ModuleDict(
        {"backbone": torch.nn.Linear(1, 1), "encoder": torch.nn.Linear(1, 1)}
    )
    module["network"]["single_frame"] = single_frame
    rules = [rule for rule in cfg.model.parameter_groups if "backbone" in rule.pattern]
    groups = build_parameter_groups(module, rules, base_lr=cfg.model.optimizer.lr)
    rate_of = {id(p): group.get("lr", 4e-5) for group in groups for p in group["params"]}
    assert rate_of[id(single_frame["backbone"].weight)] == pytest.approx(4e-6)
    assert rate_of[id(single_frame["encoder"].weight)] == pytest.approx(4e-5)


@pytest.mark.parametrize("name", ["solar_faster_rcnn", "solar_ssd300"])
def test_image_detectors_see_the_same_frames_one_by_one(name: str) -> None:
    image, video = experiment(name).datamodule, experiment("solar_transvod").datamodule
    assert image.clip_length == 1
    same = {"_target_", "root", "channels", "augmentation", "fractions", "split_seed", "draw"}
    assert {key: image[key] for key in same} == {key: video[key] for key in same}
