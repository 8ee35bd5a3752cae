"""What Weights & Biases gets to draw of a robustness test."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import pytest
from lightning.pytorch.loggers import WandbLogger

from callbacks.wandb_curves import log_events, log_robustness
from evaluation.events.curve import EventCurve
from evaluation.robustness import SCORES, measure_robustness


@pytest.fixture
def logged() -> tuple[Any, dict[str, Any]]:
    """A trainer with a W&B logger, and what that has been given."""
    given: dict[str, Any] = {}
    logger = MagicMock(spec=WandbLogger)
    logger.experiment.log = given.update
    return SimpleNamespace(loggers=[logger], global_step=7), given


def points(chart: Any) -> dict[str, list[tuple[float, float]]]:
    """Line -> its points."""
    places = [chart.table.columns.index(name) for name in ("lineKey", "step", "lineVal")]
    lines: dict[str, list[tuple[float, float]]] = {}
    for row in chart.table.data:
        name, x, y = (row[place] for place in places)
        lines.setdefault(name, []).append((x, y))
    return lines


def test_lines_over_severity_and_bits_per_pixel(logged: tuple[Any, dict[str, Any]]) -> None:
    trainer, given = logged
    maps = {"clean": 0.5, "jpeg_q40": 0.4, "jpeg_q10": 0.2, "fog_1": 0.3, "fog_5": 0.1}
    scores = {name: dict.fromkeys(SCORES, ap) for name, ap in maps.items()}
    log_robustness(trainer, measure_robustness(scores, {"jpeg_q40": 0.9, "jpeg_q10": 0.3}))
    (fog,) = points(given["test/severity"]).items()
    assert fog[0] == "fog"
    assert [p for p in fog[1] if not math.isnan(p[1])] == [(0, 0.5), (1, 0.3), (5, 0.1)]
    assert points(given["test/bits_per_pixel"]) == {"AP": [(0.3, 0.2), (0.9, 0.4)]}


def test_pictures_as_stored_alone_make_no_curve(logged: tuple[Any, dict[str, Any]]) -> None:
    trainer, given = logged
    log_robustness(trainer, None)
    assert given == {}


def test_recall_of_events_over_false_alarms_an_hour(logged: tuple[Any, dict[str, Any]]) -> None:
    trainer, given = logged
    counts = np.array([3, 4]), np.array([0, 5])
    curve = EventCurve(np.array([0.9, 0.4]), *counts, truth=4, hours=2.0)
    log_events(trainer, SimpleNamespace(curve=curve), "test")  # type: ignore[arg-type]
    assert points(given["test/events"]) == {"events": [(0.0, 0.75), (2.5, 1.0)]}


def test_videos_without_events_make_no_curve(logged: tuple[Any, dict[str, Any]]) -> None:
    trainer, given = logged
    nothing = EventCurve(*np.zeros((1, 0)), *np.zeros((2, 0), int), truth=0, hours=2.0)
    log_events(trainer, SimpleNamespace(curve=nothing), "val")  # type: ignore[arg-type]
    log_events(trainer, None, "val")
    assert given == {}
