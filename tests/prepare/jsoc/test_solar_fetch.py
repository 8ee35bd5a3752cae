"""The command that fetches frames, from its arguments to frames on disk."""

from __future__ import annotations

import json
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import prepare.solar_fetch as solar_fetch
from prepare.frame_folder import fits_files, list_frames
from prepare.solar_fetch import main, plan_fetch
from solar.report import Report

Make = Callable[..., Any]


@pytest.fixture
def catalogue(tmp_path: Path, catalogue_subject: Make, catalogue_jet: Make) -> Path:
    """Three jets, each of one subject."""
    entries = []
    for number in (1, 2, 3):
        subject, _ = catalogue_subject(f"2013-10-28T0{number}:00:00", (820, -300), 45)
        sol = f"SOL2013-10-28T0{number}:00:00L070C108"
        entries.append(catalogue_jet(f"sjh_2013-10-28T0{number}_1", sol, [subject]))
    path = tmp_path / "catalogue.json"
    path.write_text(json.dumps(entries))
    return path


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any attempt to use a network fails the test."""

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.usefixtures("no_network")
def test_a_dry_run_tells_sizes_without_network_address_or_files(
    catalogue: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "frames"
    assert main(["--catalogue", str(catalogue), "--out", str(out), "--dry-run"]) == 0
    told = capsys.readouterr().out
    frames = 3 * (336 + 2 * 360) // 24
    assert "3 requests" in told
    assert f"{frames} frames of 520 to 520 pixels" in told
    assert f"about {frames * (25_000 + 1.2 * 520**2) / 1e6:.1f} MB in all" in told
    assert "'width': 312.0" in told
    assert "aia.lev1_euv_12s[2013-10-28T00:54:00Z/1056s@24s][304]{image}" in told
    assert not out.exists()


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "register yours once at http://jsoc.stanford.edu/ajax/register_email.html"),
        (["--cadence", "30", "--dry-run"], "12, 24, 36"),
        (["--wavelength", "1600", "--dry-run"], "94, 131, 171"),
    ],
)
def test_arguments_that_cannot_be_used_are_told(
    arguments: list[str],
    message: str,
    catalogue: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = ["--catalogue", str(catalogue), "--out", str(tmp_path / "frames"), *arguments]
    assert main(given) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "frames").exists()


def test_without_drms_it_says_what_to_install(
    catalogue: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "drms", None)
    given = ["--catalogue", str(catalogue), "--out", str(tmp_path / "frames"), "--email", "a@b.org"]
    assert main(given) == 1
    assert "pip install 'detector-zoo[solar]'" in capsys.readouterr().err


def test_a_catalogue_without_boxes_is_refused(tmp_path: Path, catalogue: Path) -> None:
    entries = json.loads(catalogue.read_text())
    for entry in entries:
        entry["jets"][0]["cluster_values"]["w"] = 0.0
        entry["jets"][0]["solar_H"] = 0.0
    catalogue.write_text(json.dumps(entries))
    with pytest.raises(ValueError, match="no jet has a box"):
        plan_fetch(catalogue, tmp_path)


Command = Callable[..., int]


@pytest.fixture
def command(
    jsoc: Any,
    clock: Any,
    open_client_at: Make,
    catalogue: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Command:
    """The command against the stand-in, with more arguments."""
    monkeypatch.setattr(solar_fetch, "open_client", lambda: open_client_at(jsoc.base))
    monkeypatch.setattr(solar_fetch, "SystemClock", lambda: clock)
    given = ["--catalogue", str(catalogue), "--out", str(tmp_path / "frames")]
    return lambda *more, email="you@example.org": main([*given, "--email", email, *more])


def test_the_frames_are_those_that_the_catalogue_is_prepared_with(
    command: Command, jsoc: Any, tmp_path: Path
) -> None:
    assert command() == 0
    report = Report()
    frames = list_frames(fits_files(tmp_path / "frames"), 304, report)
    assert len(frames) == 3 * len(jsoc.files)
    assert report.rejected == []
    assert {frame.path.parent.name for frame in frames} == {
        f"sjh_2013-10-28T0{number}_1" for number in (1, 2, 3)
    }


def test_a_limit_is_for_trying_and_more_can_follow(command: Command, jsoc: Any) -> None:
    assert command("--limit", "1") == 0
    assert len(jsoc.asked("exp_request")) == 1
    assert command() == 0
    assert len(jsoc.asked("exp_request")) == 3
    assert command() == 0
    assert len(jsoc.asked("address")) == 2


def test_what_could_not_be_had_is_told_and_tried_by_the_next_run(
    command: Command, jsoc: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    jsoc.ways[jsoc.names[0]] = ["page"] * 3
    assert command("--limit", "2") == 1
    told = capsys.readouterr().err
    assert "1 of 2 requests are not complete (sjh_2013-10-28T01_1: incomplete, html)" in told
    assert command("--limit", "2") == 0


def test_an_address_that_is_not_registered_asks_for_no_export(
    command: Command, jsoc: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(email="nobody@example.org") == 1
    assert "register_email.html" in capsys.readouterr().err
    assert [kind for kind, _ in jsoc.log] == ["address"]


def test_without_a_network_it_ends_at_once_and_says_so(
    command: Command,
    clock: Any,
    open_client_at: Make,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(solar_fetch, "open_client", lambda: open_client_at("http://127.0.0.1:1/"))
    assert command() == 1
    assert "is there a network? Run this again" in capsys.readouterr().err
    assert clock.slept == []


def test_a_disk_too_small_is_told_before_anything_is_asked(
    command: Command,
    jsoc: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=100 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    assert command("--limit", "1") == 0  # some 15 MB
    jsoc.log.clear()
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=70 << 20))
    assert command() == 1
    assert "GB more are needed" in capsys.readouterr().err
    assert jsoc.log == []
