"""A folder that grows: each frame at once, each event once, through kills, gaps and bad files."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors.base import Detector
from detectors.frame_stream import FramesAlone
from evaluation.events.linking import Linking
from runs.solar.event import Provenance
from runs.solar.event_book import EventBook
from runs.solar.follower import SolarFollower
from runs.solar.incoming import WatchSettings
from runs.solar.watch import SolarWatch, watch
from solar.intensity import FixedLog
from structures import Prediction

STEP = 24.0
Watcher = Callable[..., SolarWatch]


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
        follower = SolarFollower(Remembering(brightness_detector), book)
        fixed = {"window": 4, "cadence": STEP, "settled": 0.0} | settings
        asked = WatchSettings(source, 304, FixedLog(), **fixed)
        return SolarWatch(asked, follower, tmp_path / out, "a threshold")

    return start


def journal(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "frames.jsonl").read_text().splitlines()]


def events(out: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((out / "events.json").read_text())["events"]
    for event in found:
        event.pop("hek")  # says when it was written
    with (out / "events.csv").open(newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == [event["id"] for event in found]
    files = {file.stem for file in (out / "voevents").glob("*")}
    assert files == {event["id"] for event in found}
    return found


def jets(frame: int) -> list[tuple[float, ...]]:
    """A jet in 10 of every 20 frames, each at another place."""
    number, age = divmod(frame, 20)
    x = 910 + 14 * (number % 6)
    return [(x, -330, x + 10, -318 + 2 * age)] if 5 <= age < 15 else []


def drop(
    write_sun: Callable[..., Path], source: Path, frames: int, bad: int
) -> Iterator[tuple[str, str | None]]:
    """Drop frames one by one, bad ones among them, with a gap of six in the middle.

    Yields:
        Each file and why it is to be left out.
    """
    faults = ["html", "empty", "truncated", "wavelength", "no_wcs", "quality", "duplicate", "time"]
    every = frames // bad
    for frame in range(frames):
        if not frames // 2 <= frame < frames // 2 + 6:
            path = source / f"{frame:04d}.fits"
            write_sun(path, STEP * frame, *jets(frame))
            yield path.name, None
        if frame % every == every - 1:
            fault = faults[frame // every % len(faults)]
            yield spoil(write_sun, source / f"{frame:04d}b.fits", frame, fault), fault


def spoil(write_sun: Callable[..., Path], path: Path, frame: int, fault: str) -> str:
    changes: dict[str, dict[str, Any]] = {
        "wavelength": {"WAVELNTH": 171},
        "no_wcs": {"CTYPE1": None},
        "quality": {"QUALITY": 1 << 13},
    }
    shift = {"duplicate": 0.0, "time": -1.5 * STEP}.get(fault, 0.5 * STEP)
    write_sun(path, STEP * frame + shift, *jets(frame), **changes.get(fault, {}))
    whole = path.read_bytes()
    cut = {"html": b"<html>503</html>", "empty": b"", "truncated": whole[: len(whole) // 2]}
    path.write_bytes(cut.get(fault, whole))
    return path.name


@pytest.mark.parametrize(
    ("frames", "bad"), [(60, 5), pytest.param(300, 10, marks=pytest.mark.slow)]
)
def test_every_event_is_reported_once_through_bad_frames_a_gap_and_kills(
    start: Watcher,
    write_sun: Callable[..., Path],
    source: Path,
    tmp_path: Path,
    frames: int,
    bad: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    undisturbed, disturbed = start("a"), start("b")
    kills = {10: "before", 29: "after", frames - 10: "before"}
    for place, (name, fault) in enumerate(drop(write_sun, source, frames, bad)):
        assert undisturbed.scan() == 1
        if place in kills:
            with monkeypatch.context() as patch:
                kill(patch, kills[place])
                with pytest.raises(Killed):
                    disturbed.scan()
            disturbed = start("b")
            assert disturbed.scan() == (1 if kills[place] == "before" else 0)
        else:
            assert disturbed.scan() == 1
        for out in ("a", "b"):  # a latency of one frame
            latest = journal(tmp_path / out)[-1]
            assert (latest["file"], latest.get("left_out")) == (name, fault)
    found = events(tmp_path / "a")
    # The gap cuts the jet in the middle short.
    wanted = [frame for frame in range(frames) if jets(frame) and frame % 20 == 5]
    starts = [
        round((seconds(event["t_start"]) - seconds("01:00:01.450")) / STEP) for event in found
    ]
    assert starts == wanted
    assert events(tmp_path / "b") == found
    assert journal(tmp_path / "a") == journal(tmp_path / "b")
    files = [entry["file"] for entry in journal(tmp_path / "b")]
    assert len(files) == len(set(files)) == frames - 6 + bad


class Killed(BaseException):
    pass


def kill(patch: pytest.MonkeyPatch, when: str) -> None:
    """End the watch right before, or right after, a frame's state is on disk."""

    def stop(*_: Any) -> None:
        raise Killed

    if when == "before":
        patch.setattr("runs.solar.watch_files.write_json", stop)
    else:
        patch.setattr(SolarWatch, "_show", stop)
        patch.setattr("runs.solar.watch.write_events", stop)


def seconds(time: str) -> float:
    hours, minutes, rest = time[-13:].lstrip("T").rstrip("Z").split(":")
    return 3600 * float(hours) + 60 * float(minutes) + float(rest)


def test_after_a_restart_the_detector_has_seen_the_same_frames(
    start: Watcher, write_sun: Callable[..., Path], source: Path
) -> None:
    one = start()
    for frame in range(6):
        write_sun(source / f"{frame}.fits", STEP * frame)
    assert one.scan() == 6
    again = start()
    stream, before = again._follower._stream, one._follower._stream
    assert isinstance(stream, Remembering)
    assert isinstance(before, Remembering)
    assert stream.shown == before.shown[-4:]
    write_sun(source / "9.fits", STEP * 20)
    again.scan()
    assert len(stream.shown) == 1  # a gap: all is forgotten


def test_a_file_that_is_still_written_waits(
    start: Watcher,
    write_sun: Callable[..., Path],
    source: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    solar = start(settled=30.0)
    path = write_sun(source / "a.fits", 0)
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    assert solar.scan() == 0
    path.write_bytes(whole)
    assert solar.scan() == 1
    assert "left_out" not in journal(tmp_path / "out")[0]
    (source / "b.fits").write_bytes(whole[:1000])
    watch(solar, idle_s=0)
    assert "still being written, so not looked at: b.fits" in caplog.text
    old = path.stat().st_mtime - 60
    os.utime(source / "b.fits", (old, old))
    assert solar.scan() == 1
    assert journal(tmp_path / "out")[1]["left_out"] == "truncated"


def test_the_cadence_is_learned(
    start: Watcher, write_sun: Callable[..., Path], source: Path, tmp_path: Path
) -> None:
    solar = start(cadence=None)
    for frame, expected in ((0, 0), (1, 0), (3, 3)):
        write_sun(source / f"{frame}.fits", 36.0 * frame)
        assert solar.scan() == expected
    assert json.loads((tmp_path / "out" / "state.json").read_text())["watch"]["gate"][
        "cadence"
    ] == pytest.approx(36)
    write_sun(source / "4.fits", 36 * 3 + 12)  # too near
    solar.scan()
    assert journal(tmp_path / "out")[-1]["left_out"] == "off_grid"


def test_frames_that_come_together_are_put_in_order(
    start: Watcher, write_sun: Callable[..., Path], source: Path, tmp_path: Path
) -> None:
    solar = start(cadence=None)
    for name, time in (("a", 48), ("b", 0), ("c", 24)):
        write_sun(source / f"{name}.fits", time)
    watch(solar, idle_s=0)
    assert [entry["file"] for entry in journal(tmp_path / "out")] == ["b.fits", "c.fits", "a.fits"]


def test_one_frame_is_not_waited_for_forever(
    start: Watcher, write_sun: Callable[..., Path], source: Path, tmp_path: Path
) -> None:
    write_sun(source / "a.fits", 0, (930, -320, 950, -280))
    watch(start(cadence=None), idle_s=0)
    (entry,) = journal(tmp_path / "out")
    (found,) = entry["found"]
    box = [found[key] for key in ("hpc_x0", "hpc_y0", "hpc_x1", "hpc_y1")]
    np.testing.assert_allclose(box, [930, -320, 950, -280], atol=0.05)
    assert (tmp_path / "out" / "latest.jpg").stat().st_size > 0


def test_ctrl_c_ends_a_watch_that_goes_on_later(
    start: Watcher, write_sun: Callable[..., Path], source: Path, tmp_path: Path
) -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    for frame in range(4):
        write_sun(source / f"{frame}.fits", STEP * frame, (930, -320, 950, -280))
    watch(start(), idle_s=None, sleep=interrupt)
    (event,) = events(tmp_path / "out")
    assert (event["status"], event["n_frames"]) == ("open", 4)
    for frame in range(4, 9):
        write_sun(source / f"{frame}.fits", STEP * frame)
    watch(start(), idle_s=0)
    (event,) = events(tmp_path / "out")
    assert (event["status"], event["n_frames"]) == ("ended", 4)


def test_another_field_begins_a_new_sequence_after_three_frames(
    start: Watcher, write_sun: Callable[..., Path], source: Path, tmp_path: Path
) -> None:
    solar = start()
    for frame in range(8):
        moved = {} if frame < 3 else {"CRVAL1": 0.0}
        write_sun(source / f"{frame}.fits", STEP * frame, **moved)
    solar.scan()
    told = [entry.get("left_out") for entry in journal(tmp_path / "out")]
    assert told == [None] * 3 + ["field"] * 2 + [None] * 3


def test_a_folder_of_results_goes_on_with_the_same_watch_only(
    start: Watcher, write_sun: Callable[..., Path], source: Path, tmp_path: Path
) -> None:
    write_sun(source / "a.fits", 0)
    start().scan()
    with pytest.raises(ValueError, match=r"is of a watch with weights '0+', not '1+'"):
        start(weights="1" * 64)
    state = tmp_path / "out" / "state.json"
    whole = state.read_text()
    for damaged in ("{", '{"watch": 1}', whole.replace('"gate"', '"date"')):
        state.write_text(damaged)
        with pytest.raises(ValueError, match=r"state\.json: not the state of a watch"):
            start()
    state.write_text(whole)
    (tmp_path / "out" / "frames.jsonl").write_text("")
    with pytest.raises(ValueError, match=r"frames\.jsonl: has 0 bytes"):
        start()
