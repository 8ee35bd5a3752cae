"""FITS frames through a detector: places in arcsec, events, files, and predict.py itself."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from datamodules.picture import read_picture
from datamodules.solar_channels import CHANNELS
from datamodules.solar_video import SolarVideoDataModule
from detectors.base import Detector
from detectors.frame_stream import FramesAlone
from prepare.drawn_solar import draw_solar
from prepare.frame_folder import common_region, fits_files, list_frames
from runs.folder_lock import sole_process
from runs.prediction.folder import PredictionFolder
from runs.prediction.video_files import open_video
from runs.solar.prediction import SolarPrediction
from solar.report import Report
from solar.video import VideoSettings
from structures import Prediction
from tests.runs.predict_command import by_command, untrained_video_run

BASE = (940.0, -300.0)


def read(file: Path) -> Any:
    return json.loads(file.read_text("utf-8"))


@pytest.fixture(scope="module")
def predicted(
    brightness_detector: Detector,
    write_sun: Callable[..., Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A jet that grows northwards by 4″ a frame from the third frame on, one bad file, one gap."""
    tmp_path = tmp_path_factory.mktemp("predicted")
    folder = tmp_path / "sun"
    folder.mkdir()
    for number in [0, 1, 2, 3, 4, 5, 6, 8, 9]:
        x, y = BASE
        jet = [(x - 4, y - 4, x + 4, y + 4 * number)] if 2 <= number <= 6 else []
        write_sun(folder / f"f{number}.fits", 24 * number, *jet)
    (folder / "f7.fits").write_bytes(b"<html>sorry</html>")
    output = PredictionFolder(tmp_path / "out", brightness_detector, None)
    stream = FramesAlone(brightness_detector)
    SolarPrediction(stream, output, VideoSettings(), "0" * 64).predict([*folder.iterdir()])
    output.close()
    return output.folder


def test_an_event_is_where_and_when_the_blob_was(predicted: Path) -> None:
    (event,) = read(predicted / "events.json")["events"]
    assert event["id"] == "jet_20131028T010049Z_304_0001"
    assert event["status"] == "ended"
    assert event["t_start"] == "2013-10-28T01:00:49.450Z"
    assert event["t_peak"] == event["t_end"] == "2013-10-28T01:02:25.450Z"
    box = [event[key] for key in ("hpc_x0", "hpc_y0", "hpc_x1", "hpc_y1")]
    np.testing.assert_allclose(box, [936, -304, 944, -276], atol=0.05)
    np.testing.assert_allclose([event["base_x"], event["base_y"]], [940, -298], atol=0.05)
    assert event["n_frames"] == 5
    assert event["length_arcsec"] == pytest.approx(28, abs=0.05)
    km = 1.486e11 * np.radians(1 / 3600) / 1000
    assert event["length_mm"] == pytest.approx(28 * km / 1000, rel=2e-3)
    assert event["position_angle"] == pytest.approx(0, abs=0.5)
    assert event["speed_km_s"] == pytest.approx(4 / 24 * km, rel=1e-2)
    assert event["hek"]["Event_CoordSys"] == "UTC-HPC-TOPO"


def test_every_file_says_the_same(predicted: Path) -> None:
    (event,) = read(predicted / "events.json")["events"]
    with (predicted / "events.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["id"] == event["id"]
    assert float(row["hpc_x1"]) == event["hpc_x1"]
    root = ElementTree.parse(predicted / "voevents" / f"{event['id']}.xml").getroot()
    assert root.tag == "{http://www.ivoa.net/xml/VOEvent/v2.0}VOEvent"
    assert root.get("role") == "test"
    assert float(root.findtext(".//C1") or "nan") == event["base_x"]
    with (predicted / "detections.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["time"][11:19] for row in rows][:2] == ["01:00:49", "01:01:13"]
    np.testing.assert_allclose(float(rows[-1]["hpc_y1"]), -276, atol=0.05)
    images = read(predicted / "images.json")
    assert [image["frame_id"] for image in images["images"]] == [0, 1, 2, 3, 4, 5, 6, 8, 9]
    results = {row["image_id"]: row["bbox"] for row in read(predicted / "predictions.json")}
    # Pixels count from the top: (936, -276) is 18 to the right and 16 below the corner (900, -244).
    np.testing.assert_allclose(results[7], [18, 16, 4, 14], atol=0.05)


def test_left_out_files_are_named_and_the_video_is_whole(predicted: Path) -> None:
    (report,) = read(predicted / "rejected.json").values()
    assert report["left_out"] == {"html": 1}
    assert report["rejected"][0]["file"] == "f7.fits"
    (file,) = (predicted / "annotated").iterdir()
    video = open_video(file)
    assert video.frame_count == 10  # the gap is held
    pictures = [picture for _, picture in video.frames()]
    assert pictures[0].shape == (512, 640, 3)
    red, _, blue = pictures[0][200:300, 400:500].reshape(-1, 3).mean(axis=0)
    assert red > blue + 50  # AIA's colours of 304 Å


class Recording(FramesAlone):
    """Keeps what the detector was shown: uint8 [3, H, W] a frame."""

    def __init__(self, detector: Detector) -> None:
        super().__init__(detector)
        self.shown: list[np.ndarray] = []

    def detect(self, frame: torch.Tensor, image_id: int, time: float | None = None) -> Prediction:
        self.shown.append(frame.numpy().copy())
        return super().detect(frame, image_id, time)


def test_frames_are_shown_in_the_channels_of_the_training(
    brightness_detector: Detector, tmp_path: Path
) -> None:
    """The very pixels that the datamodule shows of the pictures prepared from the same files."""
    root = draw_solar(tmp_path / "drawn_solar", 1, seed=1, frames=12, side=48, workers=1)
    everything = {"train": 1.0, "val": 0.0, "test": 0.0}
    data = SolarVideoDataModule(CHANNELS, root=str(root), clip_length=1, fractions=everything)
    data.setup("test")
    annotations = data.annotations("train")
    valid = [image["valid"] for image in data.ground_truth("train")["images"]]
    assert not all(valid)  # a difference goes back over a frame that is held
    dataset = data._dataset("train")
    expected = [dataset._picture(i) for i in range(len(annotations)) if valid[i]]
    output = PredictionFolder(tmp_path / "out", brightness_detector, None)
    stream = Recording(brightness_detector)
    files = fits_files(root / "fits")
    settings = VideoSettings(cadence=24.0, region=common_region(list_frames(files, 304, Report())))
    SolarPrediction(stream, output, settings, "0", CHANNELS).predict(files)
    np.testing.assert_array_equal(np.stack(stream.shown), np.stack(expected).transpose(0, 3, 1, 2))


def test_a_single_frame_becomes_a_sunpy_map_with_its_boxes(
    brightness_detector: Detector, write_sun: Callable[..., Path], tmp_path: Path
) -> None:
    coloured = []
    for name, boxes in (("with", [(930, -320, 950, -280)]), ("without", [])):
        file = write_sun(tmp_path / f"{name}.fits", 0, *boxes)
        output = PredictionFolder(tmp_path / name, brightness_detector, None)
        SolarPrediction(FramesAlone(brightness_detector), output, VideoSettings(), "0").predict(
            [file]
        )
        picture = read_picture(output.folder / "map.png").astype(int)
        coloured.append(int((np.abs(picture - [86, 200, 255]).sum(axis=2) < 20).sum()))
    assert coloured[0] > 500
    assert coloured[1] == 0


@pytest.fixture(scope="module")
def video_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained_video_run(tmp_path_factory.mktemp("run"), ["jet"], cadence=24.0)


def test_the_command_takes_archives_and_growing_folders_alike(
    video_run: Path,
    write_sun: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = tmp_path / "sun"
    source.mkdir()
    for number in range(6):
        write_sun(source / f"{number}.fits", 24 * number, (930, -320, 950, -280))
    least = "draw_above=0"  # nothing was trained: scores are low
    archive = by_command(video_run, source, tmp_path / "a", least, "video_format=gif")
    assert "6 frames, " in capsys.readouterr().out
    (animation,) = (archive / "annotated").iterdir()
    assert animation.name == "001_sun_304.gif"
    assert len(list(open_video(animation).frames())) == 6
    watched = by_command(video_run, source, tmp_path / "w", least, "watch=true", "idle_s=0")
    assert "6 frames, " in capsys.readouterr().out
    first, second = (read(out / "events.json")["events"] for out in (archive, watched))
    assert len(first) == len(second) > 0
    for one, other in zip(first, second, strict=True):
        assert one["t_start"] == other["t_start"]
        np.testing.assert_allclose(one["score"], other["score"], atol=1e-3)
        np.testing.assert_allclose(one["hpc_x1"], other["hpc_x1"], atol=0.05)


def test_frames_are_shown_as_the_training_had_them(
    write_sun: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    run, source = tmp_path / "run", tmp_path / "sun"
    run.mkdir()
    untrained_video_run(run, ["jet"], cadence=24.0)
    told: dict[str, Any] = {"cadence_s": [24.0], "scale": ["clip-percentile"]}
    told |= {"arcsec_per_pixel": [0.6, 0.6], "field_arcsec": [80.0, 100.0]}
    (run / "data.json").write_text(json.dumps({"sun": told}))
    source.mkdir()
    for number in range(5):
        write_sun(source / f"{number}.fits", 12 * number)
    by_command(run, source, tmp_path / "a")
    assert "3 frames, 2 files left out" in capsys.readouterr().out
    assert "pixels of 2″, in training 0.6″: the detector may" in caplog.text
    assert "a field of" not in caplog.text
    with pytest.raises(ValueError, match="scale=clip-percentile: needs all frames beforehand"):
        by_command(run, source, tmp_path / "b", "watch=true")


def test_two_watches_do_not_write_to_one_folder(video_run: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "sun", tmp_path / "out"
    source.mkdir()
    asked = ("watch=true", "idle_s=0")
    with sole_process(out), pytest.raises(ValueError, match=r"out: process \d+ on .* writing"):
        by_command(video_run, source, out, *asked)
    by_command(video_run, source, out, *asked)


def test_what_cannot_be_is_refused(
    video_run: Path, write_sun: Callable[..., Path], tmp_path: Path
) -> None:
    source = tmp_path / "sun"
    source.mkdir()
    write_sun(source / "a.fits", 0, WAVELNTH=171)
    with pytest.raises(ValueError, match=r"none of 1 FITS files.*expected 304 Å, got 171 Å"):
        by_command(video_run, source, tmp_path / "a")
    with pytest.raises(ValueError, match="needs all frames beforehand"):
        by_command(video_run, source, tmp_path / "b", "watch=true", "scale=clip-percentile")
    with pytest.raises(ValueError, match="a watch follows one"):
        by_command(video_run, source, tmp_path / "b", "watch=true", "wavelength=[171,304]")
    with pytest.raises(FileNotFoundError, match="no such folder"):
        by_command(video_run, tmp_path / "nowhere", tmp_path / "b", "watch=true")
    wrong = ("wavelength=no", "cadence=0", "region=[1,2,3]", "scale=log", "idle_s=-1")
    for setting in (*wrong, "video_format=avi"):
        with pytest.raises(ValueError, match=setting.partition("=")[0]):
            by_command(video_run, source, tmp_path / "c", setting)
