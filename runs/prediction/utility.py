"""Pictures ranked by what they are still worth to detectors, and how far each may be compressed."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from rich.progress import track

from datamodules.distortions import TRAIN_LADDER, Distortion, distort, encode_jpeg
from evaluation.drawing import PAPER, contact_sheet
from runs.prediction.pictures import Frame, read_frames
from structures.atomic_file import write_atomically
from utility.gate import THRESHOLD
from utility.module import UtilityPredictor

Picture = NDArray[Any]

TILE = (200, 240)  # height, width
CAPTION = 22
COLUMNS = 5
SHOWN = 60  # pictures on the sheet; of more, the lowest and the highest half
SHEET_QUALITY = 88


@dataclass(frozen=True, slots=True)
class RankedPicture:
    """What the predictor says of a picture.

    Attributes:
        path: its file.
        size: (height, width).
        score: mean probability over the targets that it is useful.
        useful: probability by target.
        utility: mean relative utility over the targets; None without that head.
        kept: mean share of the objects that detectors still find; likewise.
        lost: mean number of objects that the distortion costs them; likewise.
        lowest_quality: the lowest JPEG quality of the ladder at which, and above which, it stays
            useful; None if it is at none.
        thumbnail: small, for the sheet.
    """

    path: Path
    size: tuple[int, int]
    score: float
    useful: dict[str, float]
    utility: float | None
    kept: float | None
    lost: float | None
    lowest_quality: int | None
    thumbnail: Picture


def rank_pictures(
    predictor: UtilityPredictor,
    pictures: Sequence[Path],
    folder: Path,
    on_bad_image: str,
) -> list[RankedPicture]:
    """Judge pictures as they are and at the qualities of a ladder, and write what was found.

    The ladder is that of the predictor's training, or `TRAIN_LADDER` where it saw no JPEGs. Writes
    utility.csv and contact_sheet.jpg, the least useful first.

    Args:
        predictor: on its device, in eval mode.
        pictures: the files.
        folder: where the two files go.
        on_bad_image: see `read_frames`.

    Raises:
        ValueError: see `read_frames`; or if no picture could be read.
    """
    skipped: list[str] = []
    frames = read_frames(pictures, on_bad_image, skipped)
    qualities = predictor.qualities or TRAIN_LADDER
    ranked = [
        _judge(predictor, frame, qualities)
        for frame in track(frames, description="ranking", total=len(pictures))
        if frame is not None
    ]
    if not ranked:
        raise ValueError(f"none of {len(pictures)} pictures could be read; the first: {skipped[0]}")
    ranked.sort(key=lambda picture: picture.score)
    write_atomically(folder / "utility.csv", _csv(ranked).encode())
    write_atomically(folder / "contact_sheet.jpg", encode_jpeg(_sheet(ranked), SHEET_QUALITY))
    return ranked


def lowest_useful(scores: Sequence[float], qualities: Sequence[int]) -> int | None:
    """The lowest quality from which on all scores reach the threshold; qualities ascend."""
    found = None
    for quality, score in reversed(list(zip(qualities, scores, strict=True))):
        if score < THRESHOLD:
            break
        found = quality
    return found


def _judge(predictor: UtilityPredictor, frame: Frame, qualities: Sequence[int]) -> RankedPicture:
    shown = [frame.picture] + [
        distort(frame.picture, Distortion("jpeg", quality), frame.image_id) for quality in qualities
    ]
    planes = [torch.from_numpy(picture).permute(2, 0, 1) for picture in shown]
    estimates = predictor.estimate([plane.to(predictor.device) for plane in planes])
    scores = estimates.score().cpu().tolist()
    useful = estimates.useful[0].cpu().tolist()
    return RankedPicture(
        frame.path,
        frame.picture.shape[:2],
        scores[0],
        dict(zip(predictor.targets, useful, strict=True)),
        None if estimates.utility is None else float(estimates.utility[0].mean()),
        None if estimates.kept is None else float(estimates.kept[0].mean()),
        None if estimates.lost is None else float(estimates.lost[0].mean()),
        lowest_useful(scores[1:], qualities),
        contact_sheet([frame.picture], 1, TILE, gap=0),
    )


def _csv(ranked: Sequence[RankedPicture]) -> str:
    rows = [
        {
            "rank": rank,
            "file": str(picture.path),
            "height": picture.size[0],
            "width": picture.size[1],
            "score": round(picture.score, 4),
            "useful": int(picture.score >= THRESHOLD),
            "lowest_quality": picture.lowest_quality,
            "utility": _rounded(picture.utility),
            "kept": _rounded(picture.kept),
            "lost": _rounded(picture.lost),
            **{f"useful to {name}": round(p, 4) for name, p in picture.useful.items()},
        }
        for rank, picture in enumerate(ranked, start=1)
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _sheet(ranked: Sequence[RankedPicture]) -> Picture:
    shown = list(ranked)
    if len(shown) > SHOWN:
        shown = [*shown[: SHOWN // 2], *shown[-SHOWN // 2 :]]
    tiles = [_captioned(picture) for picture in shown]
    return contact_sheet(tiles, COLUMNS, (TILE[0] + CAPTION, TILE[1]))


def _captioned(picture: RankedPicture) -> Picture:
    """The thumbnail with its score, the lowest quality, and its name below."""
    tile = Image.new("RGB", (TILE[1], TILE[0] + CAPTION), PAPER)
    tile.paste(Image.fromarray(picture.thumbnail))
    quality = "no q" if picture.lowest_quality is None else f"q {picture.lowest_quality}"
    text = f"{picture.score:.2f}  {quality}  {picture.path.name}"
    draw = ImageDraw.Draw(tile)
    draw.text((4, TILE[0] + 4), text[:44], (40, 40, 40), ImageFont.load_default(12))
    return np.asarray(tile)
