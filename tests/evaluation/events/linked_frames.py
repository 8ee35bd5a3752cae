"""Frames of made-up detections, and the linker run over them."""

from __future__ import annotations

import json

import numpy as np

from evaluation.events.linker import EventLinker
from evaluation.events.linking import Linking
from evaluation.events.observations import Observations

LINKING = Linking()
CADENCE = 24.0
BOX = [900.0, -300.0, 940.0, -260.0]


def run(frames, linking=LINKING, restarts=False, cadence=CADENCE):
    """Frames are (time, boxes, scores); returns the updates and what finishing closes."""
    linker = EventLinker(linking, cadence)
    updates = []
    for frame in frames:
        updates.append(linker.update(*frame))
        if restarts:
            linker = EventLinker.from_json(json.loads(json.dumps(linker.to_json())))
    return updates, linker.finish()


def seen(pattern, score=0.8):
    """A box that stands still, seen where the pattern has an x."""
    return [
        (CADENCE * i, [BOX] if mark == "x" else [], [score] if mark == "x" else [])
        for i, mark in enumerate(pattern)
    ]


def events_of(frames, **kwargs):
    updates, rest = run(frames, **kwargs)
    return [event for update in updates for event in update.closed] + rest


def observations_of(times_by_video, valid=None):
    video = np.concatenate([np.full(len(t), v) for v, t in enumerate(times_by_video)])
    times = np.concatenate(times_by_video).astype(float)
    return Observations(
        names=tuple(f"v{v}" for v in range(len(times_by_video))),
        video=video.astype(np.int64),
        time=times,
        valid=np.ones(len(times), dtype=bool) if valid is None else valid,
        area=np.full(len(times_by_video), 1e4),
    )
