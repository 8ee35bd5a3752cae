"""Drawn sun: same seed, same bytes; the path of real files; boxes that fit; faults found."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from datamodules.annotations.coco_reader import read_coco
from prepare.drawing_solar.faults import REASONS
from prepare.drawing_solar.scene import draw_scene
from prepare.drawn_solar import draw_solar, draw_solar_under, main
from prepare.jet_catalogue.placement import box_at
from prepare.jet_catalogue.reader import read_catalogue
from prepare.solar_catalogue import prepare_solar
from solar.aia_frame import read_aia
from solar.frame_wcs import FrameWCS

SEQUENCES, FRAMES, SIDE = 5, 14, 64
Document = dict[str, Any]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_solar_under(tmp_path_factory.mktemp("drawn"), SEQUENCES, 3, FRAMES, SIDE)


@pytest.fixture(scope="module")
def document(drawn: Path) -> Document:
    loaded: Document = json.loads((drawn / "annotations.json").read_text())
    return loaded


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for kind in ("fits", "images")
        for path in sorted((folder / kind).rglob("*.*"))
    }


def test_a_larger_set_begins_with_the_smaller(drawn: Path, tmp_path: Path) -> None:
    few = files_of(draw_solar(tmp_path / "set", 2, 3, FRAMES, SIDE))
    many = files_of(drawn)
    assert len(few) >= 2 * (FRAMES - 2) * 2
    assert all(many[name] == content for name, content in few.items())


def test_another_seed_draws_another_sun_at_other_times(drawn: Path, tmp_path: Path) -> None:
    other = draw_solar(tmp_path / "set", 1, 4, FRAMES, SIDE)
    name = "images/drawn_0000/000000.png"
    assert (other / name).read_bytes() != (drawn / name).read_bytes()
    ids = [
        {jet.id for jet in read_catalogue(folder / "jets.json").jets} for folder in (drawn, other)
    ]
    assert not ids[0] & ids[1]


def test_a_finished_set_is_not_drawn_again_nor_overwritten(drawn: Path) -> None:
    before = (drawn / "annotations.json").stat().st_mtime_ns
    assert draw_solar(drawn, SEQUENCES, 3, FRAMES, SIDE) == drawn
    with pytest.raises(ValueError, match="other inputs or options"):
        draw_solar(drawn, SEQUENCES, 4, FRAMES, SIDE)
    assert (drawn / "annotations.json").stat().st_mtime_ns == before


def test_it_says_drawn_wherever_a_reader_looks(drawn: Path, document: Document) -> None:
    assert drawn.name.startswith("drawn_solar_5_3_")
    assert document["info"]["drawn"]
    assert "not real" in document["info"]["description"]
    assert all("drawn" in video["name"] for video in document["videos"])
    assert all("drawn" in image["source"] for image in document["images"])


def test_the_reader_of_data_sets_takes_it_with_videos_times_and_groups(
    drawn: Path, document: Document
) -> None:
    data = read_coco(drawn / "annotations.json", drawn)
    assert data.classes.names == ("jet",)
    assert len(data.videos) >= SEQUENCES
    for frames in data.frames_by_video():
        steps = np.diff(data.times[frames])
        np.testing.assert_allclose(steps, 24, atol=2)
    assert len(set(data.groups)) == SEQUENCES
    assert set(data.groups) == {video["sol"] for video in document["videos"]}


def test_every_bad_file_is_left_out_for_its_own_reason_and_no_good_one(drawn: Path) -> None:
    account = json.loads((drawn / "left_out.json").read_text())
    found, kinds = [], set()
    for name, entry in account.items():
        expected = {
            file: REASONS[fault] for file, fault in entry["faults"].items() if fault in REASONS
        }
        got = {rejection["file"]: rejection["reason"] for rejection in entry["rejected"]}
        assert got == expected, name
        found += list(got.values())
        kinds |= set(entry["faults"].values())
    assert len(kinds) >= 9
    info = json.loads((drawn / "annotations.json").read_text())["info"]
    assert info["dropped"] == {f"files: {r}": n for r, n in sorted(Counter(found).items())}


def test_a_missing_frame_is_held_and_marked(drawn: Path, document: Document) -> None:
    held = [image for image in document["images"] if not image["valid"]]
    assert held
    for image in held:
        before = drawn / image["file_name"].replace(
            f"{image['frame_id']:06d}", f"{image['frame_id'] - 1:06d}"
        )
        assert (drawn / image["file_name"]).read_bytes() == before.read_bytes()


def test_boxes_are_the_corners_in_arcsec_through_the_pictures_own_coordinates(
    document: Document,
) -> None:
    images = {image["id"]: image for image in document["images"]}
    assert document["annotations"]
    for annotation in document["annotations"]:
        wcs = FrameWCS.from_json(images[annotation["image_id"]]["wcs"])
        corners = wcs.to_pixels(np.array(annotation["hpc_corners"]))
        low = np.clip(corners.min(axis=0), 0, wcs.size)
        high = np.clip(corners.max(axis=0), 0, wcs.size)
        np.testing.assert_allclose(annotation["bbox"], [*low, *(high - low)], atol=1e-3)


def test_boxes_enclose_what_has_become_brighter(drawn: Path, document: Document) -> None:
    """Independent of the drawing: the picture against that of the same place without the jet."""
    images = {image["id"]: image for image in document["images"]}
    by_video = defaultdict(list)
    for image in document["images"]:
        by_video[image["video_id"]].append(image)
    jetless = {a["image_id"] for a in document["annotations"]}
    inside, around = [], []
    for annotation in document["annotations"]:
        image = images[annotation["image_id"]]
        quiet = [i for i in by_video[image["video_id"]] if i["id"] not in jetless and i["valid"]]
        if annotation["iscrowd"] or not image["valid"] or len(quiet) < 2:
            continue
        background = np.mean([read_grey(drawn / i["file_name"]) for i in quiet], axis=0)
        brighter = read_grey(drawn / image["file_name"]) - background
        x, y, w, h = annotation["bbox"]
        box = brighter[round(y) : round(y + h), round(x) : round(x + w)]
        inside.append(box.mean())
        around.append(np.median(brighter))
    assert len(inside) >= 5
    assert np.median(inside) > 20 + np.median(around)


def read_grey(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    assert picture.ndim == 2
    return picture.astype(np.float64)


def test_headers_are_read_back_as_of_aia_by_sunpy_too(drawn: Path) -> None:
    sunpy_map = pytest.importorskip("sunpy.map")
    account = json.loads((drawn / "left_out.json").read_text())
    path = next(
        path
        for path in sorted((drawn / "fits" / "drawn_0000").iterdir())
        if path.name not in account["drawn_0000"]["faults"]
    )
    frame = read_aia(path)
    seen = sunpy_map.Map(path)
    assert frame.wavelength == 304
    assert frame.normalised_by_us
    assert frame.rate.shape == (SIDE, SIDE)
    assert 1 < np.nanmax(frame.rate) < 500
    assert type(seen).__name__ == "AIAMap"
    assert str(seen.unit) == "DN"
    assert seen.reference_date.to_datetime() == frame.time.replace(tzinfo=None)
    there = seen.pixel_to_world(*np.array([[10.0], [20.0]]) * sunpy_map.mapbase.u.pix)
    x, y = frame.wcs.to_arcsec(np.array([[10.5, SIDE - 20.5]]))[0]
    assert abs(there.Tx[0].value - x) < 0.01
    assert abs(there.Ty[0].value - y) < 0.01
    assert "not observed" in seen.meta["origin"]


def test_its_catalogue_goes_through_the_reader_and_agrees_with_the_truth(
    drawn: Path, document: Document
) -> None:
    images = {image["id"]: image for image in document["images"]}
    jets = {jet.id: jet for jet in read_catalogue(drawn / "jets.json").jets}
    longest: dict[str, tuple[float, Any]] = {}
    for annotation in document["annotations"]:
        corners = np.array(annotation["hpc_corners"])
        length = float(np.linalg.norm(corners[2] - corners[1]))
        if not annotation["iscrowd"] and length > longest.get(annotation["event"], (0.0,))[0]:
            longest[annotation["event"]] = (length, annotation)
    assert longest.keys() <= jets.keys()
    for name, (length, annotation) in longest.items():
        image = images[annotation["image_id"]]
        start = FrameWCS.from_json(image["wcs"]).time
        box = box_at(jets[name], start)
        assert box is not None
        # The catalogue's box is that of the moment when the jet was longest: never shorter.
        axis = box.corners[2] - box.corners[1]
        true_axis = np.subtract(annotation["hpc_corners"][2], annotation["hpc_corners"][1])
        assert np.linalg.norm(axis) >= length - 0.1
        assert axis @ true_axis / np.linalg.norm(axis) / length > 0.9999


def test_its_files_and_catalogue_are_prepared_like_real_ones(drawn: Path, tmp_path: Path) -> None:
    writer = prepare_solar(
        drawn / "jets.json", drawn / "fits", tmp_path / "set", source="drawn_solar", drawn=True
    )
    jets = read_catalogue(drawn / "jets.json").jets
    assert {video["event"] for video in writer.videos} == {jet.id for jet in jets}
    assert writer.annotations


def test_ten_sequences_have_every_kind_of_jet() -> None:
    scenes = [draw_scene(np.random.default_rng([8, n]), 8, n, 40) for n in range(10)]
    assert [len(scene.jets) for scene in scenes] == [1, 2, 0, 1, 1, 1, 1, 0, 1, 1]
    north, south = (np.degrees(scenes[n].jets[0].plume.direction) for n in (0, 8))
    assert abs(north - 90) < 15
    assert abs(south + 90) < 15
    behind = scenes[4]
    assert np.hypot(*behind.jets[0].plume.base) > behind.limb + 4
    begin, end = scenes[6].jets[0].plume.clear_ages()
    assert end - begin <= 336
    assert scenes[7].eclipse is not None
    assert any(exposure.automatic for exposure in scenes[9].exposures)


@pytest.mark.parametrize(
    "wrong", [{"sequences": 0}, {"seed": -1}, {"frames": 5}, {"side": 16}], ids=str
)
def test_settings_out_of_range_are_refused(wrong: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"expected .*{next(iter(wrong))} >= "):
        draw_solar(tmp_path / "set", **wrong)
    assert not list(tmp_path.iterdir())


def test_the_command_line_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "set"
    assert main(["--out", str(out), "--sequences", "1", "--frames", "12", "--side", "48"]) == 0
    assert str(out) in capsys.readouterr().out
    assert main(["--out", str(out), "--sequences", "0"]) != 0
