"""Brightness, contrast, saturation and hue as torchvision changes them, each half of the time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torchvision.transforms.v2 import functional as F

from datamodules.augmentation import Augmentation
from structures import Target

STILL = {"expand_p": 0.0, "min_ious": (None,), "flip_p": 0.0}
EMPTY = Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), 1)


def noise(height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("name", "value", "oracle"),
    [
        ("brightness", 1.3, F.adjust_brightness),
        ("contrast", 0.6, F.adjust_contrast),
        ("saturation", 1.4, F.adjust_saturation),
        ("hue", 0.05, F.adjust_hue),
    ],
)
def test_photometric_changes_agree_with_torchvision(name: str, value: float, oracle: Any) -> None:
    neutral = {"brightness": (1, 1), "contrast": (1, 1), "saturation": (1, 1), "hue": (0, 0)}
    ranges: dict[str, Any] = neutral | {name: (value, value)}
    augmentation = Augmentation(photometric_p=1.0, **STILL, **ranges)
    picture = np.kron(noise(6, 8), np.ones((4, 4, 1), np.uint8))
    frames, _ = augmentation([picture], [EMPTY], [0])
    expected = oracle(torch.from_numpy(picture).permute(2, 0, 1), value).permute(1, 2, 0)
    difference = np.abs(frames[0].astype(int) - expected.numpy())
    # OpenCV's 8-bit hue has 180 steps, which the albumentations table truncates.
    assert difference.max() <= (12 if name == "hue" else 2)


def test_every_photometric_change_happens_half_of_the_time() -> None:
    still = {"brightness": (1, 1), "contrast": (1, 1), "saturation": (1, 1), "hue": (0, 0)}
    for name in still:
        ranges: dict[str, Any] = still | {name: (0.3, 0.3)}
        augmentation = Augmentation(photometric_p=0.5, **STILL, **ranges)
        changed = [
            not np.array_equal(augmentation([noise()], [EMPTY], [k])[0][0], noise())
            for k in range(100)
        ]
        assert 30 < sum(changed) < 70
