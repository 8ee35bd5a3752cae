"""Which video each picture of a COCO-VID file belongs to, where it stands in it, and when."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datamodules.annotations.json_rows import JsonRows

logger = logging.getLogger(__name__)

STILL = -1  # stands for the video of a picture that belongs to none


def read_video_columns(
    document: dict[str, Any], images: JsonRows, groups: Sequence[str | None]
) -> dict[str, Any]:
    """The columns that tell videos, with every fault noted.

    Ids may be any integers in any order; a picture without `video_id`, or with -1, is a still. The
    frames of a video are ordered by `frame_id`, or as in the file where none of them has one.
    Seconds are an image's `time`, or its `frame_id` by the `fps` of its video; a video that
    states neither counts one second a frame.

    Args:
        document: the whole JSON document; `videos` may be missing.
        images: its pictures.
        groups: their groups, see `CocoAnnotations`.

    Returns:
        Fields of `CocoAnnotations`: videos, video_index, frame_ids, times, and the groups, which
        are the videos' names where the file states none.
    """
    ids = np.array(
        [STILL if video is None else video for video in images.optional_integers("video_id")],
        dtype=np.int64,
    )
    names, rates = _read_videos(document, images, ids)
    known = np.array(list(names), dtype=np.int64)
    order = np.argsort(known)
    place = np.searchsorted(known, ids, sorter=order)
    place = np.append(order, STILL)[np.where(np.isin(ids, known), place, len(known))]
    images.faults.add_where(
        (ids != STILL) & (place == STILL),
        lambda i: f"{images.name(i)}: unknown video_id {ids[i]}; no entry of 'videos' has this id",
    )
    videos = tuple(names.values())
    frame_ids = _frame_ids(images, place, videos)
    return {
        "videos": videos,
        "video_index": place,
        "frame_ids": frame_ids,
        "times": _times(images, place, frame_ids, rates, videos),
        "groups": _groups(images, place, groups, videos),
    }


def _read_videos(
    document: dict[str, Any], images: JsonRows, ids: NDArray[np.int64]
) -> tuple[dict[int, str], NDArray[np.float64]]:
    """Name of each video by id, and frames a second, NaN where the file does not say."""
    file = images.faults.file.name
    if "videos" not in document:
        found = np.unique(ids[ids != STILL]).tolist()
        return {video: f"{file} video {video}" for video in found}, np.full(len(found), np.nan)
    rows = JsonRows(document, "videos", images.faults)
    video_ids = rows.integers("id").tolist()
    rows.unique(video_ids, "video id")
    rates = rows.numbers("fps")
    rows.faults.add_where(
        rates <= 0, lambda i: f"{rows.name(i)}: 'fps' must be positive, got {rates[i]}"
    )
    labels = rows.labels("name")
    named = zip(video_ids, labels, strict=True)
    names = {video: name or f"{file} video {video}" for video, name in named}
    return names, np.where(rates > 0, rates, np.nan)


def _frame_ids(
    images: JsonRows, place: NDArray[np.int64], videos: Sequence[str]
) -> NDArray[np.int64]:
    given = images.optional_integers("frame_id")
    result = np.array([0 if frame is None else frame for frame in given], dtype=np.int64)
    gaps = {}
    for video, indices in _frames_of(place).items():
        absent = [i for i in indices if given[i] is None]
        if len(absent) == len(indices):
            result[indices] = np.arange(len(indices))
        elif absent:
            images.faults.add(
                f"{images.name(absent[0])}: has no 'frame_id', as other frames of video "
                f"{videos[video]!r} have; give it to all of them or to none"
            )
        else:
            _note_repeated(images, indices, result, videos[video])
        missing = int(np.ptp(result[indices])) + 1 - len(indices)
        if missing > 0:
            gaps[videos[video]] = missing
    if gaps:
        logger.info(
            "%s: %d of %d videos leave out frame_ids, %d altogether; clips pass over them. "
            "The first is %r",
            images.faults.file, len(gaps), len(videos), sum(gaps.values()), next(iter(gaps)),
        )  # fmt: skip
    return result


def _note_repeated(
    images: JsonRows, indices: NDArray[np.int64], frame_ids: NDArray[np.int64], video: str
) -> None:
    first: dict[int, int] = {}
    for i in indices.tolist():
        other = first.setdefault(int(frame_ids[i]), i)
        if other != i:
            images.faults.add(
                f"{images.name(i)}: frame_id {frame_ids[i]} of video {video!r} was already used by "
                f"{images.name(other)}; each must occur once in a video"
            )


def _times(
    images: JsonRows,
    place: NDArray[np.int64],
    frame_ids: NDArray[np.int64],
    rates: NDArray[np.float64],
    videos: Sequence[str],
) -> NDArray[np.float64]:
    """Seconds; NaN for stills that state none."""
    rate = np.append(rates, np.nan)[place]
    in_video = place != STILL
    times = images.numbers("time")
    unknown = in_video & np.isnan(times) & np.isnan(rate)
    if unknown.any():
        logger.info(
            "%s: %d frames have neither 'time' nor a video with 'fps'; they count one second each",
            images.faults.file, int(unknown.sum()),
        )  # fmt: skip
    counted = frame_ids / np.where(unknown, 1.0, rate)
    seconds = np.where(np.isnan(times) & in_video, counted, times)
    for video, indices in _frames_of(place).items():
        ordered = indices[np.argsort(frame_ids[indices], kind="stable")]
        _note_disorder(images, ordered, frame_ids, seconds, videos[video])
    return seconds


def _note_disorder(
    images: JsonRows,
    ordered: NDArray[np.int64],
    frame_ids: NDArray[np.int64],
    seconds: NDArray[np.float64],
    video: str,
) -> None:
    """The first frame of a video that is not later than the frame before it."""
    late = np.flatnonzero(np.diff(seconds[ordered]) <= 0)
    # Of a frame_id that occurs twice the fault is told already.
    late = late[frame_ids[ordered[late]] < frame_ids[ordered[late + 1]]]
    if len(late):
        before, after = ordered[late[0] : late[0] + 2].tolist()
        images.faults.add(
            f"{images.name(after)}: at {seconds[after]:g} s, but the frame before it in video "
            f"{video!r}, {images.name(before)}, at {seconds[before]:g} s; seconds must grow with "
            "'frame_id'"
        )


def _groups(
    images: JsonRows, place: NDArray[np.int64], groups: Sequence[str | None], videos: Sequence[str]
) -> tuple[str | None, ...]:
    for video, indices in _frames_of(place).items():
        other = [i for i in indices if groups[i] != groups[indices[0]]]
        if other:
            images.faults.add(
                f"{images.name(other[0])}: group {groups[other[0]]!r}, but "
                f"{images.name(int(indices[0]))} of the same video {videos[video]!r} has "
                f"{groups[indices[0]]!r}; a split would cut the video"
            )
    return tuple(
        videos[video] if group is None and video != STILL else group
        for video, group in zip(place.tolist(), groups, strict=True)
    )


def _frames_of(place: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    """Video -> its pictures in the order of the file, without stills."""
    order = np.argsort(place, kind="stable")
    order = order[np.searchsorted(place[order], 0) :]
    parts = np.split(order, np.flatnonzero(np.diff(place[order])) + 1)
    return {int(place[part[0]]): part for part in parts if len(part)}
