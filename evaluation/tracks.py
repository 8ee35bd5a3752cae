"""Which objects of the truth are one and the same over the frames of a video."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.columns import Truth, TruthColumns
from evaluation.entries import ids, optional_ids

NONE = -1


@dataclass(frozen=True, slots=True)
class Tracks:
    """Frames and objects of V videos, in the order of `TruthColumns`.

    Attributes:
        video: int64 [I], 0..V-1; -1 for pictures that belong to no video.
        frame: int64 [I], place in the video, counted in steps of the greatest common divisor of
            the distances of its `frame_id`s, so that videos of every k-th frame have neighbours.
        object: int64 [N], equal for the boxes of one object of one video; -1 for boxes that no
            one has followed, and for crowds.
    """

    video: NDArray[np.int64]
    frame: NDArray[np.int64]
    object: NDArray[np.int64]

    @property
    def videos(self) -> int:
        """V, the number of videos."""
        return int(self.video.max(initial=NONE)) + 1

    @property
    def followed(self) -> bool:
        """Some object is followed over frames: without, nothing can be said about motion."""
        return bool((self.object != NONE).any())


def read_tracks(truth: Truth, columns: TruthColumns) -> Tracks | None:
    """The videos of a COCO-VID dict: `video_id` and `frame_id` of images, `track_id` of boxes.

    The field may also be called `instance_id`. Nothing is guessed: without the fields no box
    belongs to an object, nor a frame to a place in its video.

    Args:
        truth: COCO instances dict.
        columns: made of it.

    Returns:
        None where no picture is a frame of a video.

    Raises:
        ValueError: if one of the fields holds something else than a whole number.
    """
    images, annotations = truth["images"], truth["annotations"]
    order = np.argsort(ids(images, "id", "truth: images"))
    given = optional_ids(images, "video_id", "truth: images")[order]
    if (given == NONE).all():
        return None
    known, video = np.unique(given, return_inverse=True)
    video = video - 1 if known[0] == NONE else video
    frame_ids = optional_ids(images, "frame_id", "truth: images")[order]
    track = optional_ids(annotations, "track_id", "truth: annotations")
    instance = optional_ids(annotations, "instance_id", "truth: annotations")
    track = np.where(track == NONE, instance, track)
    placed = (video[columns.image] != NONE) & (frame_ids[columns.image] != NONE)
    followed = placed & (track != NONE) & ~columns.crowd
    _, numbers = np.unique(
        np.stack([video[columns.image], track])[:, followed], axis=1, return_inverse=True
    )
    objects = np.full(len(track), NONE)
    objects[followed] = numbers
    return Tracks(video, _steps(video, frame_ids), objects)


def _steps(video: NDArray[np.int64], frame_ids: NDArray[np.int64]) -> NDArray[np.int64]:
    order = np.lexsort((frame_ids, video))
    starts = np.flatnonzero(np.diff(video[order], prepend=NONE - 1))
    frame = np.zeros(len(video), dtype=np.int64)
    for part in np.split(order, starts[1:]):
        distances = frame_ids[part] - frame_ids[part[0]]
        frame[part] = distances // max(int(np.gcd.reduce(distances)), 1)
    return frame
