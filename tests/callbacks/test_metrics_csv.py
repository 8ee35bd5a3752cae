"""The CSV history of a run that goes on."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from callbacks import metrics_csv
from callbacks.metrics_csv import MetricsCSV


def values(folder: Path, name: str) -> list[str]:
    with (folder / "csv" / "metrics.csv").open(newline="") as stream:
        return [row[name] for row in csv.DictReader(stream)]


def logger(folder: Path) -> MetricsCSV:
    return MetricsCSV(str(folder), name="csv", version="")


def test_rows_after_the_point_are_dropped_and_others_follow(tmp_path: Path) -> None:
    first = logger(tmp_path)
    for step in range(3):
        first.log_metrics({"loss": float(step)}, step)
    assert first.position() == 3
    first.log_metrics({"loss": 99.0}, 3)
    first.save()
    second = logger(tmp_path)
    second.go_on_from(3)
    second.log_metrics({"loss": 3.0, "val/map": 0.5}, 3)
    second.save()
    assert values(tmp_path, "loss") == ["0.0", "1.0", "2.0", "3.0"]
    assert values(tmp_path, "val/map") == ["", "", "", "0.5"]
    assert second.position() == 4


def test_a_run_that_is_not_resumed_begins_anew(tmp_path: Path) -> None:
    for _ in range(2):
        begun = logger(tmp_path)
        begun.log_metrics({"loss": 1.0}, 0)
        begun.save()
    assert values(tmp_path, "loss") == ["1.0"]


def test_a_new_column_never_leaves_half_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = logger(tmp_path)
    begun.log_metrics({"loss": 1.0}, 0)
    begun.save()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(metrics_csv, "write_atomically", killed)
    begun.log_metrics({"val/map": 0.5}, 1)
    with pytest.raises(KeyboardInterrupt):
        begun.save()
    assert values(tmp_path, "loss") == ["1.0"]
