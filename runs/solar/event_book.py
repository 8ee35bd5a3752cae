"""The events of a stream of solar frames, each of them once, however long the stream is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.events.found_events import FoundEvent
from evaluation.events.linker import EventLinker
from evaluation.events.linking import Linking
from runs.solar.event import Provenance, SolarEvent, measure
from structures import Prediction

OPEN, ENDED = "open", "ended"


class PlacedDetections(NamedTuple):
    """The detections of one frame on the sky.

    Attributes:
        boxes: float64 [N, 4], helioprojective arcsec, x0 <= x1 and y0 <= y1.
        labels: int64 [N], 1..C.
        scores: float64 [N].
    """

    boxes: NDArray[np.float64]
    labels: NDArray[np.int64]
    scores: NDArray[np.float64]


class EventBook:
    """Links detections into events, class by class, and keeps all events.

    Args:
        names: Of the classes 1..C.
        linkings: The rules of linking, one a class.
        provenance: Of all events.
        earlier: Events of other books, after which those of this one are numbered.

    Attributes:
        events: By id, in the order in which they were confirmed.
    """

    def __init__(
        self,
        names: Sequence[str],
        linkings: Sequence[Linking],
        provenance: Provenance,
        earlier: int = 0,
    ) -> None:
        self.names, self.linkings, self.provenance = tuple(names), tuple(linkings), provenance
        self.events: dict[str, SolarEvent] = {}
        self._earlier, self._km = earlier, 0.0
        self._linkers: list[EventLinker] = []
        self._ids: dict[tuple[int, int], str] = {}

    @property
    def thresholds(self) -> list[float]:
        """The least score of a detection, one a class."""
        return [linking.score_threshold for linking in self.linkings]

    def begin(self, cadence: float, km: float) -> set[str]:
        """Begin a sequence of frames; events of the one before are ended.

        Args:
            cadence: Seconds between frames.
            km: Kilometres in an arcsec.

        Returns:
            Ids of the events that it ended.
        """
        ended = self.end()
        self._km = km
        self._linkers = [
            EventLinker(linking, cadence, video=label)
            for label, linking in enumerate(self.linkings, start=1)
        ]
        return ended

    def take(self, time: datetime, found: PlacedDetections) -> set[str]:
        """Take the detections of the next frame.

        Args:
            time: Of the frame, aware, later than that of the frame before.
            found: All of them; those below the thresholds are left out here.

        Returns:
            Ids of the events that it confirmed, continued or ended.

        Raises:
            ValueError: if the frame is not later than the one before.
        """
        changed = set()
        for label, linker in enumerate(self._linkers, start=1):
            own = found.labels == label
            update = linker.update(time.timestamp(), found.boxes[own], found.scores[own])
            changed |= {self._note(event, OPEN) for event in update.opened + update.continued}
            changed |= {self._note(event, ENDED) for event in update.closed}
        return changed

    def end(self) -> set[str]:
        """End the sequence and its events; their ids."""
        ended = [event for linker in self._linkers for event in linker.finish()]
        ids = {self._note(event, ENDED) for event in ended}
        self._linkers, self._ids = [], {}
        return ids

    def to_json(self) -> dict[str, Any]:
        """The whole state as plain values, with which `restore` goes on exactly."""
        return {
            "events": [event.as_json() for event in self.events.values()],
            "km_per_arcsec": self._km,
            "linkers": [linker.to_json() for linker in self._linkers],
            "ids": [[*key, event_id] for key, event_id in self._ids.items()],
        }

    def restore(self, state: Any, where: str) -> None:
        """Go on where another book was.

        Args:
            state: Of `to_json`, perhaps from a file.
            where: How messages call it.

        Raises:
            ValueError: if it is not what a book of these classes wrote.
        """
        try:
            events = [SolarEvent.from_json(values, where) for values in state["events"]]
            linkers = [EventLinker.from_json(values, where) for values in state["linkers"]]
            ids = {(int(label), int(number)): str(name) for label, number, name in state["ids"]}
            self._km = float(state["km_per_arcsec"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"{where}: no book of events: {error!r}") from error
        if len(linkers) not in (0, len(self.names)):
            raise ValueError(f"{where}: is of {len(linkers)} classes, not of {len(self.names)}")
        self.events = {event.id: event for event in events}
        if not set(ids.values()) <= set(self.events):
            raise ValueError(f"{where}: names events that it does not hold")
        self._linkers, self._ids = linkers, ids

    def _note(self, found: FoundEvent, status: str) -> str:
        key, kind = (found.video, found.event), self.names[found.video - 1]
        if key not in self._ids:
            start = datetime.fromtimestamp(found.start, UTC)
            number = self._earlier + len(self.events) + 1
            self._ids[key] = (
                f"{kind}_{start:%Y%m%dT%H%M%SZ}_{self.provenance.wavelength}_{number:04d}"
            )
        event_id = self._ids[key]
        self.events[event_id] = measure(found, event_id, kind, status, self._km, self.provenance)
        return event_id


def placed(prediction: Prediction, corners: NDArray[np.float64]) -> PlacedDetections:
    """Detections on the sky.

    Args:
        prediction: On the CPU.
        corners: float64 [N, 4, 2], the corners of its boxes in helioprojective arcsec.
    """
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    return PlacedDetections(
        boxes, prediction.labels.numpy(), prediction.scores.numpy().astype(np.float64)
    )
