"""Frames of the sun with bright blobs where tests want them, and a detector that finds them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from astropy.io import fits
from torch import nn
from torchvision.ops import masks_to_boxes

from detectors.base import Detector
from detectors.frame_stream import FramesAlone
from evaluation.events.linking import Linking
from runs.solar.event import Provenance
from runs.solar.event_book import EventBook
from runs.solar.follower import SolarFollower
from runs.solar.incoming import WatchSettings
from runs.solar.watch import SolarWatch
from solar.intensity import FixedLog
from structures import Batch, Prediction
from tests.aia_header import aia_header

STEP = 24.0  # seconds
CALM, BRIGHT = 40, 1500  # DN
WIDTH, HEIGHT, SCALE = 60, 48, 2.0
LEFT, BOTTOM = 900.0, -340.0  # arcsec of the lower left corner
Watcher = Callable[..., SolarWatch]


class BrightnessDetector(Detector):
    """Boxes the bright pixels of each frame as one thing; needs no training."""

    def __init__(self, class_names: tuple[str, ...] = ("jet",)) -> None:
        super().__init__(class_names)
        self.network = nn.Identity()

    def predict(self, batch: Batch) -> list[Prediction]:
        found = []
        for frame, target in zip(batch.frames(), batch.frame_targets(), strict=True):
            bright = frame[0] > 220
            boxes = masks_to_boxes(bright[None]) if bright.any() else torch.zeros(0, 4)
            boxes[:, 2:] += 1
            labels = torch.ones(len(boxes), dtype=torch.int64)
            found.append(Prediction(boxes, torch.full((len(boxes),), 0.9), labels, target.image_id))
        return found


@pytest.fixture(scope="session")
def brightness_detector() -> BrightnessDetector:
    return BrightnessDetector().eval()


@pytest.fixture(scope="session")
def write_sun() -> Callable[..., Path]:
    """Write a FITS frame; `boxes` in arcsec (left, bottom, right, top) are bright."""

    def write(
        path: Path, seconds: float, *boxes: tuple[float, float, float, float], **changes: Any
    ) -> Path:
        data = np.random.default_rng(int(seconds)).normal(CALM, 2, (HEIGHT, WIDTH))
        for box in boxes:
            x0, y0, x1, y1 = (round(v / SCALE) for v in np.subtract(box, (LEFT, BOTTOM) * 2))
            data[y0:y1, x0:x1] = BRIGHT
        place = {"CRVAL1": LEFT, "CRVAL2": BOTTOM, "CDELT1": SCALE, "CDELT2": SCALE}
        header = fits.Header(list(aia_header(seconds, **(place | changes)).items()))
        fits.PrimaryHDU(data.astype(np.int16), header).writeto(path, overwrite=True)
        return path

    return write


class Remembering(FramesAlone):
    """A stream that notes how bright what it was shown is: what a window would hold."""

    def __init__(self, detector: Detector) -> None:
        super().__init__(detector)
        self.shown: list[float] = []

    def reset(self) -> None:
        self.shown.clear()

    def detect(self, frame: Any, image_id: int, time: float | None = None) -> Prediction:
        assert time is not None
        self.shown.append(time)
        return super().detect(frame, image_id, time)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "sun"
    folder.mkdir()
    return folder


@pytest.fixture
def start(brightness_detector: Detector, source: Path, tmp_path: Path) -> Watcher:
    """Start a watch of `source`, or start it again."""

    def start(out: str = "out", weights: str = "0" * 64, **settings: Any) -> SolarWatch:
        book = EventBook(["jet"], [Linking(0.4)], Provenance(304, str(source), weights))
        channels = settings.pop("channels", ("log",) * 3)
        follower = SolarFollower(Remembering(brightness_detector), book, channels)
        fixed = {"window": 4, "cadence": STEP, "settled": 0.0} | settings
        asked = WatchSettings(source, 304, FixedLog(), **fixed)
        return SolarWatch(asked, follower, tmp_path / out, "a threshold")

    return start


def journal(out: Path) -> list[dict[str, Any]]:
    """What a watch wrote of each file."""
    return [json.loads(line) for line in (out / "frames.jsonl").read_text().splitlines()]
