"""The golden tensors of torchvision's SSD300, with the weights and pictures they were made from."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from detectors.ssd300.network import SSD300Network
from detectors.ssd300.torchvision_weights import rename
from detectors.ssd300.vgg import VGG16Trunk


@pytest.fixture(scope="session")
def golden(shared: Path) -> dict[str, Any]:
    return torch.load(shared / "golden" / "ssd300.pt", weights_only=True)


def _draw(name: str, shape: tuple[int, ...], bound: float) -> Tensor:
    """The page beside the golden tensors says how: legacy MT19937 doubles, seeded by the name."""
    draws = np.random.RandomState(zlib.crc32(name.encode())).random_sample(int(np.prod(shape)))
    return torch.from_numpy(((draws * 2 - 1) * bound).astype(np.float32).reshape(shape))


def _golden_tensor(key: str, shape: tuple[int, ...]) -> Tensor:
    if key == "backbone.scale_weight":
        return 20.0 + _draw(key, shape, 2.0)
    if key.endswith(".bias"):
        return _draw(key, shape, 0.1)
    gain = 1.0
    if key.startswith("head."):
        gain = 1.0 if ".module_list.0." in key else 0.008
        gain *= 0.5 if "regression" in key else 1.0
    return _draw(key, shape, gain * float(np.sqrt(6.0 / np.prod(shape[1:]))))


def golden_state(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    return {key: _golden_tensor(key, tuple(shape)) for key, shape in shapes.items()}


@pytest.fixture(scope="session")
def golden_network(golden: dict[str, Any]) -> SSD300Network:
    network = SSD300Network(90, VGG16Trunk())
    network.load_state_dict(rename(golden_state(golden["shapes"])))
    return network.eval()


@pytest.fixture(scope="session")
def golden_frames() -> list[Tensor]:
    """Three uint8 frames of 300x300, 375x500 and 600x240 pixels."""
    frames = []
    for name, (height, width) in {
        "img0": (300, 300),
        "img1": (375, 500),
        "img2": (600, 240),
    }.items():
        cells = (3, (height + 14) // 15, (width + 14) // 15)
        draws = np.random.RandomState(zlib.crc32(name.encode())).randint(0, 256, size=cells)
        pixels = draws.astype(np.uint8).repeat(15, axis=1).repeat(15, axis=2)
        frames.append(torch.from_numpy(np.ascontiguousarray(pixels[:, :height, :width])))
    return frames


@pytest.fixture(scope="session")
def golden_targets() -> list[dict[str, Tensor]]:
    """Boxes in pixels of `golden_frames`, with COCO slots as labels."""
    first = [[10, 20, 60, 90], [12, 18, 64, 88], [100, 100, 290, 280], [23, 34, 49, 71]]
    second = [[0, 0, 500, 375], [200, 150, 260, 160]]
    return [
        {"boxes": torch.tensor(first).float(), "labels": torch.tensor([1, 17, 90, 3])},
        {"boxes": torch.tensor(second).float(), "labels": torch.tensor([62, 44])},
        {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)},
    ]
