"""Files that do not arrive as they should, and disks that do not take them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prepare.jsoc.download import RESERVE
from prepare.jsoc.faults import DiskError
from prepare.jsoc.manifest import Manifest

JET = "sjh_2013-10-28T01_1"
Run = Callable[..., Manifest]


def on_disk(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / JET).iterdir()}


WAYS = ("truncated", "dropped halfway", "page", "empty", "dropped", "503")


@pytest.mark.parametrize("way", WAYS)
def test_a_file_that_does_not_arrive_well_is_fetched_again(
    way: str, run: Run, jsoc: Any, tmp_path: Path
) -> None:
    jsoc.ways[jsoc.names[1]] = [way, way]
    assert run().rows[JET].state == "done"
    assert on_disk(tmp_path) == jsoc.files
    assert len(jsoc.asked("file")) == 5


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        ("truncated", "truncated"),
        ("dropped halfway", "truncated"),
        ("page", "html"),
        ("empty", "empty"),
        ("403", "http_403"),
    ],
)
def test_a_file_that_never_arrives_is_given_up_and_fetched_by_the_next_run(
    way: str, reason: str, run: Run, jsoc: Any, tmp_path: Path
) -> None:
    lost = jsoc.names[1]
    jsoc.ways[lost] = [way] * 3
    row = run().rows[JET]
    assert (row.state, row.reason, row.missing) == ("incomplete", reason, {lost: reason})
    assert sorted(on_disk(tmp_path)) == [jsoc.names[0], jsoc.names[2]]
    jsoc.log.clear()
    row = run().rows[JET]
    assert (row.state, row.reason, row.missing) == ("done", "", {})
    assert on_disk(tmp_path) == jsoc.files
    assert jsoc.asked("file") == [{"name": lost}]
    assert jsoc.asked("exp_request") == []


def test_without_its_manifest_good_files_are_kept_and_bad_ones_replaced(
    run: Run, jsoc: Any, tmp_path: Path
) -> None:
    run()
    (tmp_path / "manifest.json").unlink()
    damaged = tmp_path / JET / jsoc.names[1]
    damaged.write_bytes(jsoc.files[damaged.name][:5000])
    jsoc.log.clear()
    assert run().rows[JET].state == "done"
    assert jsoc.asked("file") == [{"name": damaged.name}]
    assert on_disk(tmp_path) == jsoc.files


def test_a_disk_without_room_is_told_and_nothing_is_half_written(
    run: Run, jsoc: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    free = iter([RESERVE * 2, RESERVE + 10])
    monkeypatch.setattr(
        shutil, "disk_usage", lambda folder: usage._replace(free=next(free, RESERVE))
    )
    with pytest.raises(DiskError, match="make room"):
        run()
    assert list(on_disk(tmp_path)) == jsoc.names[:1]
    monkeypatch.undo()
    assert run().rows[JET].state == "done"
    assert on_disk(tmp_path) == jsoc.files


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_disk_that_fills_up_while_writing_leaves_nothing(
    run: Run, jsoc: Any, tmp_path: Path
) -> None:
    (tmp_path / JET).mkdir()
    (tmp_path / JET / f".{jsoc.names[0]}.part").symlink_to("/dev/full")
    with pytest.raises(DiskError, match="disk is full"):
        run()
    assert on_disk(tmp_path) == {}
    assert run().rows[JET].state == "done"


def test_a_frame_that_is_bad_at_the_archive_is_kept_with_its_fault(
    run: Run, jsoc: Any, draw_frame: Callable[..., bytes]
) -> None:
    jsoc.files[jsoc.names[1]] = draw_frame(24, QUALITY=1 << 13)
    row = run().rows[JET]
    assert row.state == "done"
    assert [stored.fault for stored in row.files.values()] == ["", "quality", ""]


def test_a_frame_that_is_not_cut_out_is_not_taken(
    run: Run, jsoc: Any, draw_frame: Callable[..., bytes]
) -> None:
    jsoc.files[jsoc.names[1]] = draw_frame(24, side=800)
    assert run().rows[JET].missing == {jsoc.names[1]: "field"}


@pytest.mark.parametrize("name", ["../../evil.fits", "/etc/evil.fits", ".hidden.fits", "evil.sh"])
def test_names_that_lead_elsewhere_are_refused(
    name: str, run: Run, jsoc: Any, tmp_path: Path, draw_frame: Callable[..., bytes]
) -> None:
    jsoc.files = {name: draw_frame(0)}
    row = run().rows[JET]
    assert row.state == "failed"
    assert "no frame" in row.reason
    assert [path.name for path in tmp_path.rglob("*")] == ["manifest.json"]


def test_a_disk_that_takes_part_of_a_file_leaves_nothing_of_it(
    run: Run, jsoc: Any, tmp_path: Path
) -> None:
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(jsoc.files[jsoc.names[0]]) - 100, limits[1]))
    try:
        with pytest.raises(DiskError, match=jsoc.names[0]):
            run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert on_disk(tmp_path) == {}
    assert run().rows[JET].state == "done"
