"""The choices of `datamodule=video`, composed, built and, on drawn videos, used."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf

from datamodules import frame_samplers
from datamodules.video import VideoDataModule
from runs.config.targets import check_arguments

CONF = Path(__file__).resolve().parents[2] / "conf"
CHOICES = {
    "random_references": "RandomReferences",
    "neighbours": "Neighbours",
    "causal": "Causal",
    "shuffled": "ShuffledClips",
    "sequential": "SequentialClips",
}


def built(data_path: Path, *overrides: str) -> VideoDataModule:
    paths = ["paths.root=/tmp/root", "paths.run=/tmp/run", f"paths.data={data_path}"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", overrides=["datamodule=video", *overrides, *paths])
    node: Any = OmegaConf.to_container(config.datamodule, resolve=True)
    check_arguments(node)
    data = instantiate(node, _convert_="all")
    assert isinstance(data, VideoDataModule)
    return data


@pytest.mark.parametrize("choice", CHOICES)
def test_each_sampler_can_be_chosen_for_training_and_test(tmp_path: Path, choice: str) -> None:
    data = built(
        tmp_path,
        f"datamodule/frames@datamodule.train_frames={choice}",
        f"datamodule/frames@datamodule.test_frames={choice}",
        "datamodule.clip_length=3",
    )
    expected = getattr(frame_samplers, CHOICES[choice])
    for sampler in (data._train_frames, data._test_frames):
        assert type(sampler) is expected
        assert vars(sampler)["clip_length"] == 3


def test_every_file_of_the_group_is_tested_above() -> None:
    assert {file.stem for file in (CONF / "datamodule/frames").glob("*.yaml")} == set(CHOICES)


@pytest.mark.parametrize("clip_length", [1, 8])
def test_drawn_videos_stand_in_where_no_root_is_given(tmp_path: Path, clip_length: int) -> None:
    data = built(tmp_path, "datamodule.draw.videos=4", f"datamodule.clip_length={clip_length}")
    data.setup("fit")
    assert data.name.startswith("drawn_video_4_0")
    assert data.classes.names == ("drifting", "swinging", "pulsing")
    judged: Counter[int] = Counter()
    for batch in data.val_dataloader():
        assert {len(clip) for clip in batch.clips} == {clip_length}
        judged.update(t.image_id for t in batch.frame_targets() if t.judged)
    assert judged == Counter(data.annotations("val").image_ids.tolist())
    batch = next(iter(data.train_dataloader()))
    assert [len(clip) for clip in batch.clips] == [clip_length] * 2
