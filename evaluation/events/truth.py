"""Observations and true events out of a COCO-VID dict whose frames lie on the sky."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.columns import Truth, TruthColumns
from evaluation.entries import ids, numbers, optional_ids
from evaluation.events.observations import Observations
from evaluation.events.sky import Sky
from evaluation.events.true_events import TrueEvent
from evaluation.tracks import NONE, Tracks


def read_observations(truth: Truth, tracks: Tracks, sky: Sky) -> Observations:
    """The frames: `time` in seconds, `valid` (true where absent), and their field of view.

    Args:
        truth: COCO-VID instances dict.
        tracks: of the same truth.
        sky: of the same truth.

    Returns:
        In the order of `TruthColumns.image_ids`; videos in the order of their ids.

    Raises:
        ValueError: if a frame of a video has no time, the time of another, or no place on the sky.
    """
    place = "truth: images"
    order = np.argsort(ids(truth["images"], "id", place))
    images = [truth["images"][index] for index in order]
    filmed = np.flatnonzero(tracks.video != NONE)
    time = np.full(len(images), np.nan)
    time[filmed] = numbers([images[i] for i in filmed], "time", place)
    lost = [images[i]["id"] for i in filmed if not np.isfinite([*sky.corner[i], time[i]]).all()]
    if lost:
        raise ValueError(f"{place}: image {lost[0]} has no 'wcs' or no finite 'time', as others do")
    frames = [np.flatnonzero(tracks.video == video) for video in range(tracks.videos)]
    return Observations(
        names=_video_names(truth, images, tracks),
        video=tracks.video,
        time=time,
        valid=np.array([bool(image.get("valid", True)) for image in images], dtype=bool),
        area=np.array([_area(images, frame, sky) for frame in frames]),
    )


def read_true_events(
    truth: Truth, columns: TruthColumns, tracks: Tracks, observations: Observations, sky: Sky
) -> list[TrueEvent]:
    """The objects that are followed over frames, each an event.

    It is ignored where all of its boxes are. Its name is the annotations' `event`, its base their
    `hpc_base` (x, y in arcsec) and its height their `height` (arcsec), as the first box has them.
    While an object is a crowd (faint, or hardly in the picture) it need not be found: these frames
    are an ignored event of their own, so that what is found there is no false alarm either.

    Args:
        truth: COCO-VID instances dict, of one class.
        columns: made of it.
        tracks: of the same truth.
        observations: of the same truth.
        sky: of the same truth.

    Raises:
        ValueError: if an event has two boxes in a frame, or a base or height that is no number.
    """
    boxes = sky.boxes(columns.boxes, columns.image)
    known = np.unique(tracks.object[tracks.object != NONE]).tolist()
    objects = [np.flatnonzero(tracks.object == number) for number in known]
    events = []
    for rows in (*objects, *_crowds(truth, columns, tracks)):
        times = observations.time[columns.image[rows]]
        rows, times = rows[np.argsort(times)], np.sort(times)
        first = truth["annotations"][rows[0]]
        events.append(
            TrueEvent(
                event=str(first.get("event") or f"track {_track(first)}"),
                video=int(tracks.video[columns.image[rows[0]]]),
                start=float(times[0]),
                end=float(times[-1]),
                times=times,
                boxes=boxes[rows],
                base=_base(first),
                height=_height(first),
                ignored=not columns.counted[rows].any(),
            )
        )
    return events


def _crowds(truth: Truth, columns: TruthColumns, tracks: Tracks) -> list[NDArray[np.int64]]:
    """The rows of each unbroken stretch of crowds of one object that somebody followed."""
    of: dict[tuple[int, Any], list[int]] = {}
    for row in np.flatnonzero(columns.crowd).tolist():
        video, track = int(tracks.video[columns.image[row]]), _track(truth["annotations"][row])
        if video != NONE and track is not None:
            of.setdefault((video, track), []).append(row)
    stretches = []
    for members in of.values():
        rows = np.array(members)
        frames = tracks.frame[columns.image[rows]]
        rows, frames = rows[np.argsort(frames)], np.sort(frames)
        stretches += np.split(rows, np.flatnonzero(np.diff(frames) > 1) + 1)
    return stretches


def _video_names(truth: Truth, images: list[dict[str, Any]], tracks: Tracks) -> tuple[str, ...]:
    known = {video["id"]: str(video.get("name", video["id"])) for video in truth.get("videos", [])}
    video_ids = optional_ids(images, "video_id", "truth: images")
    first = [int(video_ids[np.argmax(tracks.video == video)]) for video in range(tracks.videos)]
    return tuple(known.get(number, str(number)) for number in first)


def _area(images: list[dict[str, Any]], frames: NDArray[np.int64], sky: Sky) -> float:
    """Field of view of a video in arcsec²: the mean over its frames."""
    sizes = numbers([images[i] for i in frames], "width", "truth: images")
    sizes = sizes * numbers([images[i] for i in frames], "height", "truth: images")
    return float((sizes * abs(np.linalg.det(sky.linear[frames]))).mean())


def _track(annotation: dict[str, Any]) -> Any:
    track = annotation.get("track_id")
    return annotation.get("instance_id") if track is None else track


def _base(annotation: dict[str, Any]) -> tuple[float, float] | None:
    base = annotation.get("hpc_base")
    if base is None:
        return None
    fine = isinstance(base, list) and len(base) == 2 and all(map(_is_number, base))
    if not fine:
        raise ValueError(
            f"truth: annotation {annotation['id']}: expected 'hpc_base' as x, y in arcsec, "
            f"got {base!r}"
        )
    return float(base[0]), float(base[1])


def _height(annotation: dict[str, Any]) -> float:
    height = annotation.get("height")
    if height is None:
        return float("nan")
    if not _is_number(height):
        raise ValueError(
            f"truth: annotation {annotation['id']}: expected 'height' in arcsec, got {height!r}"
        )
    return float(height)


def _is_number(value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and bool(np.isfinite(value))
