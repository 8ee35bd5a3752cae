"""Clips of videos as animations for the report: every frame a small picture, played by the page."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from evaluation.drawing import Picture
from evaluation.report.clips import LONGEST, Clip
from evaluation.report.gallery import scaled
from evaluation.report.verdict_drawing import CORRECT, FALSE_ALARM, MISSED, draw_verdicts
from evaluation.verdicts import Verdicts

SIDE = 320  # pixels of the longest side
CLIP_BUDGET = 1_600_000  # bytes of WebP; base64 adds a third
SETTINGS = (  # longest side, quality, frames a clip
    (SIDE, 75, LONGEST),
    (SIDE, 55, LONGEST),
    (256, 50, LONGEST),
    (192, 45, LONGEST),
    (144, 30, LONGEST),
    (144, 30, 24),
    (144, 30, 8),
)


@dataclass(frozen=True, slots=True)
class Animation:
    """What the report's template needs to play clips.

    Attributes:
        clips: of `animated_clips`.
        script: plays them with buttons and sliders; a style sheet does where scripts are off.
        rate: frames a second.
        longest: frames that are shown of a video, at most.
    """

    clips: list[dict[str, Any]]
    script: str
    rate: int = 10
    longest: int = LONGEST

    @property
    def script_hash(self) -> str:
        """SHA-256 in base64, by which the page's policy lets this script run and no other."""
        return base64.b64encode(hashlib.sha256(self.script.encode()).digest()).decode()

    @property
    def lengths(self) -> list[int]:
        """The numbers of frames that occur."""
        return sorted({len(clip["frame_ids"]) for clip in self.clips})


def animated_clips(
    clips: Sequence[Clip],
    verdicts: Mapping[str, Verdicts],
    picture: Callable[[int], Picture],
    budget: int = CLIP_BUDGET,
) -> list[dict[str, Any]]:
    """Clips for the report's template, small enough for its budget.

    A frame is a WebP of its own, which a page can stop at and play without a script. It takes
    half as much as JPEG, and hardly more than an animated WebP, at which no page can stop;
    docs/evaluate.md has the measurement.

    Args:
        clips: to draw.
        verdicts: run name -> verdicts on the same truth.
        picture: image id -> uint8 [H, W, 3], RGB; called once for each frame.
        budget: bytes of WebP.

    Returns:
        A dict a clip: `choice`, `video`, `frame_ids` of those shown, `of` (frames of the video),
        `ratio` (width by height) and `reels`, one a run: `run`, `f1`, `width`, `height`,
        `frames`.

    Raises:
        ValueError: if so many runs are compared that their clips cannot be kept small.
    """
    ids = next(iter(verdicts.values())).matches.truth.image_ids
    places = sorted({int(place) for clip in clips for place in clip.places})
    small = {place: scaled(picture(int(ids[place])), SIDE) for place in places}
    for side, quality, length in SETTINGS:
        shown = [clip.at_most(length) for clip in clips]
        webps = _encode(shown, verdicts, small, side, quality, budget)
        if webps is not None:
            return [_clip(clip, verdicts, small, webps) for clip in shown]
    raise ValueError(
        f"clips of {len(verdicts)} runs side by side do not fit {budget:,} bytes; compare fewer"
    )


def as_webp(picture: Picture, quality: int) -> bytes:
    """A picture (uint8 [H, W, 3], RGB) as a WebP file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "WEBP", quality=quality)
    return buffer.getvalue()


def _encode(
    clips: Sequence[Clip],
    verdicts: Mapping[str, Verdicts],
    small: Mapping[int, tuple[Picture, float]],
    side: int,
    quality: int,
    budget: int,
) -> dict[tuple[str, int], bytes] | None:
    """Every frame of every run, drawn; None as soon as that is more than the budget."""
    webps: dict[tuple[str, int], bytes] = {}
    weight = 0
    for place in sorted({int(place) for clip in clips for place in clip.places}):
        stored, first_scale = small[place]
        frame, scale = (stored, 1.0) if side == SIDE else scaled(stored, side)
        for run, verdict in verdicts.items():
            named = (CORRECT, MISSED, FALSE_ALARM)
            drawn = draw_verdicts(frame, verdict, place, first_scale * scale, named)
            webps[run, place] = as_webp(drawn, quality)
            weight += len(webps[run, place])
            if weight > budget:
                return None
    return webps


def _clip(
    clip: Clip,
    verdicts: Mapping[str, Verdicts],
    small: Mapping[int, tuple[Picture, float]],
    webps: Mapping[tuple[str, int], bytes],
) -> dict[str, Any]:
    height, width = small[int(clip.places[0])][0].shape[:2]

    def frame(run: str, place: int, frame_id: int) -> dict[str, Any]:
        correct, missed, false = verdicts[run].counts[place].tolist()
        return {
            "webp": base64.b64encode(webps[run, place]).decode(),
            "tally": f"Frame {frame_id}: {correct} correct, {missed} missed, {false} false",
        }

    shown = list(zip(clip.places.tolist(), clip.frame_ids.tolist(), strict=True))
    reels = [
        {"run": run, "f1": f1, "width": width, "height": height,
         "frames": [frame(run, place, frame_id) for place, frame_id in shown]}
        for run, f1 in zip(verdicts, clip.f1, strict=True)
    ]  # fmt: skip
    return {
        "choice": clip.choice,
        "video": clip.video.name,
        "frame_ids": clip.frame_ids.tolist(),
        "of": len(clip.video.places),
        "ratio": width / height,
        "reels": reels,
    }
