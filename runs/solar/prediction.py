"""FITS files of the sun to detections and events in arcsec and UTC, and annotated videos."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.progress import Progress

from datamodules.solar_channels import LOG
from datamodules.solar_observation import UNKNOWN, SolarObservation
from detectors.frame_stream import FrameStream
from evaluation.results_json import write_json
from runs.prediction.folder import PredictionFolder
from runs.prediction.sources import frame_folders
from runs.prediction.video_writer import VideoWriter
from runs.solar.canvas import SolarCanvas
from runs.solar.event import Provenance, SolarEvent, iso_utc
from runs.solar.event_book import EventBook, PlacedDetections
from runs.solar.event_files import write_events
from runs.solar.follower import Followed, SolarFollower, event_linkings
from runs.solar.sunpy_map import write_map
from solar.aia_frame import read_aia
from solar.video import SolarVideo, VideoSettings, prepare_video
from structures.atomic_file import write_atomically

FPS = 10.0
COLUMNS = ("image_id", "file", "time", "class", "score", "hpc_x0", "hpc_y0", "hpc_x1", "hpc_y1")


@dataclass
class SolarPrediction:
    """Predicts archives of FITS files.

    Attributes:
        stream: Of the detector.
        output: Gets COCO results, and everything else in its folder.
        settings: How pictures are made.
        weights_sha256: Of the checkpoint.
        channels: In which the detector was trained.
        fps: Of annotated videos.
        trained_on: What the detector was trained on, as far as it is known.
    """

    stream: FrameStream
    output: PredictionFolder
    settings: VideoSettings
    weights_sha256: str
    channels: Sequence[str] = (LOG,) * 3
    fps: float = FPS
    trained_on: SolarObservation = UNKNOWN
    events: dict[str, SolarEvent] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def predict(self, files: Sequence[Path]) -> list[SolarEvent]:
        """Predict the frames of each folder, and write all results but `output.close()`.

        Beside the COCO results: detections.csv (arcsec and UTC), events.csv, events.json,
        voevents/, annotated/<number>_<folder>_<Å>.mp4 (or .gif), and rejected.json, which names
        each file that shows in no video and why. Of a single frame map.png as well, a sunpy map.

        Args:
            files: FITS files, good and bad; each folder holds frames of one region.

        Raises:
            ValueError: if no file gives a frame.
        """
        reports: dict[str, Any] = {}
        image_ids, numbers = itertools.count(1), itertools.count(1)
        for paths in frame_folders(files):
            folder = paths[0].parent
            videos, report = prepare_video(paths, self.settings)
            reports[str(folder)] = report.as_json()
            self.output.skipped += [str(left_out.source) for left_out in report.rejected]
            for video in videos:
                self._follow(video, folder, next(numbers), image_ids)
        write_json(self.output.folder / "rejected.json", reports)
        if not self.output.images:
            first = next(entry for told in reports.values() for entry in told["rejected"])
            raise ValueError(
                f"none of {len(files)} FITS files gives a frame; the first: {first['message']}"
            )
        events = list(self.events.values())
        write_events(self.output.folder, events, self.events, self.output.detector.title)
        self._write_detections()
        if len(self.output.images) == 1:
            self._write_map()
        return events

    def _follow(
        self, video: SolarVideo, folder: Path, number: int, image_ids: Iterator[int]
    ) -> None:
        detector = self.output.detector
        name = f"{number:03d}_{folder.name}_{video.wavelength}"
        self.output.videos.append({"id": number, "name": name, "cadence": video.cadence})
        linkings = event_linkings(detector, self.output.draw_above)
        provenance = Provenance(video.wavelength, str(folder), self.weights_sha256)
        book = EventBook(detector.classes.names, linkings, provenance, len(self.events))
        follower = SolarFollower(self.stream, book, self.channels, self.trained_on)
        follower.begin(video.cadence, video.wcs)
        canvas = SolarCanvas(video.wcs, book)
        file = self.output.folder / "annotated" / f"{name}.{self.output.video_format}"
        with VideoWriter(file, self.fps) as writer, Progress() as progress:
            shown = progress.track(video.pictures(), len(video.times), description=name)
            for t, picture in enumerate(shown):
                pixels, time = picture.pixels.astype(np.uint8, copy=False), video.times[t]
                if not video.valid[t]:  # the detector is shown nothing twice
                    writer.write(canvas.draw(pixels, time, None))
                    continue
                found = follower.follow(pixels, video.frame_wcs(t), time, next(image_ids))
                writer.write(canvas.draw(pixels, time, found.prediction))
                self._note(video, t, found, number)
        book.end()
        self.events |= book.events

    def _note(self, video: SolarVideo, t: int, found: Followed, number: int) -> None:
        file, time = video.facts[t].source, iso_utc(video.times[t])
        shape = video.wcs.height, video.wcs.width
        self.output.add(
            file,
            shape,
            found.prediction,
            video_id=number,
            frame_id=t,
            time=(video.times[t] - video.times[0]).total_seconds(),
            obs_time=time,
            wcs=video.frame_wcs(t).as_json(),
        )
        names = self.output.detector.classes.names
        place = {"image_id": found.prediction.image_id, "file": file.name, "time": time}
        self.rows += [place | row for row in sky_rows(found.sky, names)]

    def _write_map(self) -> None:
        detector = self.output.detector
        linkings = event_linkings(detector, self.output.draw_above)
        least = {
            name: linking.score_threshold
            for name, linking in zip(detector.classes.names, linkings, strict=True)
        }
        shown = [row for row in self.rows if row["score"] >= least[row["class"]]]
        boxes = np.array([[row[key] for key in COLUMNS[-4:]] for row in shown]).reshape(-1, 4)
        frame = read_aia(
            Path(self.output.images[0]["file_name"]),
            self.settings.wavelengths,
            self.settings.region,
            self.settings.degradation,
        )
        write_map(self.output.folder / "map.png", frame, boxes)

    def _write_detections(self) -> None:
        table = io.StringIO()
        writer = csv.DictWriter(table, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_atomically(self.output.folder / "detections.csv", table.getvalue().encode())


def sky_rows(found: PlacedDetections, names: Sequence[str]) -> list[dict[str, Any]]:
    """Detections as rows: class, score and box in helioprojective arcsec."""
    return [
        {
            "class": names[label - 1],
            "score": round(score, 4),
            **dict(zip(COLUMNS[-4:], (round(value, 3) for value in box), strict=True)),
        }
        for box, label, score in zip(
            found.boxes.tolist(), found.labels.tolist(), found.scores.tolist(), strict=True
        )
    ]
