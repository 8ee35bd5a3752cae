"""Boxes in the colour of their verdict: correct, missed, false."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from evaluation.drawing import Colour, Picture, draw_boxes
from evaluation.verdicts import Verdicts

CORRECT: Colour = (86, 180, 233)
MISSED: Colour = (240, 228, 66)
FALSE_ALARM: Colour = (213, 94, 0)


def draw_verdicts(
    picture: Picture, verdicts: Verdicts, place: int, scale: float, named: Collection[Colour]
) -> Picture:
    """As `verdict_picture`, on a picture that is scaled already.

    Args:
        picture: uint8 [H, W, 3], RGB.
        verdicts: of the whole set.
        place: of the picture in `image_ids`.
        scale: pixels of the picture a pixel of the frame as stored.
        named: the verdicts (`CORRECT`, `MISSED`, `FALSE_ALARM`) whose boxes have tags.
    """
    truth, found = verdicts.matches.truth, verdicts.matches.detections
    names, drawn = truth.class_names, picture
    right = np.flatnonzero(verdicts.correct & (found.image == place))
    wrong = np.flatnonzero(verdicts.false_alarm & (found.image == place))
    missed = np.flatnonzero(verdicts.missed & (truth.image == place))
    for boxes, category, scores, colour in (
        (found.boxes[right], found.category[right], None, CORRECT),
        (truth.boxes[missed], truth.category[missed], None, MISSED),
        (found.boxes[wrong], found.category[wrong], found.scores[wrong], FALSE_ALARM),
    ):
        drawn = draw_boxes(
            drawn,
            boxes * scale,
            category + 1,
            names,
            scores,
            colour,
            dashed=colour == MISSED,
            tags=colour in named,
            # A false alarm often stands on what was missed, and has its tag above.
            below=colour == MISSED,
        )
    return drawn
