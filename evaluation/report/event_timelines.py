"""Video by video: true and found events as bars over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.events.evaluation import EventEvaluation
from evaluation.events.matching import EventMatches
from evaluation.events.observations import Observations

MOST = 12  # videos shown
WIDTH, LEFT = 640.0, 8.0  # of the axis in the SVG
HEAD, LANE = 18.0, 18.0  # height of a row's label and of each of its lanes
TICKS = (1, 2, 5, 10, 20, 30, 60, 120, 180, 360, 720, 1440)  # minutes


@dataclass(frozen=True, slots=True)
class Bar:
    """An event, or a stretch of held frames.

    Attributes:
        x: left edge in the SVG.
        width: in the SVG.
        lane: number of the line in its row; bars of a lane do not overlap.
        kind: of true events 'found', 'missed' or, where runs differ, 'partly'; of found ones
            'correct' or 'false'; of both 'ignored'; 'held'.
        note: what a tooltip says.
    """

    x: float
    width: float
    lane: int
    kind: str
    note: str


@dataclass(frozen=True, slots=True)
class BarRow:
    """The bars of the truth or of a run; `top` is where the row begins in the SVG."""

    label: str
    top: float
    bars: list[Bar]

    @property
    def bottom(self) -> float:
        """Where the next row begins."""
        return self.top + HEAD + LANE * max((bar.lane + 1 for bar in self.bars), default=1)

    def y(self, bar: Bar) -> float:
        """Upper edge of a bar."""
        return self.top + HEAD + LANE * bar.lane


@dataclass(frozen=True, slots=True)
class Timeline:
    """One video.

    Attributes:
        name: of the video.
        rows: the truth and each run.
        held: frames that were held over a gap.
        ticks: x in the SVG and minutes since the first frame.
        height: of the SVG's plot.
    """

    name: str
    rows: list[BarRow]
    held: list[Bar]
    ticks: list[tuple[float, int]]
    height: float


def event_timelines(runs: Mapping[str, EventEvaluation]) -> list[Timeline]:
    """The videos with most mistakes, then those with most events; in the order of the data.

    Args:
        runs: name -> evaluation, all of the same videos and the same truth.
    """
    every = [run.matches for run in runs.values()]
    observations = next(iter(runs.values())).observations
    interest = []
    for video in range(len(observations.names)):
        mistakes = events = 0
        for matches in every:
            inside = np.array([event.video == video for event in matches.found], dtype=bool)
            there = np.array([event.video == video for event in matches.truth], dtype=bool)
            mistakes += (matches.false & inside).sum()
            mistakes += (matches.counted & ~matches.found_truth & there).sum()
            events += inside.sum() + there.sum()
        if events and len(observations.frames_of(video)) > 1:
            interest.append((-mistakes, -events, video))
    shown = sorted(video for *_, video in sorted(interest)[:MOST])
    matched = {name: run.matches for name, run in runs.items()}
    return [_timeline(video, matched, observations) for video in shown]


def _timeline(video: int, runs: Mapping[str, EventMatches], observations: Observations) -> Timeline:
    times = observations.time[observations.frames_of(video)]
    axis = _Axis(float(times[0]), float(times[-1]))
    drawn = {"truth": _true_bars(video, runs, axis)}
    for name, matches in runs.items():
        drawn[name if len(runs) > 1 else "found"] = _found_bars(video, matches, axis)
    rows, top = [], 0.0
    for label, bars in drawn.items():
        rows.append(BarRow(label, top, bars))
        top = rows[-1].bottom
    return Timeline(
        observations.names[video], rows, _held_bars(video, observations, axis), axis.ticks(), top
    )


@dataclass(frozen=True, slots=True)
class _Axis:
    """Seconds of a video's first and last frame."""

    start: float
    end: float

    def x(self, time: float) -> float:
        share = (time - self.start) / (self.end - self.start)
        return round(LEFT + WIDTH * float(np.clip(share, 0, 1)), 1)

    def bar(self, start: float, end: float, lane: int, kind: str, note: str) -> Bar:
        # An event of an instant is seen all the same.
        return Bar(self.x(start), max(self.x(end) - self.x(start), 2.0), lane, kind, note)

    def ticks(self) -> list[tuple[float, int]]:
        minutes = (self.end - self.start) / 60
        step = next((tick for tick in TICKS if minutes <= 6 * tick), 1440)
        return [(self.x(self.start + 60 * m), m) for m in range(0, int(minutes) + 1, step)]


def _true_bars(video: int, runs: Mapping[str, EventMatches], axis: _Axis) -> list[Bar]:
    matches = next(iter(runs.values()))
    places = [n for n, event in enumerate(matches.truth) if event.video == video]
    events = [matches.truth[n] for n in places]
    bars = []
    spans = [(event.start, event.end) for event in events]
    for n, event, lane in zip(places, events, _lanes(spans), strict=True):
        finders = [name for name, matched in runs.items() if matched.found_truth[n]]
        kind = "found" if len(finders) == len(runs) else "partly" if finders else "missed"
        said = f"found by {', '.join(finders)}" if len(runs) > 1 and finders else kind
        if event.ignored:
            kind = said = "ignored"
        note = f"{event.event}: {_span(event.start, event.end, axis)}, {said}"
        bars.append(axis.bar(event.start, event.end, lane, kind, note))
    return bars


def _found_bars(video: int, matches: EventMatches, axis: _Axis) -> list[Bar]:
    places = [f for f, event in enumerate(matches.found) if event.video == video]
    events = [matches.found[f] for f in places]
    bars = []
    spans = [(event.start, event.end) for event in events]
    for f, event, lane in zip(places, events, _lanes(spans), strict=True):
        kind, said = "false", "matches no event"
        if matches.matched[f]:
            kind = "correct"
            said = f"{matches.truth[matches.true_of[f]].event}, temporal IoU {matches.tiou[f]:.2f}"
        elif matches.ignored[f]:
            kind, said = "ignored", "need not be found"
        span = _span(event.start, event.end, axis)
        note = f"event {event.event}: {span}, score {event.score:.2f}; {said}"
        bars.append(axis.bar(event.start, event.end, lane, kind, note))
    return bars


def _held_bars(video: int, observations: Observations, axis: _Axis) -> list[Bar]:
    frames = observations.frames_of(video)
    times, held = observations.time[frames], ~observations.valid[frames]
    half = observations.cadence(video) / 2
    return [axis.bar(time - half, time + half, 0, "held", "no valid frame") for time in times[held]]


def _lanes(spans: Sequence[tuple[float, float]]) -> list[int]:
    """The lowest line for each span on which it overlaps none before it."""
    ends: list[float] = []
    lanes = [0] * len(spans)
    for place in sorted(range(len(spans)), key=lambda i: spans[i]):
        start, end = spans[place]
        lane = next((i for i, taken in enumerate(ends) if taken < start), len(ends))
        ends[lane : lane + 1] = [end]
        lanes[place] = lane
    return lanes


def _span(start: float, end: float, axis: _Axis) -> str:
    return f"{(start - axis.start) / 60:.1f} to {(end - axis.start) / 60:.1f} min"
