"""Detections linked over time into events, frame by frame.

In each frame the detections of a least score are freed of duplicates (non-maximum suppression) and
joined to the events of the frames before: of all pairs with an IoU of .3 and more the one that
overlaps most is joined first. What joins none begins an event. An event ends when it was missed in
more than two frames in a row, and counts as found once it has been seen in three. All of it knows
the past alone, so that a stream gives the same events as an archive.

Boxes are in arcsec, never in pixels, so the pointing and the size of the pictures do not matter.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evaluation.events.found_events import FoundEvent, mean_of_best
from evaluation.events.linker_state import OpenTrack, read_state
from evaluation.events.linking import Linking, distinct, joined
from evaluation.events.observations import Observations


@dataclass(frozen=True, slots=True)
class LinkerUpdate:
    """What a frame changed; every event of a video is opened once and closed once.

    Attributes:
        opened: events that this frame confirmed, with all frames since their beginning.
        continued: events confirmed before that this frame shows.
        closed: events confirmed before that have ended.
    """

    opened: list[FoundEvent]
    continued: list[FoundEvent]
    closed: list[FoundEvent]


class EventLinker:
    """Links the detections of one video, in the order of time.

    Args:
        linking: the rules.
        cadence: seconds between frames. Missed frames are counted by it, so a frame that never
            came is missed as well.
        video: number that the events carry.

    Raises:
        ValueError: if the cadence is not a positive number.
    """

    def __init__(self, linking: Linking, cadence: float, video: int = 0) -> None:
        if not (cadence > 0 and np.isfinite(cadence)):
            raise ValueError(f"cadence: expected seconds above 0, got {cadence}")
        self.linking, self.cadence, self.video = linking, float(cadence), video
        self._last_time = -np.inf
        self._events = 0
        self._tracks: list[OpenTrack] = []

    def update(self, time: float, boxes: ArrayLike, scores: ArrayLike) -> LinkerUpdate:
        """Take the detections of the next frame.

        Args:
            time: of the frame in seconds, later than that of the frame before.
            boxes: [N, 4], xyxy in arcsec. A frame that was held over a gap shows nothing new: give
                none, or leave it out.
            scores: [N].

        Raises:
            ValueError: if the frame is not later than the one before, or a box or score is not
                finite, or a box is inside out.
        """
        found, strength = self._checked(time, boxes, scores)
        self._last_time = float(time)
        keep = distinct(found, strength, self.linking)
        found, strength = found[keep], strength[keep]
        within = [
            track
            for track in self._tracks
            if time - track.times[-1] < (self.linking.max_gap + 1.5) * self.cadence
        ]
        last = np.array([track.boxes[-1] for track in within]).reshape(-1, 4)
        pairs = joined(last, found, self.linking)
        for number, place in pairs:
            within[number].append(time, found[place], strength[place])
        continued = [self._event(within[number]) for number, _ in pairs if within[number].event]
        taken = {place for _, place in pairs}
        self._tracks += [
            OpenTrack([float(time)], [found[place].tolist()], [float(strength[place])])
            for place in range(len(found))
            if place not in taken
        ]
        return LinkerUpdate(self._confirm(), continued, self._close(time))

    def finish(self) -> list[FoundEvent]:
        """End the video: close the events that are still open."""
        return self._close(np.inf)

    def to_json(self) -> dict[str, Any]:
        """The whole state as plain types, with which `from_json` goes on exactly."""
        return {
            "linking": asdict(self.linking),
            "cadence": self.cadence,
            "video": self.video,
            "last_time": None if np.isinf(self._last_time) else self._last_time,
            "events": self._events,
            "tracks": [asdict(track) for track in self._tracks],
        }

    @classmethod
    def from_json(cls, state: Any, where: str = "state of the event linker") -> EventLinker:
        """Go on where another linker was.

        Args:
            state: of `to_json`, perhaps from a file.
            where: how messages call it, such as the file's name.

        Raises:
            ValueError: if the state is not one that a linker wrote; says what is wrong.
        """
        checked = read_state(state, where)
        linker = cls(checked.linking, checked.cadence, checked.video)
        linker._last_time = checked.last_time
        linker._events = checked.events
        linker._tracks = checked.tracks
        return linker

    def _checked(
        self, time: float, boxes: ArrayLike, scores: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if not (np.isfinite(time) and time > self._last_time):
            raise ValueError(
                f"video {self.video}: a frame at {time} s after one at {self._last_time} s; frames "
                "come in the order of time, each time once"
            )
        strength = np.asarray(scores, dtype=np.float64).reshape(-1)
        found = np.asarray(boxes, dtype=np.float64).reshape(-1, 4)
        if len(found) != len(strength):
            raise ValueError(f"{len(found)} boxes, but {len(strength)} scores at {time} s")
        fine = np.isfinite(found).all(1) & np.isfinite(strength)
        fine &= (found[:, 2:] >= found[:, :2]).all(1)
        if not fine.all():
            first = int(np.flatnonzero(~fine)[0])
            raise ValueError(
                f"video {self.video}, {time} s: box {found[first].tolist()} with score "
                f"{strength[first]}: expected finite numbers x0 <= x1, y0 <= y1 in arcsec"
            )
        return found, strength

    def _confirm(self) -> list[FoundEvent]:
        """Number the tracks that have become events."""
        length, least = self.linking.min_length, self.linking.event_score
        opened = [
            track
            for track in self._tracks
            if not track.event
            and len(track.times) >= length
            and mean_of_best(track.scores, length) >= least
        ]
        for track in opened:
            self._events += 1
            track.event = self._events
        return [self._event(track) for track in opened]

    def _close(self, time: float) -> list[FoundEvent]:
        patience = (self.linking.max_gap + 0.5) * self.cadence
        ended = [track for track in self._tracks if time - track.times[-1] >= patience]
        self._tracks = [track for track in self._tracks if time - track.times[-1] < patience]
        return [self._event(track) for track in ended if track.event]

    def _event(self, track: OpenTrack) -> FoundEvent:
        return FoundEvent(
            video=self.video,
            event=track.event,
            times=np.array(track.times),
            boxes=np.array(track.boxes),
            scores=np.array(track.scores),
            min_length=self.linking.min_length,
        )


def link_events(
    observations: Observations,
    frame: NDArray[np.int64],
    boxes: NDArray[np.float64],
    scores: NDArray[np.float64],
    linking: Linking,
) -> list[FoundEvent]:
    """Link the detections of whole videos; the events by video, then by number.

    Detections in frames that are not valid, and in pictures of no video, are left out.

    Args:
        observations: of all frames, those without a detection too.
        frame: [D], each detection's place in `observations`.
        boxes: [D, 4], xyxy in arcsec, of one class.
        scores: [D].
        linking: the rules.

    Raises:
        ValueError: as `EventLinker.update`.
    """
    by_frame = np.argsort(frame, kind="stable")
    starts = np.searchsorted(frame[by_frame], np.arange(len(observations.video) + 1))
    events: list[FoundEvent] = []
    for video in range(len(observations.names)):
        frames = observations.frames_of(video)
        if len(frames) < linking.min_length:
            continue
        linker = EventLinker(linking, observations.cadence(video), video)
        ended: list[FoundEvent] = []
        for place in frames[observations.valid[frames]].tolist():
            shown = by_frame[starts[place] : starts[place + 1]]
            time = float(observations.time[place])
            ended += linker.update(time, boxes[shown], scores[shown]).closed
        events += sorted(ended + linker.finish(), key=lambda event: event.event)
    return events
