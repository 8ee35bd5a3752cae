"""The state of an event linker as it is read from a file: untrusted, so checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.events.linking import Linking


@dataclass(slots=True)
class OpenTrack:
    """Linked detections that the next frame may continue.

    Attributes:
        times: seconds.
        boxes: xyxy in arcsec.
        scores: of the detections.
        event: the event's number, 0 while it is not confirmed.
    """

    times: list[float]
    boxes: list[list[float]]
    scores: list[float]
    event: int = 0

    def append(self, time: float, box: NDArray[np.float64], score: float) -> None:
        """Add what the next frame shows of it."""
        self.times.append(float(time))
        self.boxes.append(box.tolist())
        self.scores.append(float(score))


@dataclass(frozen=True, slots=True)
class LinkerState:
    """All that a linker knows; `last_time` is -inf before the first frame."""

    linking: Linking
    cadence: float
    video: int
    last_time: float
    events: int
    tracks: list[OpenTrack]


def read_state(state: Any, where: str) -> LinkerState:
    """Check what `EventLinker.to_json` wrote.

    Args:
        state: parsed JSON.
        where: how messages call it, such as the file's name.

    Raises:
        ValueError: says what is wrong.
    """
    keys = {field.name for field in fields(LinkerState)}
    _require(isinstance(state, Mapping) and set(state) == keys, where, f"the keys {sorted(keys)}")
    rules = state["linking"]
    known = {field.name for field in fields(Linking)}
    _require(isinstance(rules, Mapping) and set(rules) == known, where, f"'linking' with {known}")
    _require(all(_is_number(value) for value in rules.values()), where, "numbers in 'linking'")
    _require(_is_number(state["cadence"]) and state["cadence"] > 0, where, "'cadence' above 0")
    for key in ("video", "events"):
        _require(_is_count(state[key]), where, f"a whole number as '{key}'")
    last = state["last_time"]
    _require(last is None or _is_number(last), where, "a number or null as 'last_time'")
    _require(isinstance(state["tracks"], list), where, "a list 'tracks'")
    latest = -np.inf if last is None else float(last)
    tracks = [
        _track(track, latest, f"{where}: track {place}")
        for place, track in enumerate(state["tracks"])
    ]
    numbers = [track.event for track in tracks if track.event]
    distinct = len(set(numbers)) == len(numbers) and max(numbers, default=0) <= state["events"]
    _require(distinct, where, "events numbered once, up to 'events'")
    return LinkerState(
        Linking(**rules), float(state["cadence"]), state["video"], latest, state["events"], tracks
    )


def _track(track: Any, latest: float, where: str) -> OpenTrack:
    keys = {field.name for field in fields(OpenTrack)}
    _require(isinstance(track, Mapping) and set(track) == keys, where, f"the keys {sorted(keys)}")
    columns = {}
    for key, width in (("times", 0), ("boxes", 4), ("scores", 0)):
        columns[key] = _numbers(track[key], width, where, key)
    times, boxes, scores = columns["times"], columns["boxes"], columns["scores"]
    _require(len(times) == len(boxes) == len(scores) > 0, where, "as many times, boxes and scores")
    _require(bool((np.diff(times) > 0).all()) and times[-1] <= latest, where, "rising times")
    _require(bool((boxes[:, 2:] >= boxes[:, :2]).all()), where, "boxes x0 <= x1, y0 <= y1")
    _require(_is_count(track["event"]), where, "a whole number as 'event'")
    return OpenTrack(times.tolist(), boxes.tolist(), scores.tolist(), track["event"])


def _numbers(values: Any, width: int, where: str, key: str) -> NDArray[np.float64]:
    rows: list[Any] = values if isinstance(values, list) else [None]
    if width:
        shaped = all(isinstance(row, list) and len(row) == width for row in rows)
        rows = [value for row in rows for value in row] if shaped else [None]
    _require(all(map(_is_number, rows)), where, f"finite numbers as '{key}'")
    array = np.array(rows, dtype=np.float64)
    return array.reshape(-1, width) if width else array


def _is_number(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _require(fine: bool, where: str, expected: str) -> None:
    if not fine:
        raise ValueError(
            f"{where}: expected {expected}; it was not written by this linker, or cut short. "
            "Remove it to begin anew"
        )
