"""The history of a run as one CSV file that a resumed run continues."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter
from lightning.pytorch.utilities import rank_zero_only
from typing_extensions import override

from structures.atomic_file import write_atomically


class MetricsCSV(CSVLogger):
    """Lightning's CSV logger, but for two things.

    A new column makes the file anew in one step, so that a run killed meanwhile keeps its rows;
    and a resumed run goes on below the rows that its checkpoint knows.
    """

    _position = 0

    def position(self) -> int:
        """How many rows are logged; they are on disk then."""
        self.save()
        return len(_read_rows(self._file()))

    def go_on_from(self, position: int) -> None:
        """Drop the rows after the first `position`."""
        self._position = position

    @property
    @override
    def experiment(self) -> ExperimentWriter:  # type: ignore[override]
        if self._experiment is None and rank_zero_only.rank == 0:  # type: ignore[attr-defined]
            self._experiment = _Writer(self.log_dir)
            self._experiment.take_over(_read_rows(self._file())[: self._position])
        return super().experiment  # type: ignore[return-value]

    def _file(self) -> Path:
        return Path(self.log_dir) / ExperimentWriter.NAME_METRICS_FILE


class _Writer(ExperimentWriter):
    def take_over(self, rows: list[dict[str, str]]) -> None:
        """Keep these rows of the file alone."""
        file = Path(self.metrics_file_path)
        if not rows:
            file.unlink(missing_ok=True)
            return
        self.metrics_keys = sorted(rows[0])
        _write_rows(file, rows, self.metrics_keys)

    @override
    def _check_log_dir_exists(self) -> None:
        """What is there is the history that `take_over` continues."""

    @override
    def _rewrite_with_new_header(self, fieldnames: list[str]) -> None:
        file = Path(self.metrics_file_path)
        _write_rows(file, _read_rows(file), fieldnames)


def _read_rows(file: Path) -> list[dict[str, str]]:
    if not file.is_file():
        return []
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _write_rows(file: Path, rows: list[dict[str, str]], names: list[str]) -> None:
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, names)
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(file, stream.getvalue().encode())
