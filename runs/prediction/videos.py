"""Clips through a detector, frame by frame as they come, to annotated videos."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text
from typing_extensions import override

from detectors.base import Detector
from detectors.frame_stream import FrameStream
from runs.prediction.folder import PredictionFolder
from runs.prediction.sources import Source, frame_folders
from runs.prediction.video_files import Clip, Picture, open_folder, open_video
from runs.prediction.video_writer import VideoWriter
from runs.run_folder import CONFIG_FILE, RunFolder
from structures import Prediction


class Speed(NamedTuple):
    """How fast clips were predicted.

    Attributes:
        fps: frames a second of all that was done: reading, detecting, drawing, writing.
        median_ms: of one detection, from a decoded frame to boxes on the CPU.
        p95_ms: the same, 95th percentile.
    """

    fps: float
    median_ms: float
    p95_ms: float


def open_stream(detector: Detector, run: RunFolder, window: int | None) -> FrameStream | None:
    """The detector's stream.

    Args:
        detector: on its device, in eval mode.
        run: its training.
        window: see `Detector.stream`; None takes the clip length of the training.

    Returns:
        None where the detector sees each frame alone.

    Raises:
        ValueError: if a window is needed, and neither given nor known of the training, or given to
            a detector that has none.
    """
    if detector.stream(1) is None:
        if window is not None:
            raise ValueError(
                f"window={window}: {detector.title} sees each frame alone, so no frames before it "
                "can count; leave window out"
            )
        return None
    if window is None:
        window = run.config["datamodule"].get("clip_length")
        if type(window) is not int or window < 1:
            raise ValueError(
                f"window=null: {run.path / CONFIG_FILE} has no datamodule.clip_length, the number "
                "of frames that the detector was trained on; give window=…"
            )
    return detector.stream(window)


def open_clips(
    source: Source, clip: bool | None, fps: float | None, skip_bad: bool
) -> Sequence[Clip]:
    """The clips of a source, each looked into.

    Args:
        source: of `predict.py`.
        clip: whether the pictures of a folder are the frames of a clip.
        fps: see `open_video` and `open_folder`.
        skip_bad: see `open_folder`.

    Returns:
        None of them where the source means single pictures.

    Raises:
        ValueError: if a file is no video or damaged, or frames of a folder differ in size.
    """
    if source.videos:
        return [open_video(path, fps) for path in source.videos]
    if not clip:
        return []
    return [open_folder(frames, fps, skip_bad) for frames in frame_folders(source.pictures)]


def predict_clips(clips: Sequence[Clip], stream: FrameStream, output: PredictionFolder) -> Speed:
    """Predict clips, with a progress bar, and write each as an annotated video.

    Frames are numbered from 1 on through all clips; these numbers are the ids of predictions.

    Args:
        clips: at least one.
        stream: of the detector, see `open_stream` and `FramesAlone`.
        output: gets `annotated.mp4` or `.gif`, for several clips `annotated/<number>_<name>.mp4`.

    Raises:
        ValueError: if a clip has no frame that can be read, or frames of two sizes.
    """
    latencies: list[float] = []
    image_ids = itertools.count(1)
    start = time.perf_counter()
    with Progress(*_COLUMNS) as progress:
        for number, clip in enumerate(clips, start=1):
            output.videos.append({"id": number, "name": clip.path.stem})
            stream.reset()
            several = f"annotated/{number:03d}_{clip.path.stem}"
            name = "annotated" if len(clips) == 1 else several
            file = output.folder / f"{name}.{output.video_format}"
            total = clip.frame_count or None
            frames = progress.track(clip.frames(), total, description=clip.path.name)
            with VideoWriter(file, clip.fps) as writer:
                for place, (path, picture) in enumerate(frames):
                    image_id = next(image_ids)
                    if picture is None:
                        output.skipped.append(str(path))
                        continue
                    prediction, seconds = _timed(stream, picture, image_id)
                    latencies.append(seconds)
                    writer.write(output.draw(picture, prediction))
                    output.add(path, picture.shape, prediction, video_id=number, frame_id=place)
    p50, p95 = np.percentile(latencies, (50, 95))
    return Speed(len(latencies) / (time.perf_counter() - start), 1e3 * p50, 1e3 * p95)


class _FrameRate(ProgressColumn):
    """Frames a second of late."""

    @override
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f} frames/s" if speed else "")


_COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    _FrameRate(),
    TimeRemainingColumn(),
)


def _timed(stream: FrameStream, picture: Picture, image_id: int) -> tuple[Prediction, float]:
    start = time.perf_counter()
    prediction = stream.detect(torch.from_numpy(picture).permute(2, 0, 1), image_id)
    return prediction.cpu(), time.perf_counter() - start
