"""A folder that keeps growing, in near-real time: each frame is detected in as it comes."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from runs.solar.canvas import SolarCanvas
from runs.solar.event import iso_utc
from runs.solar.event_files import write_events
from runs.solar.follower import Followed, SolarFollower
from runs.solar.gate import FrameGate
from runs.solar.incoming import IncomingFrames, WatchSettings
from runs.solar.prediction import sky_rows
from runs.solar.watch_files import STATE, WatchFiles
from solar.aia_frame import AIAFrame, FrameFacts
from solar.frame_error import FrameError
from solar.frame_wcs import FrameWCS
from solar.picture import render
from structures.atomic_file import write_atomically

logger = logging.getLogger(__name__)

POLL = 1.0  # s


class SolarWatch:
    """Deals with each file of a growing folder once, over any number of restarts.

    Writes frames.jsonl (a line for each file: its detections in arcsec, or why it was left out),
    state.json, events.csv, events.json, voevents/ and latest.jpg, the newest frame annotated.

    Args:
        settings: See there.
        follower: Of a detector and a book without events.
        output: Folder; that of an earlier watch of the same settings to go on with it.
        detector: What events are said to be found by.

    Raises:
        ValueError: if `output` holds another watch, or what it holds is damaged.
    """

    def __init__(
        self, settings: WatchSettings, follower: SolarFollower, output: Path, detector: str
    ) -> None:
        self.settings, self._follower = settings, follower
        self._output, self._detector = output, detector
        book = follower.book
        linkings = [asdict(linking) for linking in book.linkings]
        own = {"weights": book.provenance.weights_sha256, "linking": linkings}
        self._files = WatchFiles(output, settings.as_json() | own)
        self._gate: FrameGate | None = None
        self._window: deque[str] = deque(maxlen=settings.window)
        self._incoming = IncomingFrames(settings)
        self.frames = 0
        if self._files.state is not None:
            self._restore(self._files.state)
        write_events(output, self._events, book.events, detector)

    def scan(self, last: bool = False) -> int:
        """Deal with the files that came since the last scan, in order of time.

        Args:
            last: Whether no other frame is waited for to tell the cadence.

        Returns:
            How many were dealt with.
        """
        self._incoming.look(self._files.done)
        if self._gate is None:
            cadence = self._incoming.cadence(last)
            if cadence is None:
                return 0
            self._gate = FrameGate(cadence, self.settings.region)
        ready = self._incoming.take()
        for name, facts in ready:
            self._deal_with(name, facts, self._gate)
        return len(ready)

    @property
    def unfinished(self) -> list[str]:
        """Files that are perhaps still being written."""
        return self._incoming.unfinished

    @property
    def _events(self) -> Any:
        return self._follower.book.events.values()

    def _deal_with(self, name: str, facts: FrameFacts | FrameError, gate: FrameGate) -> None:
        try:
            if isinstance(facts, FrameError):
                raise facts
            frame = self._incoming.read(name)
            target, begins = gate.admit(frame)
        except FileNotFoundError:
            logger.warning("%s: taken away before its turn", name)
        except FrameError as error:
            logger.warning("left out: %s", error)
            entry = {"file": name, "left_out": error.reason, "message": str(error)}
            self._files.write([entry], self._state(gate))
        else:
            self._follow(name, frame, gate, replace(target, time=frame.time), begins)

    def _follow(
        self, name: str, frame: AIAFrame, gate: FrameGate, wcs: FrameWCS, begins: bool
    ) -> None:
        changed: set[str] = set()
        if begins:
            self._window.clear()
            changed = self._follower.begin(gate.cadence, wcs)
        self.frames += 1
        pixels = self._render(frame, wcs)
        found = self._follower.follow(pixels, wcs, frame.time, self.frames)
        changed |= found.changed
        self._window.append(name)
        self._files.write([self._entry(name, frame, found)], self._state(gate))
        if changed:
            write_events(self._output, self._events, changed, self._detector)
        self._show(pixels, wcs, found)

    def _render(self, frame: AIAFrame, target: FrameWCS) -> NDArray[np.uint8]:
        return render(frame, target, self.settings.scale).pixels.astype(np.uint8)

    def _entry(self, name: str, frame: AIAFrame, found: Followed) -> dict[str, Any]:
        book = self._follower.book
        counts = found.sky.scores >= np.array(book.thresholds)[found.sky.labels - 1]
        sky = found.sky._replace(
            boxes=found.sky.boxes[counts],
            labels=found.sky.labels[counts],
            scores=found.sky.scores[counts],
        )
        return {"file": name, "time": iso_utc(frame.time), "found": sky_rows(sky, book.names)}

    def _show(self, pixels: NDArray[np.uint8], wcs: FrameWCS, found: Followed) -> None:
        drawn = SolarCanvas(wcs, self._follower.book).draw(pixels, wcs.time, found.prediction)
        _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
        write_atomically(self._output / "latest.jpg", jpeg.tobytes())

    def _state(self, gate: FrameGate) -> dict[str, Any]:
        return {
            "frames": self.frames,
            "window": list(self._window),
            "gate": gate.to_json(),
            "book": self._follower.book.to_json(),
        }

    def _restore(self, state: Any) -> None:
        where = f"{self._output / STATE}"
        try:
            gate = FrameGate.from_json(state["gate"], self.settings.region, where)
            self._follower.book.restore(state["book"], where)
            self.frames = int(state["frames"])
            names = [str(name) for name in state["window"]]
        except (KeyError, TypeError) as error:
            raise ValueError(f"{where}: not the state of a watch: {error!r}") from error
        self._gate = gate
        # Only what the journal knows: no name in the state may lead elsewhere.
        self._window.extend(name for name in names if name in self._files.done)
        if gate.target is not None:
            self._follower.refill(list(self._shown_again(gate.target)), gate.target)

    def _shown_again(self, target: FrameWCS) -> Iterator[tuple[NDArray[np.uint8], datetime]]:
        for name in self._window:
            try:
                frame = self._incoming.read(name)
            except (FrameError, FileNotFoundError) as error:
                logger.warning("cannot be shown to the detector again: %s", error)
            else:
                yield self._render(frame, target), frame.time


def watch(
    solar_watch: SolarWatch, idle_s: float | None, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Watch until Ctrl-C, or until no new file has come for a while.

    Events that are open then stay open: the same watch, started again, goes on with them.

    Args:
        solar_watch: See there.
        idle_s: That while in s; None waits forever.
        sleep: Waits between scans.
    """
    latest = time.monotonic()
    try:
        while True:
            if solar_watch.scan():
                latest = time.monotonic()
                continue
            if idle_s is not None and time.monotonic() - latest >= idle_s:
                solar_watch.scan(last=True)
                return
            sleep(POLL)
    except KeyboardInterrupt:
        logger.info("stopped; the same command goes on from here")
    finally:
        if solar_watch.unfinished:
            logger.warning(
                "still being written, so not looked at: %s", ", ".join(solar_watch.unfinished)
            )
