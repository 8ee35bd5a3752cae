from __future__ import annotations

import sys
from datetime import UTC, datetime

import numpy as np
import pytest

from solar.aia_frame import read_aia
from solar.degradation import DegradationTable
from solar.frame_error import FrameError

HEADER = "DATE VER_NUM WAVE_STR WAVELNTH T_START T_STOP EFFA_P1 EFFA_P2 EFFA_P3 EFF_AREA EFF_WVLN"
ROWS = (
    "2020-01-01T00:00:00 10 304_THIN 304 2010-05-01T00:00:00 2013-01-01T00:00:00 0 0 0 0.05 303.8",
    "2020-01-02T00:00:00 10 304_THIN 304 2013-01-01T00:00:00 2014-01-01T00:00:00 -1e-3 0 0 0.02 303.8",  # noqa: E501
)


@pytest.fixture
def table(tmp_path):
    pytest.importorskip("aiapy")
    path = tmp_path / "aia_V10_response_table.txt"
    path.write_text("\n".join((HEADER, *ROWS)))
    return DegradationTable(path)


def test_rates_are_divided_by_what_is_left(write_aia, counts, table):
    days = (datetime(2013, 10, 28, 12) - datetime(2013, 1, 1)).total_seconds() / 86400
    expected = 0.02 / 0.05 * (1 - 1e-3 * days)
    frame = read_aia(write_aia(), degradation=table)
    assert frame.throughput == pytest.approx(expected)
    np.testing.assert_allclose(frame.rate, counts / 2.9 / expected, rtol=1e-5)


def test_times_and_wavelengths_that_the_table_lacks(table):
    for wavelength, year in ((304, 2019), (171, 2013)):
        with pytest.raises(FrameError, match="no factor") as caught:
            table.factor(wavelength, datetime(year, 1, 5, tzinfo=UTC))
        assert caught.value.reason == "degradation"


def test_files_that_are_no_table(tmp_path):
    with pytest.raises(FileNotFoundError, match="response_table"):
        DegradationTable(tmp_path / "none.txt")
    pytest.importorskip("aiapy")
    (tmp_path / "other.txt").write_text("a b\n1 2\n")
    with pytest.raises(ValueError, match="no table"):
        DegradationTable(tmp_path / "other.txt")


def test_without_aiapy_the_message_says_what_to_install(tmp_path, monkeypatch):
    (tmp_path / "table.txt").write_text(HEADER)
    monkeypatch.setitem(sys.modules, "aiapy.calibrate.util", None)
    with pytest.raises(ImportError, match="pip install"):
        DegradationTable(tmp_path / "table.txt")
