"""Clips of the datamodule become what the network takes: resized, normalised, padded, timed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from detectors.transvod_lite.inputs import clip_inputs, clip_times, resized_size
from structures import Batch, Target, collate

MEAN, STD = torch.full((3, 1, 1), 0.4), torch.full((3, 1, 1), 0.25)


def target(time: float | None = None) -> Target:
    return Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), 1, time=time)


def clips(*shapes: tuple[int, int, int]) -> Batch:
    generator = torch.Generator().manual_seed(0)
    samples = []
    for frames, height, width in shapes:
        size = (frames, 3, height, width)
        pixels = torch.randint(0, 256, size, dtype=torch.uint8, generator=generator)
        samples.append((pixels, [target() for _ in range(frames)]))
    return collate(samples)


def test_sizes_equal_the_golden_table(golden: dict[str, Any]) -> None:
    for row in golden["misc"]["sampling"]["resize"]:
        found = resized_size(row["h"], row["w"], row["size"], row["max_size"])
        assert found == tuple(row["out_hw"]), row


def test_the_longer_side_is_free_without_a_bound() -> None:
    assert resized_size(100, 1000, 200, None) == (200, 2000)


def test_frames_of_the_right_size_are_only_normalised() -> None:
    batch = clips((2, 64, 96))
    inputs = clip_inputs(batch, MEAN, STD, 64, 107, cadence=1.0)
    assert inputs.padding is None
    assert inputs.absent is None
    torch.testing.assert_close(inputs.frames[0] * STD + MEAN, batch.clips[0] / 255)


@pytest.mark.parametrize("size", [(90, 133), (40, 61)])
def test_resizing_follows_pillow(size: tuple[int, int]) -> None:
    batch = clips((1, *size))
    inputs = clip_inputs(batch, MEAN, STD, 64, 107, cadence=1.0)
    height, width = inputs.frames.shape[-2:]
    picture = Image.fromarray(batch.clips[0][0].permute(1, 2, 0).numpy())
    wanted = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR), np.float32)
    found = ((inputs.frames[0, 0] * STD + MEAN) * 255).permute(1, 2, 0).numpy()
    assert np.abs(found - wanted).max() < 1.01  # Pillow rounds, after each direction


def test_clips_of_several_sizes_and_lengths_are_padded_with_zeros() -> None:
    inputs = clip_inputs(clips((3, 64, 64), (1, 64, 96)), MEAN, STD, 64, 107, cadence=1.0)
    assert inputs.frames.shape == (2, 3, 3, 64, 96)
    assert inputs.padding is not None
    assert inputs.absent is not None
    assert inputs.absent.tolist() == [[False, False, False], [False, True, True]]
    assert not inputs.padding[0, :, :, :64].any()
    assert inputs.padding[0, :, :, 64:].all()
    assert not inputs.padding[1, 0].any()
    assert not inputs.frames[0, :, :, :, 64:].any()
    assert not inputs.frames[1, 1:].any()


def test_times_count_in_units_of_the_cadence_from_the_last_frame() -> None:
    long_after_1970 = 1.6e9
    found = clip_times([target(long_after_1970 + t) for t in (0.0, 0.04, 0.12)], cadence=0.04)
    assert found == pytest.approx([-3, -2, 0], abs=1e-4)


def test_frames_count_where_one_has_no_time() -> None:
    assert clip_times([target(0.0), target(), target(8.0)], cadence=1.0) == [-2, -1, 0]
