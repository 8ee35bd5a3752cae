"""The annotations of a data set in flat arrays: 120,000 pictures take tens of megabytes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from structures import ClassList

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class CocoAnnotations:
    """I pictures with N annotations, sorted by picture; as `read_coco` checked them.

    Pictures may be frames of V videos.

    Attributes:
        classes: labels 1..C with their names and category ids.
        roots: the folders that hold the pictures.
        root_index: int16 [I], each picture's place in `roots`.
        image_ids: int64 [I], unique.
        file_names: I paths relative to their root, as in the file.
        widths: int64 [I], pixels.
        heights: int64 [I], pixels.
        groups: I names of what a picture must not be split from (building, video), or None.
        videos: V names.
        video_index: int64 [I], each picture's place in `videos`; -1 for stills.
        frame_ids: int64 [I], unique in a video, whose frames they order.
        times: float64 [I], seconds since the start of the video; NaN for stills.
        offsets: int64 [I + 1]; annotations `offsets[i]:offsets[i + 1]` belong to picture i.
        annotation_ids: int64 [N], unique.
        boxes_xywh: float64 [N, 4], pixels, exactly as in the file.
        labels: int64 [N], 1..C.
        area: float64 [N], px², as in the file; box area where the file has none.
        iscrowd: bool [N].
        ignore: bool [N].
        track_ids: int64 [N], one number an object over the frames of a video; -1 for none.
    """

    classes: ClassList
    roots: tuple[Path, ...]
    root_index: NDArray[np.int16]
    image_ids: NDArray[np.int64]
    file_names: tuple[str, ...]
    widths: NDArray[np.int64]
    heights: NDArray[np.int64]
    groups: tuple[str | None, ...]
    videos: tuple[str, ...]
    video_index: NDArray[np.int64]
    frame_ids: NDArray[np.int64]
    times: NDArray[np.float64]
    offsets: NDArray[np.int64]
    annotation_ids: NDArray[np.int64]
    boxes_xywh: NDArray[np.float64]
    labels: NDArray[np.int64]
    area: NDArray[np.float64]
    iscrowd: NDArray[np.bool_]
    ignore: NDArray[np.bool_]
    track_ids: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.image_ids)

    def path(self, index: int) -> Path:
        """Where picture `index` lies."""
        return self.roots[self.root_index[index]] / self.file_names[index]

    def rows(self, index: int) -> slice:
        """The annotations of picture `index`."""
        return slice(int(self.offsets[index]), int(self.offsets[index + 1]))

    def boxes(self, index: int) -> NDArray[np.float32]:
        """The boxes of picture `index`: float32 [n, 4], xyxy pixels, clipped to the frame."""
        size = (float(self.widths[index]), float(self.heights[index]))
        return clipped_xyxy(self.boxes_xywh[self.rows(index)], *size)

    def all_boxes(self) -> NDArray[np.float32]:
        """The boxes of all pictures: float32 [N, 4], xyxy pixels, clipped to their frames."""
        of_image = self.image_of_annotation()
        return clipped_xyxy(self.boxes_xywh, self.widths[of_image], self.heights[of_image])

    def image_of_annotation(self) -> NDArray[np.int64]:
        """Each annotation's picture: int64 [N], 0..I-1."""
        return np.repeat(np.arange(len(self), dtype=np.int64), np.diff(self.offsets))

    def frames_by_video(self) -> list[NDArray[np.int64]]:
        """The pictures of each video in the order of time; a still is a video of its own.

        Videos come in the order of their first pictures, so stills alone come as they stand.
        """
        if not len(self):
            return []
        still = self.video_index < 0
        own = np.where(still, len(self.videos) + np.arange(len(self)), self.video_index)
        _, first, inverse = np.unique(own, return_index=True, return_inverse=True)
        start = first[inverse]
        order = np.lexsort([self.frame_ids, start])
        return np.split(order, np.flatnonzero(np.diff(start[order])) + 1)

    def subset(self, indices: Sequence[int] | NDArray[np.int64]) -> CocoAnnotations:
        """These pictures only, in this order, with their annotations."""
        index = np.asarray(indices, dtype=np.int64)
        counts = np.diff(self.offsets)[index]
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        # Row k of picture i moves from offsets[i] + k to its place in the new order.
        shift = np.repeat(self.offsets[index] - offsets[:-1], counts)
        rows = np.arange(offsets[-1]) + shift
        return replace(
            self,
            root_index=self.root_index[index],
            image_ids=self.image_ids[index],
            file_names=tuple(self.file_names[i] for i in index),
            widths=self.widths[index],
            heights=self.heights[index],
            groups=tuple(self.groups[i] for i in index),
            video_index=self.video_index[index],
            frame_ids=self.frame_ids[index],
            times=self.times[index],
            offsets=offsets,
            annotation_ids=self.annotation_ids[rows],
            boxes_xywh=self.boxes_xywh[rows],
            labels=self.labels[rows],
            area=self.area[rows],
            iscrowd=self.iscrowd[rows],
            ignore=self.ignore[rows],
            track_ids=self.track_ids[rows],
        )

    def ground_truth(self) -> dict[str, Any]:
        """A complete COCO document with the category ids of the file, as pycocotools reads it.

        Videos are numbered from 1; their frames have `video_id` and `frame_id`, pictures that
        belong together `group`, and annotations that are tracked `track_id`.
        """
        videos = [{"id": i, "name": name} for i, name in enumerate(self.videos, start=1)]
        return {
            "info": {},
            **({"videos": videos} if videos else {}),
            "images": self._image_rows(),
            "annotations": self._annotation_rows(),
            "categories": [
                {"id": category_id, "name": name}
                for name, category_id in zip(
                    self.classes.names, self.classes.category_ids, strict=True
                )
            ],
        }

    def _image_rows(self) -> list[dict[str, Any]]:
        columns = (self.image_ids, self.widths, self.heights)
        rows = [
            {"id": image_id, "file_name": file_name, "width": width, "height": height}
            for file_name, image_id, width, height in zip(
                self.file_names, *(column.tolist() for column in columns), strict=True
            )
        ]
        for i in np.flatnonzero(self.video_index >= 0).tolist():
            video_id, frame_id = int(self.video_index[i]) + 1, int(self.frame_ids[i])
            rows[i] |= {"video_id": video_id, "frame_id": frame_id}
        for row, group in zip(rows, self.groups, strict=True):
            if group is not None:
                row["group"] = group
        return rows

    def _annotation_rows(self) -> list[dict[str, Any]]:
        category_ids = np.array((0, *self.classes.category_ids))[self.labels]
        columns = {
            "id": self.annotation_ids,
            "image_id": self.image_ids[self.image_of_annotation()],
            "category_id": category_ids,
            "bbox": self.boxes_xywh,
            "area": self.area,
            "iscrowd": self.iscrowd.astype(int),
            "ignore": self.ignore.astype(int),
        }
        lists = [column.tolist() for column in columns.values()]
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)]
        for i in np.flatnonzero(self.track_ids >= 0).tolist():
            rows[i]["track_id"] = int(self.track_ids[i])
        return rows


def clipped_xyxy(
    boxes_xywh: NDArray[np.float64],
    widths: NDArray[np.int64] | float,
    heights: NDArray[np.int64] | float,
) -> NDArray[np.float32]:
    """Boxes as float32 [N, 4] xyxy, moved onto their frames where rounding took them over.

    Args:
        boxes_xywh: float64 [N, 4], pixels.
        widths: of the frames in pixels, one or [N].
        heights: of the frames in pixels, one or [N].
    """
    x1, y1, w, h = boxes_xywh.T
    x1c, x2c = np.clip(x1, 0, widths), np.clip(x1 + w, 0, widths)
    y1c, y2c = np.clip(y1, 0, heights), np.clip(y1 + h, 0, heights)
    return np.stack([x1c, y1c, x2c, y2c], axis=1).astype(np.float32)


def concatenate(parts: Sequence[CocoAnnotations]) -> CocoAnnotations:
    """Join data sets of equal class names into one; labels must already agree.

    Ids that occur in two parts are all numbered anew from 1. Category ids are the first part's.
    """
    if len(parts) == 1:
        return parts[0]
    roots = list(dict.fromkeys(root for part in parts for root in part.roots))
    root_index = [
        np.array([roots.index(root) for root in part.roots], dtype=np.int16)[part.root_index]
        for part in parts
    ]
    joined = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in (
            "image_ids", "widths", "heights", "annotation_ids",
            "boxes_xywh", "labels", "area", "iscrowd", "ignore", "track_ids", "frame_ids", "times",
        )
    }  # fmt: skip
    for name in ("image_ids", "annotation_ids"):
        if len(np.unique(joined[name])) < len(joined[name]):
            joined[name] = np.arange(1, len(joined[name]) + 1, dtype=np.int64)
            logger.info("%s that several files share are numbered anew", name)
    counts = np.concatenate([np.diff(part.offsets) for part in parts])
    before = np.cumsum([0, *(len(part.videos) for part in parts)])
    video_index = [
        np.where(part.video_index < 0, -1, part.video_index + first)
        for part, first in zip(parts, before, strict=False)
    ]
    return CocoAnnotations(
        classes=parts[0].classes,
        roots=tuple(roots),
        root_index=np.concatenate(root_index),
        file_names=tuple(name for part in parts for name in part.file_names),
        groups=tuple(group for part in parts for group in part.groups),
        videos=tuple(video for part in parts for video in part.videos),
        video_index=np.concatenate(video_index),
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        **joined,
    )
