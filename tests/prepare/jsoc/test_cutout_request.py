"""What JSOC is asked for, against sunpy's own cutout."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prepare.jet_catalogue.field import field_of
from prepare.jet_catalogue.jet import Jet
from prepare.jet_catalogue.reader import read_catalogue
from prepare.jsoc.cutout_request import BORDER, DETECTOR, FetchOptions, requests_for
from solar.aia_frame import Region

Make = Callable[..., Any]
OPTIONS = FetchOptions(cadence=24.0, wavelength=304, margin=6.0)


@pytest.fixture
def jet(tmp_path: Path, catalogue_subject: Make, catalogue_jet: Make) -> Jet:
    """Two subjects above the western limb, 10.8 minutes long."""
    subjects = [
        catalogue_subject(f"2013-10-28T01:{time}", (960, -310), 80)[0]
        for time in ("00:06", "05:18")
    ]
    entry = catalogue_jet("sjh_2013-10-28T01_1", "SOL2013-10-28T01:00:00L070C108", subjects)
    path = tmp_path / "catalogue.json"
    path.write_text(json.dumps([entry]))
    return read_catalogue(path).jets[0]


def test_the_times_are_utc_with_margins_and_every_frame_is_counted(jet: Jet) -> None:
    (request,) = requests_for([jet], OPTIONS)
    found = re.fullmatch(
        r"aia\.lev1_euv_12s\[(.*)Z/(\d+)s@24s\]\[304\]\{image\}", request.record_set
    )
    assert found is not None
    assert found[1] == "2013-10-28T00:54:06"
    end = datetime.fromisoformat(found[1] + "+00:00") + timedelta(seconds=int(found[2]))
    assert end == jet.end + timedelta(minutes=6)
    assert request.frames == math.ceil(int(found[2]) / 24)


def test_options_are_in_the_query(jet: Jet) -> None:
    options = FetchOptions(cadence=12.0, wavelength=171, margin=0.0)
    (request,) = requests_for([jet], options)
    assert request.record_set == (
        f"aia.lev1_euv_12s[2013-10-28T01:00:06Z/{(jet.end - jet.start).seconds}s@12s][171]{{image}}"
    )


def test_the_cutout_is_that_of_sunpy_for_the_same_field(jet: Jet) -> None:
    pytest.importorskip("bs4")  # sunpy.net needs it
    import astropy.units as u
    from astropy.coordinates import SkyCoord
    from sunpy.coordinates import Helioprojective
    from sunpy.net import attrs as a

    field = field_of(jet, DETECTOR)
    corner = SkyCoord(
        (field.left - BORDER) * u.arcsec,
        (field.bottom - BORDER) * u.arcsec,
        frame=Helioprojective(obstime=jet.start.replace(tzinfo=None), observer="earth"),
    )
    expected = a.jsoc.Cutout(
        corner,
        width=(field.right - field.left + 2 * BORDER) * u.arcsec,
        height=(field.top - field.bottom + 2 * BORDER) * u.arcsec,
        tracking=False,
    ).value
    (request,) = requests_for([jet], OPTIONS)
    assert request.im_patch == pytest.approx(expected, abs=0.01)


def test_the_field_is_what_videos_show_and_lies_on_the_detector(jet: Jet) -> None:
    (request,) = requests_for([jet], OPTIONS)
    patch = request.im_patch
    x, y, width, height = (float(patch[key]) for key in ("x", "y", "width", "height"))
    cutout = Region(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    assert field_of(jet, cutout) == pytest.approx(field_of(jet, DETECTOR))
    extent = jet.extent()
    assert cutout.left < extent.left
    assert cutout.right > extent.right
    assert np.abs(cutout).max() < 1228.8
    assert width >= 300
    assert request.size == pytest.approx((width / 0.6, height / 0.6), abs=1)


def test_jets_without_boxes_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.csv"
    path.write_text(
        "# sjh_ID, date, SOL_event, duration, x, sx, y, sy, lon, lat, h, hu, hl, w, sw, v, s, f\n"
        "sjh_1, 2013-10-28T01:00:00, SOL2013-10-28T01:00:00L070C108, 10.8, 1, 1, 1, 1, 1, 1, 99, "
        "1, 1, 40, 1, nan, 0.4, 000\n"
    )
    assert requests_for(read_catalogue(path).jets, OPTIONS) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cadence": 20.0}, "12, 24, 36"),
        ({"cadence": 0.0}, "12, 24, 36"),
        ({"cadence": math.nan}, "12, 24, 36"),
        ({"margin": -1.0}, "margin of 0 min or more"),
        ({"wavelength": 1600}, "94, 131, 171"),
    ],
)
def test_options_that_the_series_has_not_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(OPTIONS, **changes)
