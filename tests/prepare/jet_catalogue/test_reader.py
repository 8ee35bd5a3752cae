"""Catalogues of all forms, the real table, and files that are none."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from prepare.jet_catalogue.jet import SUBJECT, enclosing
from prepare.jet_catalogue.reader import read_catalogue

SOL = "SOL2013-10-28T01:00:00L070C108"
NAME = "sjh_2013-10-28T01_1"
Subject = Callable[..., tuple[dict[str, Any], np.ndarray]]
Jet = Callable[..., dict[str, Any]]


@pytest.fixture
def entry(catalogue_subject: Subject, catalogue_jet: Jet) -> dict[str, Any]:
    """A jet of two subjects, the later one first."""
    later, _ = catalogue_subject("2013-10-28T01:05:12", (850, -300), 30, number=8)
    first, _ = catalogue_subject("2013-10-28T01:00:00", (850, -300), 0, number=7)
    return catalogue_jet(NAME, SOL, [later, first])


def written(folder: Path, document: Any) -> Path:
    path = folder / "jets.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_published_form(tmp_path: Path, entry: dict[str, Any]) -> None:
    (jet,) = read_catalogue(written(tmp_path, [entry])).jets
    start = datetime(2013, 10, 28, 1, tzinfo=UTC)
    assert (jet.id, jet.sol, jet.flag, jet.velocity) == (NAME, SOL, "010", 0.25)
    assert (jet.start, jet.end) == (start, start + timedelta(seconds=312) + SUBJECT)
    assert [subject.number for subject in jet.subjects] == [7, 8], "in order of time"
    assert not jet.exact_ends
    assert enclosing(jet.subjects[0].corners) == pytest.approx((830, -300, 870, -200), abs=0.05)


@pytest.mark.parametrize("velocity", [None, "NaN", math.nan])
def test_velocity_that_is_not_known(tmp_path: Path, entry: dict[str, Any], velocity: Any) -> None:
    values = {**entry, "velocity": velocity}
    (jet,) = read_catalogue(written(tmp_path, [values])).jets
    assert math.isnan(jet.velocity)


def test_keys_that_exports_leave_out(tmp_path: Path, entry: dict[str, Any]) -> None:
    for key in ("velocity", "flag", "sigma", "lat", "lon", "height", "duration"):
        del entry[key]
    (jet,) = read_catalogue(written(tmp_path, [entry])).jets
    assert jet.flag == ""
    assert math.isnan(jet.sigma)


def test_flag_that_lost_its_leading_zeros(tmp_path: Path, entry: dict[str, Any]) -> None:
    (jet,) = read_catalogue(written(tmp_path, [entry | {"flag": 10}])).jets
    assert jet.flag == "010"


def test_mixed_conventions_of_solar_cluster_values_are_not_used(
    tmp_path: Path, entry: dict[str, Any]
) -> None:
    plain = read_catalogue(written(tmp_path, [entry])).jets[0].extent()
    for subject in entry["jets"]:
        subject["solar_cluster_values"] = {"x": 0, "y": 0, "w": 1, "h": 1, "a": 3}
    assert read_catalogue(written(tmp_path, [entry])).jets[0].extent() == plain


def test_a_subject_without_a_box_is_named_and_the_others_stay(
    tmp_path: Path, entry: dict[str, Any]
) -> None:
    entry["jets"][0]["solar_H"] = None
    catalogue = read_catalogue(written(tmp_path, [entry]))
    assert [subject.number for subject in catalogue.jets[0].subjects] == [7]
    assert catalogue.jets[0].end - catalogue.jets[0].start == SUBJECT + timedelta(seconds=312)
    assert catalogue.left_out == ((NAME, "subject 8: its box measures nanx40 arcsec"),)


def later_entry(**changes: Any) -> dict[str, Any]:
    point = {"var_x": 0, "var_y": 0, "unit": "arcsec", "coord_syst": "HPC"}
    same = [{"x": 1.0, "y": 1.0, **point}] * 5  # as the files have it
    box = {
        "center": {"x": 800.0, "y": 500.0, **point},
        "corners": same,
        "width": 30.0,
        "height": 120.0,
        "angle": math.radians(30),
        "length_unit": "arcsec",
        "angle_unit": "rad",
    }
    values = {
        "start_time": "2014-01-02T03:04:05",
        "end_time": "2014-01-02T03:30:00",
        "base_location": {"x": 772.0, "y": 450.0, **point},
        "box": box,
        "box_minus_sigma": box,
        "box_plus_sigma": box,
        "box_sigma": 0.3,
        "hek_event": SOL,
        "jet_id": "jet_7",
    }
    return values | changes


def test_later_form_is_rebuilt_from_centre_sides_and_angle(tmp_path: Path) -> None:
    (jet,) = read_catalogue(written(tmp_path, [later_entry()])).jets
    (subject,) = jet.subjects
    assert (jet.id, jet.sol, jet.exact_ends) == ("jet_7", SOL, True)
    assert (jet.length, jet.width) == pytest.approx((120, 30))
    assert jet.end - jet.start == timedelta(minutes=25, seconds=55)
    # Clockwise on the screen by 30°: the jet points north and west, from base to tip.
    ahead = np.array([math.sin(math.radians(30)), math.cos(math.radians(30))])
    assert subject.corners[:2].mean(axis=0) == pytest.approx([800, 500] - 60 * ahead)
    assert subject.corners[2:].mean(axis=0) == pytest.approx([800, 500] + 60 * ahead)


def test_later_form_without_an_id_is_named_by_its_start(tmp_path: Path) -> None:
    values = later_entry()
    del values["jet_id"]
    (jet,) = read_catalogue(written(tmp_path, [values])).jets
    assert jet.id == "jet_2014-01-02T030405"


def test_later_form_with_a_box_of_no_size(tmp_path: Path) -> None:
    values = later_entry(box={**later_entry()["box"], "width": 0})
    catalogue = read_catalogue(written(tmp_path, [values]))
    assert catalogue.jets[0].subjects == ()
    assert "0x120 arcsec" in catalogue.left_out[0].reason


def test_table_of_the_real_catalogue(shared: Path) -> None:
    path = shared / "data" / "solar" / "catalogue" / "Jet_clusters_excerpt.csv"
    jets = read_catalogue(path).jets
    assert len(jets) == 25
    assert all(len(jet.flag) == 3 and not jet.subjects for jet in jets)
    assert [jet.flag for jet in jets[:4]] == ["001", "010", "110", "000"]
    assert math.isnan(jets[1].velocity)
    first = jets[0]
    assert first.sol == "SOL2011-01-20T09:00:09L289C165"
    assert first.start == datetime(2011, 1, 20, 9, 15, 44, tzinfo=UTC)
    assert first.end - first.start == timedelta(minutes=43.6)
    # By itself, not the std beside it.
    assert first.base == pytest.approx([-226.577, -956.964], abs=1e-3)
    assert (first.length, first.width) == pytest.approx((173.811, 52.283), abs=1e-3)
    with pytest.raises(ValueError, match="no box"):
        first.extent()


def test_table_with_a_line_that_is_cut(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"jets.json, line 2: expected the 18 columns .* got 2"):
        read_catalogue(written(tmp_path, "#sjh_ID, date\nsjh_1, 2011-01-20T09:15:44\n"))


def test_table_with_a_word_for_a_number(shared: Path, tmp_path: Path) -> None:
    path = shared / "data" / "solar" / "catalogue" / "Jet_clusters_excerpt.csv"
    text = path.read_text().replace(",43.6,", ",long,")
    with pytest.raises(ValueError, match="line 2: duration: expected a number, got 'long'"):
        read_catalogue(written(tmp_path, text))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"SOL": None}, r"entry 1 \(sjh_2013.*'SOL', got 'id', .*; take the entry out"),
        ({"SOL": 5}, "SOL: expected a text, got 5"),
        ({"id": "../../etc"}, "id: expected letters, digits"),
        ({"jets": [], "obs_time": "x"}, "jets: expected a list of objects"),
        ({"jets": [5]}, r"jets\[0\]: expected an object, got int"),
        ({"Bx": 3.0}, "Bx: expected an object, got float"),
        ({"By": {"mean": "far"}}, "By.mean: expected a number, got 'far'"),
        ({"velocity": True}, "velocity: expected a number, got True"),
        ({"velocity": 10**400}, "velocity: expected a number, got one too large"),
        ({"flag": "0x1"}, "flag: expected three characters 0 or 1, got '0x1'"),
    ],
)
def test_faults_name_file_entry_key_and_mend(
    tmp_path: Path, entry: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    values = {k: v for k, v in {**entry, **change}.items() if v is not None}
    with pytest.raises(ValueError, match=message):
        read_catalogue(written(tmp_path, [values]))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("time", "yesterday", r"jets\[0\]\.time: expected a time in ISO 8601, got 'yesterday'"),
        ("time", "1999-01-01T00:00:00", r"expected a time since 2010"),
        ("subject", 1.5, r"jets\[0\]\.subject: expected a whole number, got 1.5"),
        ("cluster_values", {"x": 1}, r"key 'jets\[0\]\.cluster_values\.y', got 'x'"),
        ("solar_H", "tall", r"jets\[0\]\.solar_H: expected a number, got 'tall'"),
    ],
)
def test_faults_of_subjects_name_their_place(
    tmp_path: Path, entry: dict[str, Any], key: str, value: Any, message: str
) -> None:
    entry["jets"][0][key] = value
    with pytest.raises(ValueError, match=message):
        read_catalogue(written(tmp_path, [entry]))


def test_two_subjects_at_once_and_two_jets_of_one_id(tmp_path: Path, entry: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="1 ids stand for several jets, the first is 'sjh_"):
        read_catalogue(written(tmp_path, [entry, entry]))
    entry["jets"].append(entry["jets"][0])
    with pytest.raises(ValueError, match="two subjects begin at the same time"):
        read_catalogue(written(tmp_path, [entry]))


def test_many_faults_are_told_at_once(tmp_path: Path, entry: dict[str, Any]) -> None:
    bad = entry | {"SOL": ""}
    with pytest.raises(ValueError, match=r"(?s)entry 2 .*entry 6 .*and 2 more entries"):
        read_catalogue(written(tmp_path, [entry, *[bad] * 7]))


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("<html>not found</html>", "neither a CSV .* nor JSON"),
        ("[" * 100_000, "neither a CSV .* nor JSON"),
        ({"jets": []}, "expected a list of jets, got dict"),
        ([], "expected jets, got none"),
        ([{"a": 1}], "of no known form: expected the keys jets, obs_time or box, start_time"),
        ([7], "entry 1: expected an object, got int"),
        (
            [later_entry(box={**later_entry()["box"], "angle_unit": "deg"})],
            "box.angle_unit: expected 'rad', got 'deg'",
        ),
        ([later_entry(end_time="2013-01-01T00:00:00")], "end_time: expected 2014-01-02T03:04:05"),
    ],
)
def test_files_that_are_no_catalogue(tmp_path: Path, document: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_catalogue(written(tmp_path, document))


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.json"):
        read_catalogue(tmp_path / "none.json")
