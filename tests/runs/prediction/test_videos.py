"""`predict.py` on videos and folders of frames, with a detector of pictures and one of clips."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from runs.prediction.video_files import open_video
from runs.prediction.video_writer import VideoWriter
from runs.run_folder import RunFolder
from structures import Batch, Target
from tests.runs.predict_command import by_command, untrained_video_run

FRAMES = 6


@pytest.fixture(scope="module")
def pictures() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [cv2.resize(c, (81, 60)) for c in rng.integers(0, 256, (FRAMES, 6, 8, 3), np.uint8)]


@pytest.fixture(scope="module")
def clip(pictures: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "street.mp4"
    with VideoWriter(path, 10) as writer:
        for picture in pictures:
            writer.write(picture)
    return path


@pytest.fixture(scope="module")
def folder(pictures: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames 7.png .. 12.png, whose names sort otherwise as text."""
    path = tmp_path_factory.mktemp("frames")
    for number, picture in enumerate(pictures, start=7):
        cv2.imwrite(str(path / f"{number}.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return path


@pytest.fixture(scope="module")
def video_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_video_run(tmp_path_factory.mktemp("run"), ["car", "bus"])


def read(file: Path) -> Any:
    return json.loads(file.read_text("utf-8"))


def by_image(results: list[dict[str, Any]]) -> dict[int, list[list[float]]]:
    rows: dict[int, list[list[float]]] = {}
    for result in results:
        row = [result["score"], *result["bbox"], result["category_id"]]
        rows.setdefault(result["image_id"], []).append(row)
    return rows


@pytest.mark.slow
def test_a_detector_of_pictures_annotates_a_video(
    trained_run: Path, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = by_command(trained_run, clip, tmp_path, "draw_above=0")
    images = read(out / "images.json")
    assert [image["id"] for image in images["images"]] == [1, 2, 3, 4, 5, 6]
    assert images["images"][2] == {
        "id": 3,
        "file_name": str(clip),
        "width": 82,
        "height": 60,
        "video_id": 1,
        "frame_id": 2,
    }
    assert images["videos"] == [{"id": 1, "name": "street"}]
    video = open_video(out / "annotated.mp4")
    assert (video.fps, video.frame_count) == (10, FRAMES)
    changed = [
        np.abs(drawn.astype(int) - plain).mean()
        for (_, drawn), (_, plain) in zip(video.frames(), open_video(clip).frames(), strict=True)
    ]
    assert min(changed) > 5
    assert not (out / "pictures").exists()
    told = capsys.readouterr().out
    assert "frames/s" in told
    assert "ms (median)" in told
    assert f"6 frames, {len(read(out / 'predictions.json'))} detections" in told


@pytest.mark.slow
def test_each_frame_is_what_the_picture_alone_gives(
    trained_run: Path, folder: Path, tmp_path: Path
) -> None:
    as_clip = by_command(trained_run, folder, tmp_path / "a", "clip=true", "fps=3")
    as_pictures = by_command(trained_run, folder, tmp_path / "b")
    assert open_video(as_clip / "annotated.mp4").fps == 3
    assert not (as_pictures / "annotated.mp4").exists()
    assert "videos" not in read(as_pictures / "images.json")
    files: list[dict[str, str]] = []
    rows = []
    for out in (as_clip, as_pictures):
        images = {i["id"]: Path(i["file_name"]).name for i in read(out / "images.json")["images"]}
        found = by_image(read(out / "predictions.json"))
        rows.append({images[key]: value for key, value in found.items()})
        files.append(images)
    assert list(files[0].values()) == [f"{number}.png" for number in range(7, 13)]
    assert list(files[1].values()) == sorted(files[0].values())
    for name, expected in rows[1].items():
        np.testing.assert_allclose(rows[0][name], expected, atol=1e-3)


def test_a_detector_of_videos_sees_each_frame_with_those_before(
    video_run: Path, folder: Path, pictures: list[np.ndarray], tmp_path: Path
) -> None:
    """Unlike the others it takes the folder for a clip without being told."""
    out = by_command(video_run, folder, tmp_path)
    found = by_image(read(out / "predictions.json"))
    detector = RunFolder.open(video_run).load_detector()
    frames = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
    nothing = Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), 0)
    for t in range(FRAMES):
        window = frames[max(0, t - 2) : t + 1]
        with torch.no_grad():
            last = detector.predict(Batch([window], [[nothing] * len(window)]))[-1]
        scores = [row[0] for row in found[t + 1]]
        np.testing.assert_allclose(scores, last.scores.numpy(), atol=1e-5)
    assert open_video(out / "annotated.mp4").frame_count == FRAMES


def test_frames_can_be_told_to_be_pictures_and_the_window_to_be_another(
    video_run: Path, folder: Path, tmp_path: Path
) -> None:
    alone = by_command(video_run, folder, tmp_path / "a", "clip=false")
    assert len(list((alone / "pictures").iterdir())) == FRAMES
    one = by_command(video_run, folder, tmp_path / "b", "window=1", "clip=true")
    first, *_ = sorted(read(alone / "predictions.json"), key=lambda row: -row["score"])
    assert any(
        row["score"] == pytest.approx(first["score"], abs=1e-5)
        for row in read(one / "predictions.json")
    )


def test_several_clips_are_told_apart(
    video_run: Path, folder: Path, clip: Path, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        (tmp_path / "clips" / name).mkdir(parents=True)
        for file in folder.iterdir():
            (tmp_path / "clips" / name / file.name).write_bytes(file.read_bytes())
    out = by_command(video_run, tmp_path / "clips", tmp_path / "out")
    images = read(out / "images.json")
    assert images["videos"] == [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
    assert [i["video_id"] for i in images["images"]] == [1] * FRAMES + [2] * FRAMES
    assert [i["id"] for i in images["images"]] == list(range(1, 2 * FRAMES + 1))
    assert sorted(p.name for p in (out / "annotated").iterdir()) == ["001_a.mp4", "002_b.mp4"]
    found = by_image(read(out / "predictions.json"))
    for t in range(1, FRAMES + 1):  # the second clip knows nothing of the first
        np.testing.assert_allclose(found[t], found[t + FRAMES], atol=1e-4)


def test_a_bad_frame_stops_or_is_counted(
    video_run: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "frames").mkdir()
    for file in folder.iterdir():
        (tmp_path / "frames" / file.name).write_bytes(file.read_bytes())
    (tmp_path / "frames" / "9.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"9\.png"):
        by_command(video_run, tmp_path / "frames", tmp_path / "a")
    assert not (tmp_path / "a" / "annotated.mp4").exists()
    out = by_command(video_run, tmp_path / "frames", tmp_path / "b", "on_bad_image=skip")
    assert [i["id"] for i in read(out / "images.json")["images"]] == [1, 2, 4, 5, 6]
    assert "5 frames, 1 unreadable skipped" in capsys.readouterr().out


def test_bad_settings_and_sources_are_explained(
    video_run: Path, clip: Path, tmp_path: Path
) -> None:
    for setting in ("window=0", "fps=0", "clip=maybe"):
        with pytest.raises(ValueError, match=setting):
            by_command(video_run, clip, tmp_path, setting)
    torn = tmp_path / "torn.mp4"
    torn.write_bytes(b"torn" * 100)
    with pytest.raises(ValueError, match=r"torn\.mp4: not a video that can be read"):
        by_command(video_run, torn, tmp_path / "out")
    bare = tmp_path / "run"
    bare.mkdir()
    (bare / "best.ckpt").write_bytes((video_run / "best.ckpt").read_bytes())
    config = (video_run / "config.yaml").read_text().replace("  clip_length: 3\n", "")
    (bare / "config.yaml").write_text(config)
    with pytest.raises(ValueError, match=r"no datamodule\.clip_length.*window="):
        by_command(bare, clip, tmp_path / "out")
    assert (by_command(bare, clip, tmp_path / "out", "window=2") / "annotated.mp4").is_file()


def test_a_window_of_a_detector_that_sees_each_frame_alone_is_refused(
    trained_run: Path, clip: Path, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"window=5: SSD300.* sees each frame alone"):
        by_command(trained_run, clip, tmp_path / "out", "window=5")
