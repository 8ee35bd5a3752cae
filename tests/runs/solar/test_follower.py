"""By which rules detections become events: those of the validation, or the user's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from evaluation.events.linking import LINKED_SHARE
from runs.solar.follower import DEFAULT_THRESHOLD, event_linkings


def detector(point: dict[str, float], event_threshold: float | None) -> Any:
    classes = SimpleNamespace(names=("jet",))
    return SimpleNamespace(classes=classes, operating_point=point, event_threshold=event_threshold)


@pytest.mark.parametrize(
    ("point", "of_events", "asked", "score", "event_score"),
    [
        ({"jet": 0.3}, 0.7, None, 0.3, 0.7),
        # What has no threshold of events is told by that of single frames.
        ({"jet": 0.3}, None, None, 0.3, 0.3),
        ({}, None, None, DEFAULT_THRESHOLD, DEFAULT_THRESHOLD),
        ({"jet": 0.3}, 0.7, 0.9, 0.9, 0.9),
    ],
)
def test_thresholds_of_frames_and_events(
    point: dict[str, float], of_events: float | None, asked: float | None,
    score: float, event_score: float,
) -> None:  # fmt: skip
    (linking,) = event_linkings(detector(point, of_events), asked)
    assert (linking.score_threshold, linking.event_score) == (score, event_score)
    assert linking.linked_share == LINKED_SHARE == 0.5
