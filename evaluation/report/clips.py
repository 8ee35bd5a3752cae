"""Which videos a report shows, and which of their frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evaluation.columns import Truth
from evaluation.entries import ids, optional_ids
from evaluation.tracks import NONE
from evaluation.verdicts import Verdicts, f1_score

LONGEST = 48  # frames


@dataclass(frozen=True, slots=True, eq=False)
class Video:
    """The judged frames of one video, in the order of time.

    Attributes:
        name: as the truth has it.
        places: int64 [T], of the frames in `TruthColumns.image_ids`.
        frame_ids: int64 [T], as the truth has them.
    """

    name: str
    places: NDArray[np.int64]
    frame_ids: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """Frames of a video that follow each other, and why they are shown.

    Attributes:
        choice: such as 'Best'.
        video: the whole of it.
        start: the first frame shown, counted in `video`.
        length: T, the number of frames shown.
        f1: of the whole video, for each run.
    """

    choice: str
    video: Video
    start: int
    length: int
    f1: tuple[float, ...]

    @property
    def places(self) -> NDArray[np.int64]:
        """int64 [T], of the shown frames in `TruthColumns.image_ids`."""
        return self.video.places[self.start : self.start + self.length]

    @property
    def frame_ids(self) -> NDArray[np.int64]:
        """int64 [T], of the shown frames."""
        return self.video.frame_ids[self.start : self.start + self.length]

    def at_most(self, length: int) -> Clip:
        """The first frames of it."""
        return replace(self, length=min(self.length, length))


def read_videos(truth: Truth, image_ids: NDArray[np.int64]) -> list[Video]:
    """The videos of a COCO-VID truth that have two frames at least, by their ids.

    Frames are images with `video_id` and `frame_id`; others are stills.

    Args:
        truth: COCO instances dict; its `videos` need not be there.
        image_ids: ascending, as `TruthColumns` has them.

    Raises:
        ValueError: if one of the fields holds something else than a whole number.
    """
    rows, where = truth["images"], "truth: images"
    video_ids, frame_ids = (optional_ids(rows, field, where) for field in ("video_id", "frame_id"))
    places = np.searchsorted(image_ids, ids(rows, "id", where))
    given = truth.get("videos", ())
    names = {row.get("id"): row.get("name") for row in given if isinstance(row, dict)}
    videos = []
    for video_id in np.unique(video_ids[video_ids != NONE]).tolist():
        own = np.flatnonzero((video_ids == video_id) & (frame_ids != NONE))
        own = own[np.argsort(frame_ids[own], kind="stable")]
        if len(own) > 1:
            name = str(names.get(video_id) or f"video {video_id}")
            videos.append(Video(name, places[own], frame_ids[own]))
    return videos


def choose_clips(
    videos: Sequence[Video], verdicts: Sequence[Verdicts], longest: int = LONGEST
) -> list[Clip]:
    """The videos with the highest, the middle and the lowest F1; of several runs, of its mean.

    F1 is that of all frames of a video together, at the operating point. Where several runs are
    compared, the video on which their F1 differ most comes last. A video is shown once, and one
    without objects and false alarms never. Of a long video the consecutive frames with the most
    objects and false alarms are shown.

    Args:
        videos: to choose from.
        verdicts: of the runs, on the same truth.
        longest: frames a clip.
    """
    f1 = np.array([[_video_f1(v, video) for v in verdicts] for video in videos])
    f1 = f1.reshape(len(videos), len(verdicts))
    seen = np.flatnonzero(~np.isnan(f1).all(axis=1))
    if not len(seen):
        return []
    f1 = np.nan_to_num(f1, nan=1.0)
    falling = seen[np.argsort(-f1[seen].mean(axis=1), kind="stable")]
    choices = {1: ("Only",), 2: ("Best", "Worst")}.get(len(seen), ("Best", "Median", "Worst"))
    ranks = np.linspace(0, len(seen) - 1, len(choices)).astype(np.int64)
    chosen = dict(zip(falling[ranks].tolist(), choices, strict=True))
    spread = np.ptp(f1[seen], axis=1)
    if spread.max() > 0:
        chosen.setdefault(int(seen[spread.argmax()]), "Runs differ most")
    weight = np.sum([v.counts.sum(axis=1) for v in verdicts], axis=0)
    return [
        Clip(choice, videos[i], *_excerpt(weight[videos[i].places], longest), tuple(f1[i].tolist()))
        for i, choice in chosen.items()
    ]


def series_of(videos: Sequence[Video], images: int) -> NDArray[np.int64]:
    """A number for each of I pictures: int64 [I], equal for the frames of one video alone."""
    series = np.arange(images)
    for video in videos:
        series[video.places] = video.places[0]
    return series


def _video_f1(verdicts: Verdicts, video: Video) -> float:
    return float(f1_score(verdicts.counts[video.places].sum(axis=0, keepdims=True))[0])


def _excerpt(weight: NDArray[np.int64], longest: int) -> tuple[int, int]:
    """Start and length of the consecutive frames with the highest sum; of equals the first."""
    length = min(len(weight), longest)
    total = np.cumsum(np.concatenate([[0], weight]))
    return int(np.argmax(total[length:] - total[:-length])), length
