"""Boxes of what a picture shows, read off its pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from prepare.drawing.camera import HOUSE_STRIDE, Floats, Patch, Picture
from prepare.drawing.facade import DOOR, WINDOW
from prepare.drawing.house import House
from prepare.drawing.scene import Row

BUILDING = 1
CLASS_NAMES = ("building", "window", "door")
LEAST_VISIBLE = 0.3  # of an object's whole projection
LEAST_SIDE = 4.0  # pixels, once the picture is resized to 300×300


@dataclass(frozen=True)
class VisibleObject:
    """An object or an ignored region: half-open xyxy box around its uncovered pixels in the frame.

    `truncated` says that the frame cuts it, `visible` is the uncovered share of its projection.
    """

    label: int
    box: tuple[int, int, int, int]
    pixels: int
    visible: float
    truncated: bool
    ignore: bool


def visible_objects(picture: Picture, row: Row) -> list[VisibleObject]:
    """All objects of a picture, those of unlabelled houses as ignored regions.

    A window, door or building is demanded when at least `LEAST_VISIBLE` of its projection shows
    and both sides of its box measure `LEAST_SIDE` pixels at 300×300; else it is ignored. An
    unlabelled house is an ignored region of all three classes.
    """
    found: list[VisibleObject] = []
    houses = np.where(picture.covered, 0, picture.codes // HOUSE_STRIDE)
    codes = np.where(picture.covered, 0, picture.codes)
    for number, house in enumerate(row.houses, start=1):
        building = _read(picture, houses == number, BUILDING, _outline(picture, house.front))
        if building is None:
            continue
        if number not in row.labelled:
            found += _ignored(picture, building, house)
            continue
        found.append(building)
        found += _openings(picture, codes, house, number)
    return found


def _openings(
    picture: Picture, codes: npt.NDArray[np.int32], house: House, number: int
) -> list[VisibleObject]:
    found = []
    for k, opening in enumerate(house.openings, start=1):
        x0, y0, x1, y1 = opening.box
        corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
        outline = picture.camera.project(house.front.points(corners))
        seen = _read(picture, codes == number * HOUSE_STRIDE + k, opening.label, outline)
        if seen is not None:
            found.append(seen)
    return found


def _outline(picture: Picture, patch: Patch) -> Floats:
    return picture.camera.project(patch.outline())


def _read(
    picture: Picture, mask: npt.NDArray[np.bool_], label: int, outline: Floats
) -> VisibleObject | None:
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    if not width:
        return None
    pixels = int(np.count_nonzero(mask[y : y + height, x : x + width]))
    whole = max(float(cv2.contourArea(outline.astype(np.float32))), 1.0)
    visible = min(pixels / whole, 1.0)
    frame = picture.camera.width, picture.camera.height
    cut = bool((outline < -1).any() or (outline > np.array(frame) + 1).any())
    small = min(width * 300 / frame[0], height * 300 / frame[1]) < LEAST_SIDE
    ignore = small or visible < LEAST_VISIBLE
    return VisibleObject(label, (x, y, x + width, y + height), pixels, visible, cut, ignore)


def _ignored(picture: Picture, building: VisibleObject, house: House) -> list[VisibleObject]:
    """An unlabelled house as ignored regions: all of it a building, its front window and door.

    Side walls and roofs have no windows, but reach far over the labelled houses beside.
    """
    found = [replace(building, ignore=True)]
    flat = _outline(picture, house.front)
    x0, y0, x1, y1 = building.box
    left, top = np.floor(flat.min(axis=0)).astype(int)
    right, low = np.ceil(flat.max(axis=0)).astype(int)
    box = max(x0, int(left)), max(y0, int(top)), min(x1, int(right)), min(y1, int(low))
    if box[0] < box[2] and box[1] < box[3]:
        pixels = (box[2] - box[0]) * (box[3] - box[1])
        for label in (WINDOW, DOOR):
            found.append(replace(building, label=label, box=box, pixels=pixels, ignore=True))
    return found
