"""What files of solar videos say beside what every data set has: places, times, events."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from datamodules.annotations.coco_annotations import CocoAnnotations
from datamodules.annotations.root_layout import annotation_files

Row = dict[str, Any]
IMAGE_KEYS = ("time", "obs_time", "valid", "wcs")
BOX_KEYS = (
    *("event", "hpc_base", "height", "hpc_corners", "sigma"),
    *("primary", "uncertain", "generated", "off_limb"),
)
VIDEO_KEYS = ("sol", "event", "start", "cadence", "wavelength")


class SolarRows:
    """The rows of the annotation files of some folders, by the file of the picture.

    Args:
        folders: Each holds pictures, and beside them annotations.json, or train.json and val.json.

    Raises:
        FileNotFoundError: if a folder holds no annotation file.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self._images: dict[Path, Row] = {}
        self._boxes: dict[Path, list[Row]] = defaultdict(list)
        self._videos: dict[Path, Row] = {}
        self._exact = True
        for folder in folders:
            for file in annotation_files(folder).values():
                self._take_in(json.loads(file.path.read_text("utf-8-sig")), file.pictures)

    def image(self, path: Path) -> Row:
        """The entry of a picture."""
        return self._images[path]

    def video(self, path: Path) -> Row:
        """The entry of the video that a picture is a frame of; empty for stills."""
        return self._videos.get(path, {})

    def complete(self, truth: dict[str, Any], data: CocoAnnotations) -> dict[str, Any]:
        """Give a document the keys that it lacks.

        Args:
            truth: `data.ground_truth()`; its rows are changed.
            data: Of the folders that were read.

        Returns:
            `truth`, with `IMAGE_KEYS`, `BOX_KEYS` and `VIDEO_KEYS` where the files have them, and
            `exact_events` in its `info` where all of them say so.
        """
        if self._exact:
            truth["info"]["exact_events"] = "yes"
        videos = {video["id"]: video for video in truth.get("videos", [])}
        for index, image in enumerate(truth["images"]):
            path = data.path(index)
            image |= _chosen(self._images[path], IMAGE_KEYS)
            if path in self._videos and image.get("video_id") in videos:
                videos[image["video_id"]] |= _chosen(self._videos[path], VIDEO_KEYS)
            own = truth["annotations"][data.rows(index)]
            # Reading keeps the order of a picture's boxes, though not always their ids.
            for box, row in zip(own, self._boxes[path], strict=True):
                box |= _chosen(row, BOX_KEYS)
        return truth

    def _take_in(self, document: dict[str, Any], pictures: Path) -> None:
        info = document.get("info")
        self._exact &= isinstance(info, dict) and info.get("exact_events") == "yes"
        by_id = {row["id"]: pictures / row["file_name"] for row in document["images"]}
        videos = {row["id"]: row for row in document.get("videos", [])}
        for row in document["images"]:
            path = by_id[row["id"]]
            self._images[path] = row
            if row.get("video_id") in videos:
                self._videos[path] = videos[row["video_id"]]
        for row in document["annotations"]:
            self._boxes[by_id[row["image_id"]]].append(row)


def _chosen(row: Row, keys: Iterable[str]) -> Row:
    return {key: row[key] for key in keys if row.get(key) is not None}
