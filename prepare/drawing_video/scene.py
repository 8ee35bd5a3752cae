"""A scene with moving and still bodies, and the frames that a shaking camera takes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from prepare.drawing.canvas import Image
from prepare.drawing.materials import fractal_noise
from prepare.drawing_video.look import ASPECT, Look, blend, draw_look, stamp
from prepare.drawing_video.motion import KINDS, RADII, STILL, Motion, draw_motion

CLASS_NAMES = tuple(kind for kind in KINDS if kind != STILL)
SIZE = 160  # pixels of a frame's sides
BODIES = (2, 5)  # in a scene: from, to (exclusive)
FRAMES = (24, 49)  # of a scene: from, to (exclusive)
LEAST_VISIBLE = 0.3  # a body that shows less of itself is neither demanded nor punished
_SHAKE = 2.0  # most pixels that the camera is off, to either side
_EDGE = 4  # pixels that are drawn beyond the frame, for the camera to shake in
_GRAIN = 3.0  # spread of the sensor's noise
# So that no body reaches the frame's border, whose cut would mix place and size.
_MARGIN = RADII[1] * ASPECT[1] ** 0.5 + _SHAKE + 1


@dataclass(frozen=True)
class Body:
    """Something that can be seen; `label` is 1..C, or 0 for a still one, which is background."""

    look: Look
    motion: Motion
    label: int


@dataclass(frozen=True)
class Scene:
    """Bodies from the farthest to the nearest, between a backdrop and what stands before all.

    `backdrop` is uint8 [S, S, 3], `front` uint8 [S, S, 4] with opacity, or None; both are wider
    than the frame. `shake` float64 [T, 2] is by how many pixels the camera moves everything.
    """

    backdrop: Image
    front: Image | None
    bodies: tuple[Body, ...]
    shake: npt.NDArray[np.float64]


@dataclass(frozen=True)
class VisibleBody:
    """A labelled body in a frame: `box` xyxy in pixels encloses the `pixels` that show it."""

    body: int
    label: int
    box: tuple[int, int, int, int]
    pixels: int
    visible: float

    @property
    def ignore(self) -> bool:
        """Whether too little of it shows to demand it."""
        return self.visible < LEAST_VISIBLE


def draw_scene(rng: np.random.Generator) -> Scene:
    """Draw a scene of `FRAMES` frames with `BODIES` bodies, each kind as likely as the others."""
    frames, count = int(rng.integers(*FRAMES)), int(rng.integers(*BODIES))
    low, high = (_MARGIN, _MARGIN), (SIZE - _MARGIN, SIZE - _MARGIN)
    bodies = []
    for number in rng.integers(len(KINDS), size=count):
        motion = draw_motion(KINDS[number], frames, low, high, rng)
        label = 0 if KINDS[number] == STILL else CLASS_NAMES.index(KINDS[number]) + 1
        bodies.append(Body(draw_look(rng), motion, label))
    front = _posts(rng) if rng.random() < 0.4 else None
    return Scene(_backdrop(rng), front, tuple(bodies), _shake(frames, rng))


def film(scene: Scene, rng: np.random.Generator) -> Iterator[tuple[Image, list[VisibleBody]]]:
    """The frames of a scene, one after the other.

    Args:
        scene: what is filmed.
        rng: where the sensor's noise comes from.

    Yields:
        uint8 [SIZE, SIZE, 3] in OpenCV's channel order, and the labelled bodies that it shows.
    """
    for time in range(len(scene.shake)):
        picture = _shifted(scene.backdrop, scene, time)
        codes = np.zeros((SIZE, SIZE), np.uint8)
        whole = []
        for code, body in enumerate(scene.bodies, start=1):
            x, y = body.motion.centres[time] + scene.shake[time]
            radius = float(body.motion.radii[time])
            whole.append(stamp(picture, codes, body.look, (float(x), float(y)), radius, code))
        if scene.front is not None:
            front = _shifted(scene.front, scene, time)
            blend(picture, front[..., :3], front[..., 3])
            codes[front[..., 3] > 127] = 0
        yield _grainy(picture, rng), _visible_bodies(scene, codes, whole)


def _visible_bodies(scene: Scene, codes: Image, whole: list[int]) -> list[VisibleBody]:
    found = []
    for number, (body, pixels) in enumerate(zip(scene.bodies, whole, strict=True)):
        mask = (codes == number + 1).view(np.uint8)
        shown = cv2.countNonZero(mask)
        if not body.label or not shown:
            continue
        x, y, width, height = cv2.boundingRect(mask)
        box = (x, y, x + width, y + height)
        found.append(VisibleBody(number, body.label, box, shown, shown / pixels))
    return found


def _grainy(picture: Image, rng: np.random.Generator) -> Image:
    # The sum of two bytes is noise enough, and faster than normal deviates.
    dice = rng.integers(0, 256, (2, *picture.shape), np.uint8)
    noise = (dice[0].astype(np.float32) + dice[1] - 255) * (_GRAIN / 104.5)
    return np.asarray(np.clip(picture + noise, 0, 255), np.uint8)


def _shifted(layer: Image, scene: Scene, time: int) -> Image:
    """The frame's part of a layer."""
    x, y = scene.shake[time] - _EDGE
    matrix = np.array([[1, 0, x], [0, 1, y]])
    return np.asarray(cv2.warpAffine(layer, matrix, (SIZE, SIZE)), np.uint8)


def _shake(frames: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """A hand's slow wandering, or the stillness of a tripod, float64 [T, 2]."""
    reach = rng.uniform(0, _SHAKE) if rng.random() < 0.5 else 0.0
    time = np.arange(frames)[:, None]
    phase, period = rng.uniform(0, 2 * np.pi, 2), rng.uniform(6, 20, 2)
    return np.asarray(reach * np.sin(2 * np.pi * time / period + phase), np.float64)


def _backdrop(rng: np.random.Generator) -> Image:
    """Something grey and uneven, which no body can be taken for."""
    shape = (SIZE + 2 * _EDGE,) * 2
    tint = rng.uniform(70, 170) + rng.uniform(-12, 12, 3)
    noise = fractal_noise(rng, shape, 48, 5)[..., None]
    return np.asarray(np.clip(tint + rng.uniform(8, 18) * noise, 0, 255), np.uint8)


def _posts(rng: np.random.Generator) -> Image:
    """One or two straight bars before everything, uint8 [S, S, 4]."""
    side = SIZE + 2 * _EDGE
    colour, alpha = _backdrop(rng), np.zeros((side, side), np.uint8)
    for _ in range(int(rng.integers(1, 3))):
        angle = rng.uniform(0, np.pi)
        along = side * np.array([np.cos(angle), np.sin(angle)])
        middle = rng.uniform(0.2, 0.8, 2) * side
        ends = [tuple(int(v) for v in middle + sign * along) for sign in (-1, 1)]
        cv2.line(alpha, ends[0], ends[1], 255, int(rng.integers(6, 13)), cv2.LINE_AA)
    return np.dstack([colour, alpha])
