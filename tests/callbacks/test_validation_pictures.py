"""Which validation clips are shown, and their boxes where the frames stand."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from callbacks import validation_pictures
from callbacks.validation_pictures import FRAME_SIDE, ValidationPictures
from datamodules.detection_datamodule import DetectionDataModule
from datamodules.facades import FacadesDataModule
from datamodules.video import VideoDataModule
from structures import Batch, collate

SHARES = {"train": 0.2, "val": 0.6, "test": 0.2}
FRAMES = 12


@pytest.fixture
def shown(oracle: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Validates a few times as rank 0 and returns what was logged each time."""

    def validate(data: DetectionDataModule, processes: int, batch_size: int) -> list[dict]:
        logged: list[dict[str, Any]] = []
        logger = SimpleNamespace(experiment=SimpleNamespace(log=logged.append))
        monkeypatch.setattr(validation_pictures, "_wandb_loggers", lambda trainer: [logger])
        batches = batches_of(data, processes, batch_size)
        trainer: Any = SimpleNamespace(
            datamodule=data,
            world_size=processes,
            global_step=3,
            sanity_checking=False,
            is_global_zero=True,
        )
        callback, detector = ValidationPictures(count=3), oracle()
        for _ in range(2):
            callback.on_validation_epoch_start(trainer, detector)
            for i, batch in enumerate(batches):
                outputs = {"predictions": detector.predict(batch)}
                callback.on_validation_batch_end(trainer, detector, outputs, batch, i)
            callback.on_validation_epoch_end(trainer, detector)
        return [{k: v for k, v in row.items() if k.startswith("val/")} for row in logged]

    return validate


def batches_of(data: DetectionDataModule, processes: int, batch_size: int) -> list[Batch]:
    data.batch_size = batch_size
    data.trainer = SimpleNamespace(world_size=processes, global_rank=0)  # type: ignore[assignment]
    loader = data.val_dataloader()
    return [collate([loader.dataset[item] for item in items]) for items in loader.batch_sampler]


@pytest.fixture
def video_root(tmp_path: Path) -> Path:
    """Twelve videos of twelve frames with one body each, 60×40 pixels."""
    images, annotations = [], []
    for video in range(1, 13):
        for frame in range(FRAMES):
            image_id = len(images) + 1
            name = f"{video}_{frame}.png"
            Image.fromarray(np.full((40, 60, 3), 20 * frame, dtype=np.uint8)).save(tmp_path / name)
            images.append({"id": image_id, "file_name": name, "width": 60, "height": 40,
                           "video_id": video, "frame_id": frame})  # fmt: skip
            annotations.append({"id": image_id, "image_id": image_id, "category_id": 1,
                                "bbox": [2 + 3 * frame, 10, 12, 15]})  # fmt: skip
    document = {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": 1, "name": "body"}],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(document))
    return tmp_path


@pytest.mark.parametrize("batch_size", [2, 8])
@pytest.mark.parametrize("processes", [1, 2])
def test_as_many_pictures_as_asked_for_also_when_processes_share_them(
    drawn_root: Path, shown: Any, processes: int, batch_size: int
) -> None:
    data = FacadesDataModule(str(drawn_root), fractions=SHARES)
    first, second = shown(data, processes, batch_size)
    assert len(first) == 3
    assert list(second) == list(first)
    assert all(key.startswith("val/picture/") for key in first)


@pytest.mark.parametrize("processes", [1, 2])
def test_frames_of_a_clip_stand_in_order_with_their_boxes_on_them(
    video_root: Path, shown: Any, processes: int
) -> None:
    data = VideoDataModule(clip_length=6, root=str(video_root), fractions=SHARES)
    first, second = shown(data, processes, batch_size=2)
    assert list(second) == list(first)
    pictures = {key: image for key, image in first.items() if key.startswith("val/picture/")}
    clips = {key: image for key, image in first.items() if key.startswith("val/clip/")}
    assert (len(pictures), len(clips)) == (3, 3)
    for image in pictures.values():
        assert np.asarray(image.image).shape[:2] == (40, 60)
    for key, image in clips.items():
        start = int(key.removeprefix("val/clip/"))
        sheet = np.asarray(image.image)
        height, width = round(FRAME_SIDE * 40 / 60), FRAME_SIDE
        assert sheet.shape == (2 * height, 4 * width, 3)  # four frames, and two below
        boxes = [box["position"] for box in image._boxes["truth"]._val]
        assert len(boxes) == 6
        for place, box in enumerate(boxes):
            frame = (start - 1 + place) % FRAMES
            x, y = place % 4 * width, place // 4 * height
            assert sheet[y + 5, x + 5, 0] == 20 * frame
            assert box["minX"] == pytest.approx(x + (2 + 3 * frame) * FRAME_SIDE / 60)
            assert box["maxY"] == pytest.approx(y + 25 * FRAME_SIDE / 60)


def test_detectors_of_pictures_and_of_videos_show_the_same_frames(
    video_root: Path, shown: Any
) -> None:
    seen = []
    for length, batch_size in ((1, 16), (6, 2), (4, 3)):
        data = VideoDataModule(clip_length=length, root=str(video_root), fractions=SHARES)
        first, _ = shown(data, 1, batch_size)
        seen.append({key for key in first if key.startswith("val/picture/")})
    assert len(seen[0]) == 3
    assert seen == [seen[0]] * 3


def test_only_the_first_process_makes_pictures(drawn_root: Path, oracle: Any, monkeypatch) -> None:
    monkeypatch.setattr(validation_pictures, "_wandb_loggers", lambda trainer: [object()])
    trainer: Any = SimpleNamespace(is_global_zero=False, sanity_checking=False)
    callback, detector = ValidationPictures(count=3), oracle()
    callback.on_validation_epoch_start(trainer, detector)
    data = FacadesDataModule(str(drawn_root), fractions=SHARES)
    for i, batch in enumerate(batches_of(data, 2, 2)):
        callback.on_validation_batch_end(
            trainer, detector, {"predictions": detector.predict(batch)}, batch, i
        )
    callback.on_validation_epoch_end(trainer, detector)  # would log to what is no logger
