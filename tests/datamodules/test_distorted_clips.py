from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from datamodules.augmentation import Augmentation
from datamodules.distorted_clips import DistortedClips
from datamodules.distortions import Distortion, distort
from structures import Target

FRAME = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)


def target(image_id: int = 1) -> Target:
    boxes = torch.tensor([[2.0, 3.0, 20.0, 20.0]])
    return Target(boxes=boxes, labels=torch.tensor([1]), image_id=image_id)


def test_without_chance_nothing_changes() -> None:
    targets = [target()]
    frames, same = DistortedClips({"jpeg": [5]}, p=0)([FRAME], targets, (0, 1, 2))
    np.testing.assert_array_equal(frames, FRAME[None])
    assert same is targets


def test_one_draw_serves_all_frames_and_boxes_stay() -> None:
    targets = [target(1), target(2), target(3)]
    clips = DistortedClips({"gaussian_noise": [3]}, p=1)
    frames, after = clips([FRAME, FRAME, FRAME], targets, (0, 1, 2))
    assert frames.shape == (3, 24, 32, 3)
    assert frames.dtype == np.uint8
    assert not np.array_equal(frames[0], FRAME)
    np.testing.assert_array_equal(frames[0], frames[1])
    np.testing.assert_array_equal(frames[0], frames[2])
    assert after is targets


def test_the_seed_decides_and_epochs_differ() -> None:
    clips = DistortedClips({"gaussian_noise": [3]}, p=1)
    first, again, next_epoch = (
        clips([FRAME], [target()], seed)[0] for seed in ((0, 1, 2), (0, 1, 2), (0, 2, 2))
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, next_epoch)


def test_kinds_are_drawn_equally_and_levels_within_them() -> None:
    clips = DistortedClips({"jpeg": [5, 20, 60], "brightness": [2]}, p=0.5)
    known = {FRAME.tobytes(): "clean"}
    for kind, level in (("jpeg", 5), ("jpeg", 20), ("jpeg", 60), ("brightness", 2)):
        known[distort(FRAME, Distortion(kind, level), 0).tobytes()] = f"{kind}{level}"
    drawn = Counter(
        known[clips([FRAME], [target()], (0, 0, index))[0][0].tobytes()] for index in range(1200)
    )
    assert drawn["clean"] == pytest.approx(600, abs=60)
    assert drawn["brightness2"] == pytest.approx(300, abs=50)
    for name in ("jpeg5", "jpeg20", "jpeg60"):
        assert drawn[name] == pytest.approx(100, abs=35)


def test_what_follows_draws_as_it_would_alone() -> None:
    seen: list[tuple[bytes, Sequence[int]]] = []

    def then(frames: Any, targets: list[Target], seed: Sequence[int]) -> Any:
        seen.append((np.stack(frames).tobytes(), seed))
        return np.stack(frames), targets

    frames, _ = DistortedClips({"jpeg": [5]}, p=1, then=then)([FRAME], [target()], (4, 5, 6))
    assert seen == [(frames.tobytes(), (4, 5, 6))]
    alone = Augmentation(photometric_p=0)
    distorting = DistortedClips({"jpeg": [5]}, p=1, then=alone)
    for index in range(8):
        expected = alone([FRAME], [target()], (0, 0, index))
        frames, targets = distorting([FRAME], [target()], (0, 0, index))
        assert frames.shape == expected[0].shape
        torch.testing.assert_close(targets[0].boxes, expected[1][0].boxes)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"distortions": {"jpg": [5]}}, r"datamodule\.augmentation\.distortions: .*'jpg'"),
        ({"distortions": {}}, r"augmentation\.distortions: .*got \{\}"),
        ({"distortions": {"jpeg": [5]}, "p": 1.5}, r"p must be from 0 to 1, got 1\.5"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        DistortedClips(**{"p": 0.5} | wrong)
