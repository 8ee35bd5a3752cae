"""The videos of one jet: pictures on disk, and the rows that tell of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from prepare.coco_writer import PICTURES, CocoWriter
from prepare.frame_folder import ListedFrame, common_region, frames_of
from prepare.jet_catalogue.field import field_of
from prepare.jet_catalogue.groups import groups_of
from prepare.jet_catalogue.jet import Jet
from prepare.jet_catalogue.placement import box_at
from prepare.jet_catalogue.visible_box import visible_box
from solar.aia_frame import Region
from solar.intensity import SCALES
from solar.picture import Bits, encode_png
from solar.video import SolarVideo, VideoSettings, prepare_video
from structures.atomic_file import write_atomically

Row = dict[str, Any]


@dataclass(frozen=True)
class JetVideoOptions:
    """How videos are made of a jet's frames.

    Attributes:
        cadence: Seconds from frame to frame.
        wavelength: In Å.
        margin: Minutes without this jet before and after it, for examples of nothing.
        scale: A key of `SCALES`.
        bits: Of a pixel, 8 or 16.
    """

    cadence: float = 24.0
    wavelength: int = 304
    margin: float = 6.0
    scale: str = "fixed-log"
    bits: Bits = 8

    def __post_init__(self) -> None:
        if not 0 < self.cadence < math.inf or not 0 <= self.margin < math.inf:
            raise ValueError(
                f"expected a cadence above 0 s and a margin of 0 min or more, got {self.cadence} "
                f"and {self.margin}"
            )
        if self.scale not in SCALES or self.bits not in (8, 16):
            raise ValueError(
                f"expected a scale of {', '.join(SCALES)} and 8 or 16 bits, got {self.scale!r} "
                f"and {self.bits}"
            )
        SCALES[self.scale](self.wavelength)  # refuses a wavelength that has no usual range

    def settings(self, region: Region) -> VideoSettings:
        """The same for `prepare_video`."""
        return VideoSettings(
            wavelengths=(self.wavelength,),
            cadence=self.cadence,
            scale=SCALES[self.scale],
            bits=self.bits,
            region=region,
        )


def frames_around(
    jet: Jet, frames: Sequence[ListedFrame], options: JetVideoOptions
) -> list[ListedFrame]:
    """The frames that show a jet's place from before it began until after it ended.

    Args:
        jet: With boxes.
        frames: In order of time.
        options: See there.
    """
    margin = timedelta(minutes=options.margin)
    return frames_of(frames, jet.start - margin, jet.end + margin, jet.extent())


def film(
    jet: Jet,
    frames: Sequence[ListedFrame],
    jets: Sequence[Jet],
    options: JetVideoOptions,
    out: Path,
) -> Row:
    """Write the pictures of a jet.

    Args:
        jet: With boxes.
        frames: From `frames_around`, at least one.
        jets: The whole catalogue: each that the pictures show gets its boxes.
        options: See there.
        out: Folder of the data set; pictures go to `images/<video>/`.

    Returns:
        `videos`: for each uninterrupted stretch its `video` and `images` as COCO-VID has them, each
        image with its `boxes`; `report`: the files left out. Plain values, for JSON.
    """
    region = field_of(jet, common_region(frames))
    prepared = prepare_video([frame.path for frame in frames], options.settings(region))
    videos = []
    for number, video in enumerate(prepared.videos, start=1):
        name = jet.id if number == 1 else f"{jet.id}.{number}"
        row: Row = {"name": name, "sol": jet.sol, "event": jet.id, "start": _iso(video.times[0])}
        row |= {"cadence": video.cadence, "wavelength": video.wavelength, "scale": options.scale}
        _write_pictures(video, name, out)
        images = _image_rows(video, name, jet, jets)
        videos.append({"video": row, "images": images})
    return {"videos": videos, "report": prepared.report.as_json()}


def add_videos(
    writer: CocoWriter, jets: Sequence[Jet], records: Iterable[Row], source: str
) -> None:
    """Take what `film` gave into a data set.

    Args:
        writer: Of the folder that the pictures were written to.
        jets: The whole catalogue.
        records: From `film`.
        source: Name of the data set.
    """
    videos = [video for record in records for video in record["videos"]]
    sols = {jet.id: jet.sol for jet in jets}
    groups = groups_of(
        {
            video["video"]["sol"],
            *(sols[box["event"]] for image in video["images"] for box in image["boxes"]),
        }
        for video in videos
    )
    for video in videos:
        video_id = writer.add_video(**video["video"])
        for row in video["images"]:
            _add_image(writer, row, video_id, groups[video["video"]["sol"]], source)


def _add_image(writer: CocoWriter, row: Row, video_id: int, group: str, source: str) -> None:
    name, (width, height) = row["file_name"], row["size"]
    extra = {key: value for key, value in row.items() if key not in ("file_name", "size", "boxes")}
    picture = writer.out / PICTURES / name
    image_id = writer.add_image(
        name, picture, (width, height), group, source, video_id=video_id, **extra
    )
    for box in row["boxes"]:
        writer.add_box(image_id, 1, video_id=video_id, **box)


def _write_pictures(video: SolarVideo, name: str, out: Path) -> None:
    folder = out / PICTURES / name
    for path in folder.glob("*.png"):  # of a run that was stopped, perhaps with more frames
        path.unlink()
    for t, picture in enumerate(video.pictures()):
        write_atomically(folder / _file_name(t), encode_png(picture.pixels))


def _image_rows(video: SolarVideo, name: str, jet: Jet, jets: Sequence[Jet]) -> list[Row]:
    rows = []
    margin = timedelta(seconds=video.cadence)
    first, last = video.times[0] - margin, video.times[-1] + margin
    near = [
        (number, other)
        for number, other in enumerate(jets, start=1)
        if other.start <= last and first <= other.end + margin
    ]
    for t, (time, facts) in enumerate(zip(video.times, video.facts, strict=True)):
        valid = bool(video.valid[t])
        # Subjects are timed by DATE-OBS; a held picture stands for its slot's time.
        start = facts.start if valid else time
        row = {"file_name": f"{name}/{_file_name(t)}", "size": list(video.wcs.size), "frame_id": t}
        row |= {"time": (time - video.times[0]).total_seconds(), "obs_time": _iso(time)}
        row |= {"valid": int(valid), "quality": facts.quality, "fits": facts.source.name}
        row["exposure"] = None if math.isnan(facts.exposure) else facts.exposure
        row["wcs"] = video.frame_wcs(t).as_json()
        row["boxes"] = _box_rows(video, start, jet, near)
        rows.append(row)
    return rows


def _box_rows(
    video: SolarVideo, time: datetime, jet: Jet, near: Sequence[tuple[int, Jet]]
) -> list[Row]:
    rows = []
    for number, other in near:
        box = box_at(other, time)
        visible = visible_box(box, video.wcs) if box else None
        if box is None or visible is None:
            continue
        row: Row = {"box": list(visible.xyxy), "iscrowd": int(visible.ignored)}
        row |= {"instance_id": number, "event": other.id, "primary": int(other is jet)}
        row |= {"uncertain": int(box.uncertain), "generated": int(box.generated)}
        row["off_limb"] = int(visible.off_limb)
        row["sigma"] = None if math.isnan(box.sigma) else round(box.sigma, 4)
        row["hpc_corners"] = box.corners.round(3).tolist()
        row["hpc_base"] = box.base.round(3).tolist()
        row["height"] = None if math.isnan(other.length) else round(other.length, 3)
        rows.append(row)
    return rows


def _file_name(frame: int) -> str:
    return f"{frame:06d}.png"


def _iso(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
