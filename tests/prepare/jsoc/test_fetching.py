"""Fetching from a JSOC that accepts, lets wait, refuses, breaks off and forgets."""

from __future__ import annotations

import errno
import hashlib
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from prepare.jsoc.cutout_request import CutoutRequest
from prepare.jsoc.faults import DiskError, StoppedError, UnreachableError
from prepare.jsoc.manifest import Manifest

JET = "sjh_2013-10-28T01_1"
Run = Callable[..., Manifest]
Ask = Callable[..., CutoutRequest]
REFUSAL = {"status": 4, "error": "Cant save new export-request hash."}
LOCKED = {"status": 7, "error": "User you@example.org has 1 pending export requests"}


def on_disk(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / JET).iterdir()}


def test_frames_and_their_sums_are_there(
    run: Run, jsoc: Any, tmp_path: Path, cutout_request: Ask
) -> None:
    manifest = run(cutout_request(1), cutout_request(2))
    assert on_disk(tmp_path) == jsoc.files
    assert [row.state for row in manifest.rows.values()] == ["done", "done"]
    for name, stored in manifest.rows[JET].files.items():
        content = jsoc.files[name]
        assert (stored.bytes, stored.fault) == (len(content), "")
        assert stored.sha256 == hashlib.sha256(content).hexdigest()
    assert jsoc.most_at_once == 1


def test_the_export_is_asked_for_as_the_archive_wants_it(run: Run, jsoc: Any) -> None:
    run()
    (asked,) = jsoc.asked("exp_request")
    assert asked["ds"] == "aia.lev1_euv_12s[2013-10-28T01:00:00Z/72s@24s][304]{image}"
    assert asked["process=n"] == "0|im_patch,t=1,x=850.0"
    assert (asked["method"], asked["protocol"]) == ("url", "fits")
    assert asked["notify"] == "you@example.org"
    assert "T_REC" in asked["filenamefmt"]


def test_a_second_run_asks_for_nothing(run: Run, jsoc: Any) -> None:
    run()
    asked = len(jsoc.log)
    run()
    assert len(jsoc.log) == asked


def test_pending_exports_are_waited_for_ever_more_rarely(run: Run, jsoc: Any, clock: Any) -> None:
    jsoc.polls = [6, 6, 2, 2, 1, 1, 1]
    assert run().rows[JET].state == "done"
    assert len(jsoc.asked("exp_request")) == 1
    assert len(jsoc.asked("exp_status")) == 8
    assert clock.slept[1] < clock.slept[4] < clock.slept[7]


def test_a_request_that_stays_pending_is_taken_up_by_the_next_run(run: Run, jsoc: Any) -> None:
    jsoc.polls = [2] * 200
    with pytest.raises(StoppedError, match=r"JSOC_20240501_001 is still pending"):
        run()
    assert run().rows[JET].state == "done"
    assert len(jsoc.asked("exp_request")) == 1


def test_a_refused_request_is_made_again(run: Run, jsoc: Any, clock: Any) -> None:
    jsoc.submissions = [REFUSAL, REFUSAL]
    assert run().rows[JET].state == "done"
    assert len(jsoc.asked("exp_request")) == 3
    assert sum(clock.slept) > 60


def test_an_export_that_fails_is_made_again(run: Run, jsoc: Any) -> None:
    jsoc.polls = [2, 4]
    row = run().rows[JET]
    assert (row.state, row.request_id) == ("done", "JSOC_20240501_002")


def test_a_request_that_is_always_refused_does_not_keep_the_next_from_being_fetched(
    run: Run, jsoc: Any, cutout_request: Ask
) -> None:
    jsoc.submissions = [REFUSAL] * 3
    first, second = run(cutout_request(1), cutout_request(2)).rows.values()
    assert (first.state, second.state) == ("failed", "done")
    assert "export-request hash" in first.reason
    first, _ = run(cutout_request(1), cutout_request(2)).rows.values()
    assert (first.state, first.reason) == ("done", "")


def test_five_refusals_in_a_row_stop_the_run_and_the_next_goes_on(
    run: Run, jsoc: Any, cutout_request: Ask
) -> None:
    requests = [cutout_request(number) for number in (1, 2, 3)]
    jsoc.submissions = [REFUSAL] * 9
    with pytest.raises(StoppedError, match="5 requests in a row"):
        run(*requests)
    assert len(jsoc.asked("exp_request")) == 5
    jsoc.submissions = []
    assert {row.state for row in run(*requests).rows.values()} == {"done"}


def test_a_request_too_large_is_not_made_again(run: Run, jsoc: Any) -> None:
    jsoc.submissions = [
        {"status": 3, "error": "Request exceeds max byte limit", "requestid": "VOID"}
    ]
    row = run().rows[JET]
    assert row.state == "failed"
    assert "max byte limit" in row.reason


def test_locked_out_by_a_pending_request_it_waits(run: Run, jsoc: Any, clock: Any) -> None:
    jsoc.submissions = [LOCKED] * 3
    assert run().rows[JET].state == "done"
    assert sum(clock.slept) > 60 + 120


def test_locked_out_for_hours_it_stops_and_the_next_run_goes_on(
    run: Run, jsoc: Any, clock: Any
) -> None:
    jsoc.submissions = [LOCKED] * 12
    with pytest.raises(StoppedError, match="1 pending export request"):
        run()
    assert max(clock.slept) <= 1800 * 1.2
    assert run().rows[JET].state == "done"


def test_a_dead_connection_ends_the_run_and_the_next_goes_on(
    run: Run, jsoc: Any, tmp_path: Path
) -> None:
    jsoc.ways[jsoc.names[1]] = ["dropped"] * 7
    with pytest.raises(UnreachableError, match=jsoc.names[1]):
        run()
    assert list(on_disk(tmp_path)) == [jsoc.names[0]]
    jsoc.log.clear()
    assert run().rows[JET].state == "done"
    assert [asked["name"] for asked in jsoc.asked("file")] == jsoc.names[1:]
    assert jsoc.asked("exp_request") == []


def test_a_run_killed_between_files_is_gone_on_with(
    run: Run, jsoc: Any, clock: Any, tmp_path: Path
) -> None:
    run()
    shutil.rmtree(tmp_path / JET)
    jsoc.ways[jsoc.names[2]] = ["page"]
    clock.interrupt = True
    with pytest.raises(KeyboardInterrupt):
        run()
    assert list(on_disk(tmp_path)) == jsoc.names[:2]
    clock.interrupt = False
    jsoc.log.clear()
    assert run().rows[JET].state == "done"
    assert jsoc.asked("file") == [{"name": jsoc.names[2]}]


def test_files_that_went_missing_since_are_fetched_again(
    run: Run, jsoc: Any, tmp_path: Path
) -> None:
    run()
    (tmp_path / JET / jsoc.names[0]).unlink()
    run()
    assert on_disk(tmp_path) == jsoc.files
    assert len(jsoc.asked("exp_request")) == 1


def test_after_seven_days_the_export_is_asked_for_again(run: Run, jsoc: Any, clock: Any) -> None:
    jsoc.ways[jsoc.names[1]] = ["page"] * 3
    run()
    clock.time += timedelta(days=7, seconds=1)
    jsoc.log.clear()
    assert run().rows[JET].state == "done"
    assert [kind for kind, _ in jsoc.log] == ["exp_request", "exp_status", "file"]


@pytest.mark.parametrize("polls", [[5], [6] * 11])
def test_an_export_that_jsoc_forgot_is_asked_for_again(
    polls: list[int], run: Run, jsoc: Any
) -> None:
    jsoc.polls = polls
    assert run().rows[JET].state == "done"
    assert len(jsoc.asked("exp_request")) == 2


def test_an_export_whose_files_are_gone_is_asked_for_again(
    run: Run, jsoc: Any, draw_frame: Callable[..., bytes]
) -> None:
    jsoc.files = {f"frame{number}.fits": draw_frame(number) for number in range(5)}
    for name in jsoc.names:
        jsoc.ways[name] = ["404"] * 3
    assert run().rows[JET].state == "done"
    assert len(jsoc.asked("exp_request")) == 2


def test_a_closed_door_stops_the_run_after_five_files(
    run: Run, jsoc: Any, draw_frame: Callable[..., bytes]
) -> None:
    jsoc.files = {f"frame{number}.fits": draw_frame(number) for number in range(7)}
    for name in jsoc.names:
        jsoc.ways[name] = ["403"] * 3
    with pytest.raises(StoppedError, match=r"5 files in a row.*403"):
        run()
    assert len({asked["name"] for asked in jsoc.asked("file")}) == 5
    for name in jsoc.names:
        jsoc.ways[name] = []
    assert run().rows[JET].state == "done"


def test_a_manifest_that_does_not_fit_leaves_the_one_before(
    run: Run, jsoc: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cutout_request: Ask
) -> None:
    run()
    before = (tmp_path / "manifest.json").read_bytes()
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        write(path, content[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DiskError, match=r"manifest\.json: the disk is full"):
        run(cutout_request(1), cutout_request(2))
    assert (tmp_path / "manifest.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.json", JET]


def test_a_time_without_frames_is_told(run: Run, jsoc: Any) -> None:
    jsoc.files = {}
    row = run().rows[JET]
    assert (row.state, row.reason) == ("failed", "JSOC has no frames of this time")


def test_an_answer_that_is_no_answer_is_asked_for_again(run: Run, jsoc: Any) -> None:
    jsoc.submissions = [{"error": "no status"}, {"status": "many"}]
    assert run().rows[JET].state == "done"
