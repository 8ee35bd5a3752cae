"""`predict.py` on FITS frames of the sun: an archive, or a folder that keeps growing."""

from __future__ import annotations

import hashlib
from pathlib import Path

from omegaconf import DictConfig

from datamodules.solar_channels import DIFFERENCE
from detectors.frame_stream import FramesAlone, FrameStream
from runs.folder_lock import sole_process
from runs.prediction.folder import PredictionFolder
from runs.prediction.sources import find_fits
from runs.run_folder import RunFolder
from runs.solar.asked import Asked
from runs.solar.event import Provenance
from runs.solar.event_book import OPEN, EventBook
from runs.solar.follower import SolarFollower, event_linkings, trained_channels
from runs.solar.incoming import WatchSettings
from runs.solar.prediction import FPS, SolarPrediction
from runs.solar.watch import SolarWatch, watch
from solar.intensity import SCALES, ClipPercentile
from solar.video import VideoSettings


def predict_archive(
    cfg: DictConfig,
    files: list[Path],
    run: RunFolder,
    stream: FrameStream | None,
    output: PredictionFolder,
) -> int:
    """Predict FITS files.

    Args:
        cfg: The composed `conf/predict.yaml`, checked.
        files: The frames.
        run: The training.
        stream: Of the detector, where it has one.
        output: Gets everything; it is left open.

    Returns:
        How many events they show.

    Raises:
        ValueError: if no file gives a frame, or a wavelength has no usual scale.
    """
    asked = Asked.of(cfg, run)
    settings = VideoSettings(
        asked.wavelengths,
        asked.cadence,
        asked.usual_cadence,
        scale=SCALES[asked.scale],
        region=asked.region,
    )
    prediction = SolarPrediction(
        stream or FramesAlone(output.detector),
        output,
        settings,
        _sha256(run.checkpoint),
        trained_channels(run.config["datamodule"]),
        cfg.fps or FPS,
        asked.trained_on,
    )
    return len(prediction.predict(files))


def watch_folder(
    cfg: DictConfig, run: RunFolder, stream: FrameStream | None, output: PredictionFolder
) -> str:
    """Watch a folder until Ctrl-C, or until no file has come for `idle_s`.

    Args:
        cfg: The composed `conf/predict.yaml`, checked.
        run: The training.
        stream: Of the detector, where it has one.
        output: Its detector, its folder and its least score are used.

    Returns:
        A line that tells what was found.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if the settings do not suit a watch, or the folder of results holds another.
    """
    asked, detector = Asked.of(cfg, run), output.detector
    source = Path(str(cfg.source)).expanduser()
    find_fits(source)
    if len(asked.wavelengths) > 1:
        raise ValueError(
            f"wavelength={list(asked.wavelengths)}: a watch follows one; start one for each"
        )
    (wavelength,) = asked.wavelengths
    scale = SCALES[asked.scale](wavelength)
    if isinstance(scale, ClipPercentile):
        raise ValueError(
            f"scale={asked.scale}: needs all frames beforehand, so it cannot be watched with; "
            "use scale=fixed-log, and a detector trained on it"
        )
    window, channels = 1, trained_channels(run.config["datamodule"])
    if stream is not None:
        window = cfg.window or run.config["datamodule"]["clip_length"]
    if DIFFERENCE in channels:
        window += 1  # the frame that the first of the others differs from
    settings = WatchSettings(
        source,
        wavelength,
        scale,
        window,
        asked.cadence,
        asked.region,
        usual_cadence=asked.usual_cadence,
    )
    provenance = Provenance(wavelength, str(source), _sha256(run.checkpoint))
    linkings = event_linkings(detector, output.draw_above)
    book = EventBook(detector.classes.names, linkings, provenance)
    follower = SolarFollower(stream or FramesAlone(detector), book, channels, asked.trained_on)
    with sole_process(output.folder):
        solar_watch = SolarWatch(settings, follower, output.folder, detector.title)
        watch(solar_watch, cfg.idle_s)
    still_open = sum(event.status == OPEN for event in book.events.values())
    return f"{solar_watch.frames} frames, {len(book.events)} events, {still_open} of them open"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
