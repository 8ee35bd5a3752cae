"""A folder that grows: each frame at once, each event once, through kills, gaps and bad files."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runs.solar.watch import SolarWatch, watch
from tests.runs.solar.conftest import STEP, Remembering, Watcher, journal


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


def test_after_a_restart_differences_go_back_to_the_frame_before(
    start: Watcher, write_sun: Callable[..., Path], source: Path, tmp_path: Path
) -> None:
    """Shown as differences, a jet that grows stands out in what has become bright since."""
    watchers = {out: start(out, channels=["running_difference"] * 3) for out in "ab"}
    for frame in range(4):
        write_sun(source / f"{frame}.fits", STEP * frame, (930, -320, 950, -300 + 8 * frame))
        for out, solar in watchers.items():
            assert solar.scan() == 1
            watchers[out] = start(out, channels=["running_difference"] * 3) if out == "b" else solar
    assert journal(tmp_path / "a") == journal(tmp_path / "b")
    shown = [entry["found"] for entry in journal(tmp_path / "b")]
    assert shown[0] == []  # nothing lies before it
    heights = [found["hpc_y1"] - found["hpc_y0"] for frame in shown[1:] for found in frame]
    assert heights == pytest.approx([8, 8, 8], abs=0.1)


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
