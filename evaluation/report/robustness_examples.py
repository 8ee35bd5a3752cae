"""One picture under every distortion, with what the detector made of it, for the report."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.conditions import CLEAN, Condition, words
from evaluation.drawing import Picture
from evaluation.report.gallery import as_jpeg, scaled, verdict_picture
from evaluation.summary import Evaluation
from evaluation.verdicts import judge

SIDE = 224  # pixels, twice as wide as it is shown on a large screen
BUDGET = 600_000  # bytes of JPEG, taken from what the report's gallery may weigh
SETTINGS = ((224, 75), (224, 55), (176, 50), (136, 45), (96, 30))


@dataclass(frozen=True, slots=True)
class Example:
    """The example picture at one condition.

    Attributes:
        condition: its kind and level.
        picture: uint8 [H, W, 3], RGB, small, with the boxes drawn.
        correct: objects found.
        missed: objects not found.
        false: false alarms.
    """

    condition: Condition
    picture: Picture
    correct: int
    missed: int
    false: int


def choose_example(clean: Evaluation) -> int:
    """The id of a picture worth following: many objects found while the pictures are clean.

    A picture in which much is found has much to lose. Of pictures with up to a dozen objects
    found, the one with the most, less its errors; more would not be told apart when small.

    Raises:
        ValueError: if nothing was judged.
    """
    verdicts = judge(clean.matches, clean.thresholds())
    ids = clean.matches.truth.image_ids
    if not len(ids):
        raise ValueError("there is no picture to show: none was judged")
    correct, missed, false = verdicts.counts.T
    return int(ids[np.argmax(np.minimum(correct, 12) - missed - false)])


def condition_example(
    condition: str, evaluation: Evaluation, image_id: int, picture: Picture
) -> Example:
    """Draw the example picture at one condition, with the boxes found, missed and wrong.

    Args:
        condition: its name.
        evaluation: of that condition; its thresholds say which detections are kept.
        image_id: of the picture.
        picture: uint8 [H, W, 3], RGB, already distorted.

    Raises:
        ValueError: if the evaluation has not judged that picture, or the name is no condition.
    """
    known = np.flatnonzero(evaluation.matches.truth.image_ids == image_id)
    if not len(known):
        raise ValueError(f"{condition}: image {image_id} was not judged there")
    verdicts = judge(evaluation.matches, evaluation.thresholds())
    place = int(known[0])
    drawn = verdict_picture(picture, verdicts, place, SIDE, tags=False)
    return Example(Condition.from_name(condition), drawn, *verdicts.counts[place].tolist())


def example_strips(examples: Sequence[Example]) -> tuple[list[dict[str, Any]], int]:
    """The examples for the report's template, small enough for its budget.

    Returns:
        A strip a kind, `label` and `shots`, the clean picture before the JPEG ladder; and their
        weight in bytes of JPEG.
    """
    jpegs: list[bytes] = []
    for side, quality in SETTINGS:
        jpegs = [as_jpeg(_at_most(example.picture, side), quality) for example in examples]
        if sum(map(len, jpegs)) <= BUDGET:
            break
    ladder = any(example.condition.kind == "jpeg" for example in examples)
    first = "clean and JPEG qualities" if ladder else "clean"
    strips: dict[str, list[dict[str, Any]]] = {}
    for example, jpeg in sorted(zip(examples, jpegs, strict=True), key=_ladder_first):
        kind = example.condition.kind
        label = first if kind in (CLEAN, "jpeg") else words(kind)
        strips.setdefault(label, []).append(_shot(example, jpeg))
    listed = [{"label": label, "shots": shots} for label, shots in strips.items()]
    return listed, sum(map(len, jpegs))


def _ladder_first(pair: tuple[Example, bytes]) -> tuple[int, int]:
    """Clean, the ladder from its highest quality, then the corruptions as they came."""
    condition = pair[0].condition
    if condition.kind == CLEAN:
        return 0, 0
    return (1, -condition.level) if condition.kind == "jpeg" else (2, 0)


def _at_most(picture: Picture, side: int) -> Picture:
    return picture if max(picture.shape[:2]) <= side else scaled(picture, side)[0]


def _shot(example: Example, jpeg: bytes) -> dict[str, Any]:
    height, width = example.picture.shape[:2]
    condition = example.condition
    captions = {CLEAN: "clean", "jpeg": f"q {condition.level}"}
    return {
        "jpeg": base64.b64encode(jpeg).decode(),
        "height": height,
        "width": width,
        "caption": captions.get(condition.kind, str(condition.level)),
        "name": condition.name,
        "correct": example.correct,
        "missed": example.missed,
        "false": example.false,
    }
