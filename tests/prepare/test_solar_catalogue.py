"""From a catalogue and FITS files to COCO-VID, with jets that are really in the pixels."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from astropy.io import fits
from numpy.typing import NDArray
from PIL import Image
from pycocotools.coco import COCO

import prepare.solar_catalogue as solar_catalogue
from datamodules.annotations.coco_reader import read_coco
from prepare.jet_videos import JetVideoOptions, film
from prepare.solar_catalogue import LEFT_OUT, UNFINISHED, main, prepare_solar
from solar.aia_frame import Region
from solar.frame_wcs import FrameWCS
from solar.intensity import RANGES
from tests.aia_header import EXPOSURE, aia_header

START = datetime(2013, 10, 28, 1, tzinfo=UTC)
SCALE = 4.8  # arcsec a pixel
SIDE = 100  # pixels
CENTRE = (820.0, -300.0)  # arcsec
OPTIONS = JetVideoOptions(cadence=48.0, margin=4.0)
FIRST, SECOND, LONELY = (
    "sjh_2013-10-28T01_1",
    "sjh_2013-10-28T01_2",
    "sjh_2013-10-29T01_1",
)
SOLS = ("SOL2013-10-28T01:00:00L070C108", "SOL2013-10-28T01:00:01L071C108", "SOL2013-10-29T01")
Floats = NDArray[np.float64]
Make = Callable[..., Any]


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def stamp(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-4]


def save_frame(path: Path, seconds: float, jets: list[Floats], roll: float = 0.1) -> None:
    """A frame that begins `seconds` after START, 5 DN/s with jets of 100 DN/s in these boxes."""
    c, s = np.cos(np.radians(roll)), np.sin(np.radians(roll))
    middle = (SIDE + 1) / 2
    header = aia_header(
        seconds,
        CRPIX1=middle,
        CRPIX2=middle,
        CRVAL1=CENTRE[0],
        CRVAL2=CENTRE[1],
        CDELT1=SCALE,
        CDELT2=SCALE,
        CROTA2=roll,
    )
    rates = np.full((SIDE, SIDE), 5.0)
    for corners in jets:
        x, y = (np.asarray(corners) - CENTRE).T / SCALE
        columns = np.stack([c * x + s * y, -s * x + c * y], axis=1) + (SIDE - 1) / 2
        cv2.fillConvexPoly(rates, np.rint(columns).astype(np.int32), 100.0)
    counts = (rates * EXPOSURE).astype(np.int16)
    fits.CompImageHDU(counts, fits.Header(header)).writeto(path, overwrite=True)


@pytest.fixture(scope="module")
def sun(
    tmp_path_factory: pytest.TempPathFactory, catalogue_subject: Make, catalogue_jet: Make
) -> Path:
    """A folder with `jets.json` and `frames`: a jet of two subjects that points north, another to
    the south-west during its second, and one of a day without frames."""
    folder = tmp_path_factory.mktemp("sun")
    north, north_box = catalogue_subject(stamp(START), (780, -290), 0, 110, 60)
    still, _ = catalogue_subject(stamp(at(312)), (780, -290), 0, 110, 60)
    south, south_box = catalogue_subject(stamp(at(312)), (900, -320), 130, 90, 50)
    lonely, _ = catalogue_subject(stamp(at(86400)), (0, 0), 0)
    jets = [
        catalogue_jet(FIRST, SOLS[0], [north, still]),
        catalogue_jet(SECOND, SOLS[1], [south]),
        catalogue_jet(LONELY, SOLS[2], [lonely]),
    ]
    (folder / "jets.json").write_text(json.dumps(jets))
    (folder / "frames").mkdir()
    for number, seconds in enumerate(range(-312, 1000, 48)):
        shown = [north_box] if 0 <= seconds <= 648 else []
        shown += [south_box] if 312 <= seconds <= 648 else []
        # Names against the order of time.
        path = folder / "frames" / f"{999 - number}.fits"
        save_frame(path, seconds + 0.12, shown)
    (folder / "frames" / "page.fits").write_text("<html>403</html>")
    return folder


@pytest.fixture(scope="module")
def prepared(sun: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("prepared") / "set"
    prepare_solar(sun / "jets.json", sun / "frames", out, OPTIONS)
    return out


@pytest.fixture(scope="module")
def document(prepared: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((prepared / "annotations.json").read_text())
    return loaded


def boxes_of(document: dict[str, Any], image: dict[str, Any]) -> list[dict[str, Any]]:
    return [a for a in document["annotations"] if a["image_id"] == image["id"]]


def frames_of(document: dict[str, Any], event: str) -> list[dict[str, Any]]:
    video = next(v for v in document["videos"] if v["event"] == event)
    return [i for i in document["images"] if i["video_id"] == video["id"]]


def read_picture(path: Path) -> NDArray[Any]:
    return np.asarray(Image.open(path))


def test_the_own_reader_and_pycocotools_take_it(prepared: Path) -> None:
    annotations = read_coco(prepared / "annotations.json", prepared)
    assert annotations.videos == (FIRST, SECOND)
    assert annotations.classes.names == ("jet",)
    steps = [np.diff(annotations.times[frames]) for frames in annotations.frames_by_video()]
    assert np.concatenate(steps) == pytest.approx(48.0)
    assert len(COCO(prepared / "annotations.json").getImgIds()) == len(annotations)


def test_boxes_lie_around_the_bright_pixels(prepared: Path, document: dict[str, Any]) -> None:
    checked = 0
    for image in document["images"]:
        own = [a for a in boxes_of(document, image) if a["event"] == FIRST]
        others = [a for a in boxes_of(document, image) if a["event"] != FIRST]
        if not own or others:
            continue
        picture = read_picture(prepared / image["file_name"])
        assert picture.shape == (image["height"], image["width"])
        y, x = np.nonzero(picture > 150)
        bright = np.array([x.min(), y.min(), x.max() + 1, y.max() + 1])
        left, top, w, h = own[0]["bbox"]
        assert np.abs(bright - [left, top, left + w, top + h]).max() < 1.6, image["obs_time"]
        checked += 1
    assert checked >= 6


def test_boxes_come_and_go_with_the_jet(document: dict[str, Any]) -> None:
    frames = frames_of(document, FIRST)
    seen = [
        (datetime.fromisoformat(frame["obs_time"]) - START).total_seconds()
        for frame in frames
        if any(a["event"] == FIRST for a in boxes_of(document, frame))
    ]
    assert min(seen) == pytest.approx(24.0, abs=2)
    assert max(seen) == pytest.approx(648, abs=24)
    times = [frame["time"] for frame in frames]
    assert times[0] == 0
    assert times[-1] == pytest.approx(2 * 240 + 648, abs=96), "four minutes on either side"


def test_every_jet_in_the_field_is_boxed(document: dict[str, Any]) -> None:
    shown = [boxes_of(document, frame) for frame in frames_of(document, FIRST)]
    both = [boxes for boxes in shown if len(boxes) == 2]
    assert len(both) >= 6
    for own, other in both:
        assert (own["event"], own["primary"], own["instance_id"]) == (FIRST, 1, 1)
        assert (other["event"], other["primary"], other["instance_id"]) == (SECOND, 0, 2)
    assert {a["uncertain"] for boxes in both for a in boxes} == {1}


def test_places_on_the_sky_are_kept(document: dict[str, Any]) -> None:
    image = frames_of(document, FIRST)[12]
    annotation = boxes_of(document, image)[0]
    wcs = FrameWCS.from_json(image["wcs"])
    assert wcs.size == (image["width"], image["height"])
    corners = wcs.to_pixels(np.array(annotation["hpc_corners"]))
    left, top, w, h = annotation["bbox"]
    assert np.hstack([corners.min(axis=0), corners.max(axis=0)]) == pytest.approx(
        (left, top, left + w, top + h), abs=1e-3
    )
    assert annotation["off_limb"] == 0
    assert annotation["sigma"] == 0.4
    assert annotation["hpc_base"] == pytest.approx([783, -288]), "where volunteers put it"
    assert annotation["height"] == 110
    assert wcs.to_arcsec(np.array([[left + w / 2, top + h / 2]])) == pytest.approx(
        np.array([[780, -235]]), abs=0.5
    ), "north of its base"


def test_events_of_one_video_are_one_group(document: dict[str, Any]) -> None:
    assert {image["group"] for image in document["images"]} == {SOLS[0]}
    assert [video["sol"] for video in document["videos"]] == list(SOLS[:2])


def test_the_account_names_what_was_left_out(prepared: Path) -> None:
    account = json.loads((prepared / LEFT_OUT).read_text())
    assert [entry["jet"] for entry in account["jets"]] == [LONELY]
    assert "no frame shows its place" in account["jets"][0]["reason"]
    assert account["files"]["left_out"] == {"html": 1}
    assert not (prepared / UNFINISHED).exists()


def test_a_stopped_run_goes_on_with_the_same_result(
    sun: Path, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filmed: list[str] = []

    def interrupted(jet: Any, *rest: Any) -> Any:
        if jet.id == SECOND and not filmed[1:]:
            filmed.append("stopped")
            raise OSError(28, "No space left on device")
        filmed.append(jet.id)
        return film(jet, *rest)

    monkeypatch.setattr(solar_catalogue, "film", interrupted)
    arguments = ["--catalogue", str(sun / "jets.json"), "--frames", str(sun / "frames")]
    arguments += ["--out", str(tmp_path / "set"), "--cadence", "48", "--margin", "4"]
    assert main(arguments) == 1
    assert not (tmp_path / "set" / "annotations.json").exists()
    assert main(arguments) == 0
    assert filmed == [FIRST, "stopped", SECOND], "nothing is made twice"
    same = (tmp_path / "set" / "annotations.json").read_bytes()
    assert same == (prepared / "annotations.json").read_bytes()


def test_a_finished_run_is_left_alone(
    sun: Path, prepared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--catalogue", str(sun / "jets.json"), "--frames", str(sun / "frames")]
    arguments += ["--out", str(prepared), "--cadence", "48"]
    assert main([*arguments, "--margin", "4"]) == 0
    assert "up to date" in capsys.readouterr().out
    assert main([*arguments, "--margin", "5"]) == 1
    assert "other inputs or options" in capsys.readouterr().err


def test_a_gap_makes_two_videos(sun: Path, tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    for number, seconds in enumerate(range(-312, 1000, 48)):
        if not 100 < seconds < 450:
            name = f"{999 - number}.fits"
            (tmp_path / "frames" / name).hardlink_to(sun / "frames" / name)
    options = JetVideoOptions(cadence=96.0, margin=0.0, bits=16, scale="clip-percentile")
    writer = prepare_solar(
        sun / "jets.json", tmp_path / "frames", tmp_path / "set", options, "drawn_sun", drawn=True
    )
    assert [video["name"] for video in writer.videos] == [FIRST, f"{FIRST}.2", SECOND]
    assert {image["source"] for image in writer.images} == {"drawn_sun"}
    assert {video["scale"] for video in writer.videos} == {"clip-percentile"}
    assert writer.info["drawn"] == "yes"
    second = [image for image in writer.images if image["video_id"] == 2]
    assert [image["frame_id"] for image in second] == list(range(len(second)))
    assert second[0]["time"] == 0
    assert read_picture(writer.out / second[0]["file_name"]).dtype == np.uint16


def test_a_cadence_that_frames_do_not_have_is_told(sun: Path, tmp_path: Path) -> None:
    options = JetVideoOptions(cadence=12.0, margin=0.0)
    with pytest.raises(ValueError, match=r"(?s)no video: 28 frames .*left out: .* 48 s apart"):
        prepare_solar(sun / "jets.json", sun / "frames", tmp_path / "set", options)
    assert not (tmp_path / "set" / "annotations.json").exists()


def test_a_catalogue_without_boxes_is_refused(shared: Path, sun: Path, tmp_path: Path) -> None:
    table = shared / "data" / "solar" / "catalogue" / "Jet_clusters_excerpt.csv"
    with pytest.raises(ValueError, match=r"no jet has a box; give the catalogue's JSON"):
        prepare_solar(table, sun / "frames", tmp_path / "set", OPTIONS)


def test_frames_of_other_times_are_told(sun: Path, tmp_path: Path) -> None:
    jets = json.loads((sun / "jets.json").read_text())[2:]
    (tmp_path / "jets.json").write_text(json.dumps(jets))
    with pytest.raises(ValueError, match=r"0 of 1 jets of .* are they frames of these jets"):
        prepare_solar(tmp_path / "jets.json", sun / "frames", tmp_path / "set", OPTIONS)
    assert not (tmp_path / "set").exists()


def test_each_wavelength_is_shown_in_its_own_range() -> None:
    for wavelength in (171, 304):
        settings = JetVideoOptions(wavelength=wavelength).settings(Region(0, 0, 1, 1))
        low, high = RANGES[wavelength]
        rates = np.array([low, high / 1.01], dtype=np.float32)
        np.testing.assert_allclose(settings.scale(wavelength).scale(rates), [0, 1], atol=0.01)
    with pytest.raises(ValueError, match="no usual range of intensities for 1600"):
        JetVideoOptions(wavelength=1600)
    JetVideoOptions(wavelength=1600, scale="clip-percentile")


@pytest.mark.parametrize("wrong", [{"cadence": 0.0}, {"margin": -1.0}, {"scale": "asinh"}])
def test_options_that_make_no_sense(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected a"):
        JetVideoOptions(**wrong)
