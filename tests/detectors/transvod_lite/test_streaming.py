"""The detector on uint8 frames as they come, against its own predictions of whole windows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from detectors.frame_stream import FramesAlone
from detectors.transvod_lite.module import TransVODLite
from structures import Batch, Prediction, Target

Build = Callable[..., TransVODLite]


def video(frames: int, height: int = 50, width: int = 70) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (frames, 3, height, width), dtype=torch.uint8, generator=generator)


@torch.no_grad()
def offline(detector: TransVODLite, clip: Tensor, times: list[float] | None = None) -> Prediction:
    """What `predict` says of the last frame of a clip uint8 [T, 3, H, W]."""
    empty, labels = torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64)
    targets = [Target(empty, labels, 7) for _ in clip]
    for target, time in zip(targets, times or [], strict=False):
        target.time = time
    return detector.predict(Batch([clip], [targets]))[-1]


def assert_same(ours: Prediction, theirs: Prediction) -> None:
    assert ours.image_id == theirs.image_id
    assert torch.equal(ours.labels, theirs.labels)
    torch.testing.assert_close(ours.scores, theirs.scores, atol=1e-5, rtol=0)
    torch.testing.assert_close(ours.boxes, theirs.boxes, atol=1e-3, rtol=0)  # pixels


def test_a_stream_predicts_as_the_detector_does_of_each_window(small_detector: Build) -> None:
    detector, frames = small_detector().eval(), video(6)
    stream = detector.stream(3)
    assert stream is not None
    for clip in (frames, frames.flip(0)):
        stream.reset()
        for t in range(6):
            assert_same(stream.detect(clip[t], 7), offline(detector, clip[max(0, t - 2) : t + 1]))


def test_times_are_seconds_and_counted_in_cadences(small_detector: Build) -> None:
    detector, frames = small_detector(cadence=0.04).eval(), video(3)
    stream = detector.stream(3)
    assert stream is not None
    seconds = [10.0, 10.04, 10.20]
    for t in range(3):
        streamed = stream.detect(frames[t], 7, seconds[t])
    assert_same(streamed, offline(detector, frames, seconds))
    with pytest.raises(AssertionError):
        assert_same(streamed, offline(detector, frames))


def test_what_sees_frames_alone_has_no_stream_but_follows_one(small_detector: Build) -> None:
    frames = video(2)
    for detector in (small_detector(keep=[]), small_detector(temporal_from_epoch=3)):
        detector.eval()
        assert detector.stream(3) is None
        alone = FramesAlone(detector)
        for frame in frames:
            assert_same(alone.detect(frame, 7), offline(detector, frame[None]))


def test_a_detector_in_training_is_refused(small_detector: Build) -> None:
    with pytest.raises(ValueError, match="eval mode"):
        small_detector().train().stream(3)
