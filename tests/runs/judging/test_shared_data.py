from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from runs.judging.shared_data import data_of_run, require_trained_channels

ROOT = Path(__file__).resolve().parents[3]


def node(*words: str) -> DictConfig:
    paths = ["paths.root=/nowhere", "paths.run=/nowhere"]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        composed = compose("train", overrides=[*paths, *words]).datamodule
    return OmegaConf.create(OmegaConf.to_container(composed, resolve=True))


def test_a_video_detector_sees_clips_of_the_data_of_an_image_detector():
    image = node("datamodule=video", "datamodule.clip_length=1", "datamodule.root=/here")
    words = ["datamodule.clip_length=14", "datamodule.root=/there", "datamodule.batch_size=1"]
    causal = "datamodule/frames@datamodule.test_frames=causal"
    video = node("datamodule=video", causal, *words)
    shown = data_of_run(image, video)
    assert (shown.root, shown.clip_length, shown.batch_size) == ("/here", 14, 1)
    assert shown.test_frames == video.test_frames
    assert {
        **shown,
        **{key: image[key] for key in ("clip_length", "test_frames", "batch_size")},
    } == (dict(image))


def test_every_detector_sees_the_channels_that_it_was_trained_on():
    chosen = ["log", "running_difference", "limb_flattened"]
    data = node("datamodule=solar_video", "datamodule.root=/here")
    own = node("datamodule=solar_video", f"datamodule.channels=[{','.join(chosen)}]")
    assert list(data_of_run(data, own).channels) == chosen
    require_trained_channels(data_of_run(data, own), own, "outputs/a")
    message = r"channels=\['log', 'log', 'log'\]: outputs/a was trained on .*'limb_flattened'\]"
    for other in (data, node("datamodule=video")):
        with pytest.raises(ValueError, match=message):
            require_trained_channels(other, own, "outputs/a")


@pytest.mark.parametrize("first", [True, False])
def test_data_of_another_kind_stay_as_they_are(first: bool):
    nodes = node("datamodule=video"), node("datamodule=facades")
    data, own = nodes if first else nodes[::-1]
    assert data_of_run(data, own) == data
