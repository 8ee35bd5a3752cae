"""The file by which a stopped run is gone on with, also when somebody else wrote into it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prepare.jsoc.manifest import Manifest, Row, StoredFile

ROW: dict[str, Any] = {
    "jet": "sjh_1",
    "record_set": "aia.lev1_euv_12s[2013-10-28T01:00:00Z/72s@24s][304]{image}",
    "im_patch": {"t": 1, "x": 850.0},
    "state": "pending",
    "request_id": "JSOC_1",
    "submitted": "2024-05-01T00:00:00+00:00",
    "reason": "",
    "files": {"a.fits": {"bytes": 10, "sha256": "00", "fault": ""}},
    "missing": {},
}


def write(folder: Path, content: Any) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / "manifest.json").write_text(text)


def test_what_is_saved_is_read(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path)
    row = Row(
        "sjh_1", "aia", {"t": 1, "x": 850.25}, files={"a.fits": StoredFile(3, "00", "quality")}
    )
    manifest.rows["sjh_1"] = row
    manifest.save()
    assert Manifest(tmp_path).rows == {"sjh_1": row}
    write(tmp_path, {"version": 1, "requests": [ROW]})
    assert Manifest(tmp_path).rows["sjh_1"].request_id == "JSOC_1"


def test_reading_makes_no_folder(tmp_path: Path) -> None:
    assert Manifest(tmp_path / "new").rows == {}
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "content",
    [
        '{"version": 1, "requests": [',
        [],
        {"version": 2, "requests": []},
        {"version": 1, "requests": {"a": 1}},
        {"version": 1, "requests": [ROW | {"state": "lost"}]},
        {"version": 1, "requests": [ROW | {"jet": 1}]},
        {"version": 1, "requests": [ROW | {"request_id": None}]},
        {"version": 1, "requests": [ROW | {"submitted": "yesterday"}]},
        {"version": 1, "requests": [ROW | {"submitted": "2024-05-01T00:00:00"}]},
        {"version": 1, "requests": [ROW | {"files": ["a.fits"]}]},
        {"version": 1, "requests": [ROW | {"files": {"../a.fits": {"bytes": 1, "sha256": ""}}}]},
        {"version": 1, "requests": [ROW | {"files": {"a.fits": {"bytes": "1", "sha256": ""}}}]},
        {"version": 1, "requests": [ROW | {"unknown": 1}]},
    ],
)
def test_a_damaged_manifest_is_refused_with_a_way_out(content: Any, tmp_path: Path) -> None:
    write(tmp_path, content)
    with pytest.raises(ValueError, match=r"manifest\.json: damaged.*move it away"):
        Manifest(tmp_path)


@pytest.mark.parametrize("changes", [{"record_set": "other"}, {"im_patch": {"t": 1, "x": 851.0}}])
def test_a_folder_of_other_requests_is_refused(
    changes: dict[str, Any], tmp_path: Path, cutout_request: Callable[..., Any]
) -> None:
    Manifest(tmp_path).save()
    manifest = Manifest(tmp_path)
    manifest.plan([cutout_request(1)])
    manifest.save()
    Manifest(tmp_path).plan([cutout_request(1), cutout_request(2)])
    with pytest.raises(ValueError, match="another --out"):
        Manifest(tmp_path).plan([cutout_request(1, **changes)])
