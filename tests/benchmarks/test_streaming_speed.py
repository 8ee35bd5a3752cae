"""The benchmark runs, and finds what it is there for: both ways agree, the stream is cheaper."""

import json
import sys
from pathlib import Path

import pytest

from benchmarks import streaming_speed
from benchmarks.streaming_speed import Case


def test_the_ways_agree_and_the_stream_is_cheaper(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(streaming_speed.CASES, "light", Case("transvod_light", None, 64, 64))
    out = tmp_path / "speed.json"
    arguments = ["--cases", "light", "--window", "6", "--rounds", "2", "--threads", "1"]
    monkeypatch.setattr(sys, "argv", ["streaming_speed", *arguments, "--out", str(out)])
    streaming_speed.main()
    (row,) = json.loads(out.read_text())["rows"]
    assert row["difference"] < 1e-5
    assert row["ratio"] == row["window"] / row["stream"] > 1
    assert "64x64" in capsys.readouterr().out
