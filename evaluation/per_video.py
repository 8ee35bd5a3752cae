"""AP of each video by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.bootstrap import resampled_scores, sampling_units
from evaluation.coco_matches import coco_matches
from evaluation.columns import ResultColumns, Truth, TruthColumns


@dataclass(frozen=True, slots=True)
class ComparedVideo:
    """A video as several runs see it.

    Attributes:
        name: of the video.
        aps: AP of each run in 0..1, nan without objects.
        best: the highest of them, nan without any.
    """

    name: str
    aps: list[float]
    best: float


def video_precision(
    truth: Truth, columns: TruthColumns, detections: ResultColumns
) -> dict[str, dict[str, float]]:
    """COCO AP on the frames of each video alone, nan where it has no object.

    Matching is done once; a video's AP weighs its frames by 1 and all others by 0.

    Args:
        truth: COCO-VID instances dict.
        columns: made of it.
        detections: joined to `columns`.

    Returns:
        Name of a video (its id where it has none, both where several have the same) -> `map` and
        `map_50`; nothing without videos.
    """
    unit, kind = sampling_units(truth)
    if kind != "videos":
        return {}
    by_id = {image["id"]: image.get("video_id") for image in truth["images"]}
    of_unit = {
        int(number): by_id[image_id]
        for number, image_id in zip(unit, columns.image_ids.tolist(), strict=True)
    }
    matches = coco_matches(truth, columns, detections)
    scores = resampled_scores(matches, unit, np.eye(len(of_unit)))
    listed = _distinct_names(truth, [video for _, video in sorted(of_unit.items())])
    return {
        name: {"map": float(ap), "map_50": float(ap_50)}
        for name, ap, ap_50 in zip(listed, *scores, strict=True)
    }


def _distinct_names(truth: Truth, videos: Sequence[Any]) -> list[str]:
    """What to call videos, given by their ids, so that no two are the same line of a table."""
    given = {video["id"]: video.get("name", video["id"]) for video in truth.get("videos", [])}
    names = [str(given.get(video, video)) for video in videos]
    uses = Counter(names)
    return [
        name if uses[name] == 1 else f"{name} (video {video})"
        for name, video in zip(names, videos, strict=True)
    ]


def compare_videos(runs: Sequence[Mapping[str, Any]], most: int) -> list[ComparedVideo]:
    """The videos on which runs differ most, those first.

    Args:
        runs: of each run, video -> `map`, None where it is not defined.
        most: how many at most.
    """
    lines = []
    for name in runs[0]:
        aps = [np.nan if run[name]["map"] is None else float(run[name]["map"]) for run in runs]
        if not np.isnan(aps).all():
            lines.append(ComparedVideo(name, aps, float(np.nanmax(aps))))
    return sorted(lines, key=lambda line: line.best - np.nanmin(line.aps), reverse=True)[:most]
