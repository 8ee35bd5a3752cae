"""Hits and misses of a detector, picture by picture, for the report."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from evaluation.columns import Truth
from evaluation.drawing import Picture
from evaluation.report.verdict_drawing import FALSE_ALARM, MISSED, draw_verdicts
from evaluation.verdicts import Verdicts

PICTURE_BUDGET = 1_900_000  # bytes of JPEG; base64 adds a third, and the page stays under 3 MB
BEST, WORST = 4, 6
NARROWEST = 0.55  # width by height of a shown picture, so that its caption has room


def choose_pictures(
    verdicts: list[Verdicts], best: int, worst: int, series: NDArray[np.int64]
) -> tuple[list[int], list[int]]:
    """The pictures with the highest and the lowest F1, averaged over the runs that are compared.

    Of equals, those with more objects and errors come first. A picture is shown once.

    Args:
        verdicts: of the runs.
        best: how many of the highest, at most.
        worst: how many of the lowest, at most.
        series: [I], equal for frames of one video, of which the best and the worst alone can be
            chosen: the others look the same.

    Returns:
        Places in `image_ids` of the best (first the best) and of the worst (first the worst).
    """
    seen = np.stack([v.f1 for v in verdicts])
    shown = ~np.isnan(seen).all(axis=0)
    places = np.flatnonzero(shown)
    f1 = np.nan_to_num(seen[:, shown], nan=1.0).mean(axis=0)
    weight = np.sum([v.counts for v in verdicts], axis=(0, 2))[shown]
    falling = places[np.lexsort((places, -weight, -f1))]
    rising = places[np.lexsort((places, -weight, f1))]
    half = -(-len(places) // 2)
    chosen = _first_of_series(falling, series)[: min(best, half)]
    others = rising[~np.isin(rising, chosen)]
    return chosen, _first_of_series(others, series)[:worst]


def _first_of_series(places: NDArray[np.int64], series: NDArray[np.int64]) -> list[int]:
    _, first = np.unique(series[places], return_index=True)
    return places[np.sort(first)].tolist()


def verdict_picture(
    picture: Picture, verdicts: Verdicts, place: int, longest_side: int, tags: bool = True
) -> Picture:
    """Draw what was right, missed (dashed) and wrong on one picture.

    The picture is scaled first and drawn on afterwards, so that lines and letters stay crisp.

    Args:
        picture: uint8 [H, W, 3], RGB, the frame as stored.
        verdicts: of the whole set.
        place: of the picture in `image_ids`.
        longest_side: of the answer in pixels.
        tags: name what was missed or wrong.
    """
    small, scale = scaled(picture, longest_side)
    return draw_verdicts(small, verdicts, place, scale, (MISSED, FALSE_ALARM) if tags else ())


def as_jpeg(picture: Picture, quality: int) -> bytes:
    """A picture (uint8 [H, W, 3], RGB) as a JPEG file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()


def scaled(picture: Picture, longest_side: int) -> tuple[Picture, float]:
    """A picture (uint8 [H, W, 3]) with its longest side made so many pixels, and the factor."""
    scale = longest_side / max(picture.shape[:2])
    image = Image.fromarray(picture)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS)), scale


def shot_groups(
    verdicts: Mapping[str, Verdicts],
    truth: Truth,
    picture: Callable[[int], Picture],
    budget: int,
    series: NDArray[np.int64],
) -> list[dict[str, Any]]:
    """The best and the worst pictures for the report's template, within its budget of bytes.

    Args:
        verdicts: run name -> verdicts on the same truth.
        truth: COCO instances dict, for the file names.
        picture: image id -> uint8 [H, W, 3], RGB.
        budget: bytes of JPEG, less than usual where the page shows other pictures too.
        series: of frames of videos, see `choose_pictures`.

    Returns:
        Groups with `title` and `frames`; a frame is a list of one shot for every run.

    Raises:
        ValueError: if so many runs are compared that their pictures cannot be kept small.
    """
    groups = choose_pictures(list(verdicts.values()), BEST, WORST, series)
    ids = next(iter(verdicts.values())).matches.truth.image_ids.tolist()
    names = {image["id"]: image.get("file_name", "") for image in truth["images"]}
    stored = {place: picture(ids[place]) for group in groups for place in group}
    jpegs = _within_budget(verdicts, stored, budget)

    def frame(place: int) -> list[dict[str, Any]]:
        facts = {"file_name": names[ids[place]], **_shape(stored[place])}
        return [
            {"run": run, **facts, **_shot(verdict, place, jpegs[run, place])}
            for run, verdict in verdicts.items()
        ]

    titled = zip(("Best pictures", "Worst pictures"), groups, strict=True)
    return [
        {"title": title, "frames": [frame(p) for p in group]} for title, group in titled if group
    ]


def _shape(picture: Picture) -> dict[str, Any]:
    height, width = picture.shape[:2]
    return {"height": height, "width": width, "ratio": max(width / height, NARROWEST)}


def _shot(verdicts: Verdicts, place: int, jpeg: bytes) -> dict[str, Any]:
    correct, missed, false = verdicts.counts[place].tolist()
    data = base64.b64encode(jpeg).decode()
    return {"jpeg": data, "correct": correct, "missed": missed, "false": false}


def _within_budget(
    verdicts: Mapping[str, Verdicts], stored: Mapping[int, Picture], budget: int
) -> dict[tuple[str, int], bytes]:
    """Every shown picture as JPEG, at the largest of a few sizes that keeps the page small."""
    settings = ((760, 84), (640, 80), (520, 75), (400, 65), (280, 50))
    for longest_side, quality in settings:
        jpegs = {
            (run, place): as_jpeg(verdict_picture(pixels, verdict, place, longest_side), quality)
            for run, verdict in verdicts.items()
            for place, pixels in stored.items()
        }
        if sum(map(len, jpegs.values())) <= budget:
            return jpegs
    raise ValueError(
        f"{len(verdicts)} runs side by side do not fit a report of 3 MB; compare fewer at once"
    )
