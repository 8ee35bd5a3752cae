from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from datamodules.augmentation import Augmentation
from datamodules.crop_window import keeps
from structures import Target

ROOT = Path(__file__).resolve().parents[2]
STILL = {"photometric_p": 0.0, "expand_p": 0.0, "min_ious": (None,), "flip_p": 0.0}
Picture = NDArray[np.uint8]


def target(boxes: Any, image_id: int = 1, ignore: Any = ()) -> Target:
    tensor = torch.as_tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    n = len(tensor)
    return Target(
        tensor,
        torch.arange(1, n + 1),
        image_id,
        area=(tensor[:, 2:] - tensor[:, :2]).prod(1),
        iscrowd=torch.zeros(n, dtype=torch.bool),
        ignore=torch.as_tensor(ignore, dtype=torch.float32).reshape(-1, 4),
        track_id=torch.arange(n) + 50,
    )


def painted(random: np.random.Generator, cell: int = 40) -> tuple[Picture, Target]:
    """A black picture with twelve boxes; box k is filled with level 20 * (k + 1)."""
    picture = np.zeros((3 * cell, 4 * cell, 3), dtype=np.uint8)
    boxes = []
    for k in range(12):
        origin = np.array([k % 4, k // 4]) * cell
        low = random.integers(0, cell // 2, 2)
        high = random.integers(cell // 2 + 4, cell, 2)
        x1, y1, x2, y2 = (*(origin + low), *(origin + high))
        picture[y1:y2, x1:x2] = 20 * (k + 1)
        boxes.append([x1, y1, x2, y2])
    return picture, target(boxes)


def extent(mask: NDArray[np.bool_]) -> list[int]:
    ys, xs = np.nonzero(mask)
    return [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]


def noise(height: int = 48, width: int = 64) -> Picture:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6))
def test_boxes_follow_their_pixels_exactly(seed: int) -> None:
    picture, truth = painted(np.random.default_rng(seed))
    augmentation = Augmentation(photometric_p=0.0, fill=(1, 1, 1))
    frames, (found,) = augmentation([picture], [truth], [seed])
    found.check(*frames.shape[1:3])
    for box, label in zip(found.boxes, found.labels.tolist(), strict=True):
        assert box.tolist() == extent(frames[0, :, :, 0] == 20 * label)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6))
def test_boxes_follow_their_pixels_through_resizing(seed: int) -> None:
    picture, truth = painted(np.random.default_rng(seed))
    augmentation = Augmentation(output_size=(300, 280), photometric_p=0.0, fill=(0, 0, 0))
    frames, (found,) = augmentation([picture], [truth], [seed])
    assert frames.shape == (1, 300, 280, 3)
    found.check(300, 280)
    for box, label in zip(found.boxes, found.labels.tolist(), strict=True):
        x1, y1, x2, y2 = box.tolist()
        level = frames[0, round((y1 + y2 - 1) / 2), round((x1 + x2 - 1) / 2), 0]
        if min(x2 - x1, y2 - y1) >= 4:
            assert level == 20 * label


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_resized_edges_are_where_the_boxes_are(seed: int) -> None:
    picture = np.zeros((90, 120, 3), dtype=np.uint8)
    picture[20:70, 30:90] = 255
    augmentation = Augmentation(output_size=(300, 300), photometric_p=0.0, fill=(0, 0, 0))
    frames, (found,) = augmentation([picture], [target([30, 20, 90, 70])], [seed])
    assert len(found.boxes) == 1
    edges = extent(frames[0, :, :, 0] >= 128)
    np.testing.assert_allclose(found.boxes[0].numpy(), edges, atol=0.75)


def test_objects_are_kept_by_their_centre_and_clipped() -> None:
    dropped = 0
    for seed in range(60):
        picture, truth = painted(np.random.default_rng(seed))
        augmentation = Augmentation(photometric_p=0.0, expand_p=0.0, flip_p=0.0)
        frames, (found,) = augmentation([picture], [truth], [seed])
        # The window, found again by where it lies in a picture that numbers its pixels.
        numbers = np.arange(picture.shape[0] * picture.shape[1], dtype=np.uint32)
        coded = numbers.view(np.uint8).reshape(*picture.shape[:2], 4)[:, :, :3].copy()
        code, _ = augmentation([coded], [truth], [seed])
        first = int(code[0, 0, 0].astype(int) @ [1, 256, 65536])
        x1, y1 = first % picture.shape[1], first // picture.shape[1]
        window = (x1, y1, x1 + frames.shape[2], y1 + frames.shape[1])
        kept = keeps(window, truth.boxes.double().numpy())
        assert found.labels.tolist() == truth.labels[torch.from_numpy(kept)].tolist()
        dropped += int((~kept).sum())
    assert dropped > 50


def test_flipping_twice_is_the_identity() -> None:
    flip = Augmentation(**STILL | {"flip_p": 1.0})
    picture, truth = noise(), target([[0, 0, 5.5, 4], [10.25, 3, 64, 48]])
    once, targets = flip([picture], [truth], [0])
    np.testing.assert_array_equal(once[0], picture[:, ::-1])
    torch.testing.assert_close(
        targets[0].boxes, torch.tensor([[58.5, 0, 64, 4], [0, 3, 53.75, 48]])
    )
    twice, back = flip([once[0]], targets, [1])
    np.testing.assert_array_equal(twice[0], picture)
    torch.testing.assert_close(back[0].boxes, truth.boxes, atol=1e-5, rtol=0)


def test_a_vertical_flip_carries_the_boxes() -> None:
    picture, truth = noise(), target([[0, 0, 5.5, 4], [10.25, 3, 64, 48]])
    frames, (found,) = Augmentation(**STILL, vertical_flip_p=1.0)([picture], [truth], [0])
    np.testing.assert_array_equal(frames[0], picture[::-1])
    torch.testing.assert_close(found.boxes, torch.tensor([[0, 44, 5.5, 48], [10.25, 0, 64, 45]]))


def test_turns_by_all_quarters_carry_the_boxes_of_all_frames() -> None:
    """As numpy turns the pictures; boxes as their painted pixels lie."""
    picture, truth = painted(np.random.default_rng(1))
    turn, quarters = Augmentation(**STILL, turn_p=1.0), set()
    for seed in range(20):
        frames, targets = turn([picture, picture.copy()], [truth, truth], [seed])
        quarters |= {k for k in range(4) if np.array_equal(frames[0], np.rot90(picture, k))}
        np.testing.assert_array_equal(frames[0], frames[1])
        for frame, found in zip(frames, targets, strict=True):
            found.check(*frame.shape[:2])
            for box, label in zip(found.boxes, found.labels.tolist(), strict=True):
                expected = torch.tensor(extent(frame[:, :, 0] == 20 * label)).float()
                torch.testing.assert_close(box, expected, atol=1e-4, rtol=0)
    assert quarters == {1, 2, 3}


def test_turned_frames_get_the_wanted_size() -> None:
    turn = Augmentation(output_size=(30, 50), turn_p=1.0)
    for seed in range(5):
        frames, (found,) = turn([noise()], [target([[5, 5, 40, 40]])], [seed])
        assert frames.shape == (1, 30, 50, 3)
        found.check(30, 50)


def test_a_moving_object_is_cropped_and_turned_by_one_window() -> None:
    """Boxes of a later frame lie where its own pixels do, after crop, expansion, turn and flips."""
    augmentation = Augmentation(photometric_p=0.0, fill=(1, 1, 1), vertical_flip_p=0.5, turn_p=0.5)
    for seed in range(40):
        drawn = [painted(np.random.default_rng([seed, t])) for t in range(3)]
        frames, targets = augmentation([f for f, _ in drawn], [t for _, t in drawn], [seed])
        for frame, found in zip(frames, targets, strict=True):
            for box, label in zip(found.boxes, found.labels.tolist(), strict=True):
                expected = torch.tensor(extent(frame[:, :, 0] == 20 * label)).float()
                torch.testing.assert_close(box, expected, atol=1e-4, rtol=0)


def test_nothing_switched_on_changes_nothing() -> None:
    picture, truth = noise(), target([[0, 0, 64, 48], [1.5, 2.5, 3, 4]], ignore=[[5, 5, 9, 9]])
    frames, (found,) = Augmentation(**STILL)([picture], [truth], [0])
    np.testing.assert_array_equal(frames[0], picture)
    for name in ("boxes", "labels", "area", "ignore", "track_id", "iscrowd"):
        torch.testing.assert_close(getattr(found, name), getattr(truth, name))


@pytest.mark.parametrize("size", [None, (30, 40)])
def test_frames_without_boxes_are_fine(size: tuple[int, int] | None) -> None:
    for seed in range(20):
        frames, (found,) = Augmentation(output_size=size)([noise()], [target([])], [seed])
        assert found.boxes.shape == (0, 4)
        found.check(*frames.shape[1:3])


def test_all_frames_of_a_clip_get_the_same_draw() -> None:
    picture, truth = painted(np.random.default_rng(0))
    last = target(truth.boxes[3:], image_id=3)
    augmentation = Augmentation(output_size=(120, 160))
    for seed in range(20):
        frames, found = augmentation([picture] * 3, [truth, target([], 2), last], [seed])
        np.testing.assert_array_equal(frames[0], frames[1])
        np.testing.assert_array_equal(frames[0], frames[2])
        assert [t.image_id for t in found] == [1, 2, 3]
        assert len(found[1].boxes) == 0
        torch.testing.assert_close(found[0].boxes[found[0].labels > 3], found[2].boxes)
        assert (found[0].labels[found[0].labels > 3] - 3).tolist() == found[2].labels.tolist()


def test_expansion_fills_with_the_given_colour() -> None:
    expand = Augmentation(**STILL | {"expand_p": 1.0, "photometric_p": 1.0}, fill=(9, 8, 7))
    frames, (found,) = expand([np.full((40, 40, 3), 200, np.uint8)], [target([0, 0, 40, 40])], [3])
    assert frames.shape[1] > 40
    inside = np.zeros(frames.shape[1:3], dtype=bool)
    x1, y1, x2, y2 = found.boxes[0].int().tolist()
    inside[y1:y2, x1:x2] = True
    assert (x2 - x1, y2 - y1) == (40, 40)
    assert (frames[0][~inside] == (9, 8, 7)).all()
    assert (frames[0][inside] != (9, 8, 7)).any()


def test_ignore_regions_are_clipped_not_judged_by_their_centre() -> None:
    truth = target([[10, 10, 20, 20]], ignore=[[0, 0, 64, 48]])
    for seed in range(30):
        crop = Augmentation(**STILL | {"min_ious": (None, 0.0)})
        frames, (found,) = crop([noise()], [truth], [seed])
        height, width = frames.shape[1:3]
        assert found.ignore is not None
        assert found.ignore.tolist() == [[0, 0, width, height]]
        assert found.labels.tolist() == [1]


def test_tiny_boxes_are_dropped() -> None:
    shrink = Augmentation(**STILL, output_size=(24, 32))
    _, (found,) = shrink([noise()], [target([[3, 3, 4.5, 20], [3, 3, 5, 20]])], [0])
    assert found.labels.tolist() == [2]


def test_seeds_decide() -> None:
    picture, truth = painted(np.random.default_rng(0))
    one, other = Augmentation(), Augmentation()
    first, again = one([picture], [truth], [1, 2, 3]), other([picture], [truth], [1, 2, 3])
    np.testing.assert_array_equal(first[0], again[0])
    torch.testing.assert_close(first[1][0].boxes, again[1][0].boxes)
    shapes = {one([picture], [truth], [1, 2, k])[0].shape for k in range(20)}
    assert len(shapes) > 10


@pytest.mark.parametrize("bad", [{"min_ious": (0.5,)}, {"max_expand": 0.5}, {"trials": 0}])
def test_impossible_settings_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="null among min_ious, max_expand >= 1 and trials >= 1"):
        Augmentation(**bad)


@pytest.mark.parametrize("size", [300, (300,), (0, 300)])
def test_impossible_sizes_are_refused(size: Any) -> None:
    with pytest.raises(ValueError, match=r"output_size must be \[height, width\]"):
        Augmentation(output_size=size)


@pytest.mark.parametrize(
    "name", ["photometric_p", "expand_p", "flip_p", "vertical_flip_p", "turn_p"]
)
def test_probabilities_end_at_one(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}.* must be from 0 to 1"):
        Augmentation(**{name: 2})


def test_the_import_asks_no_server() -> None:
    code = (
        "import urllib.request as u\n"
        "def stop(*a, **k): raise SystemExit('asked a server')\n"
        "u.OpenerDirector.open = stop\n"
        "import datamodules.augmentation\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "NO_ALBUMENTATIONS_UPDATE"}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
