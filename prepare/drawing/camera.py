"""A pinhole camera in the street, and the picture that planes are painted into.

World axes in metres: x along the house fronts, y up from the pavement, z from the fronts
(z = 0) towards the street. The camera stands at z > 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from prepare.drawing.canvas import Canvas, Image

Floats = npt.NDArray[np.float64]
NEAR = 0.3  # metres before the camera from which on things are drawn
HOUSE_STRIDE = 256  # code of a pixel = house * stride + opening


@dataclass(frozen=True)
class Patch:
    """A canvas in the world: `origin` is its lower left corner, `right` and `up` metres' steps."""

    canvas: Canvas
    origin: tuple[float, float, float]
    right: tuple[float, float, float] = (1.0, 0.0, 0.0)
    up: tuple[float, float, float] = (0.0, 1.0, 0.0)

    def points(self, corners: Floats) -> Floats:
        """World points [N, 3] of canvas points [N, 2] in metres."""
        steps = np.array([self.right, self.up])
        return np.asarray(np.array(self.origin) + corners @ steps, np.float64)

    def outline(self) -> Floats:
        """World points [4, 3] of the canvas's corners."""
        height, width = (side / self.canvas.ppm for side in self.canvas.shape)
        return self.points(np.array([[0, 0], [width, 0], [width, height], [0, height]], float))


@dataclass(frozen=True)
class Camera:
    """A 3×4 projection with the frame's width and height in pixels."""

    matrix: Floats
    position: tuple[float, float, float]
    width: int
    height: int

    def depths(self, points: Floats) -> Floats:
        """Distances along the optical axis of world points [N, 3]."""
        return np.asarray(points @ self.matrix[2, :3] + self.matrix[2, 3], np.float64)

    def project(self, points: Floats) -> Floats:
        """Frame points [N, 2] in pixels of world points [N, 3] before the camera."""
        flat = points @ self.matrix[:, :3].T + self.matrix[:, 3]
        return np.asarray(flat[:, :2] / flat[:, 2:], np.float64)

    def homography(self, patch: Patch) -> Floats:
        """The 3×3 matrix from canvas pixel indices to frame pixel indices (centres)."""
        plane = np.stack([patch.right, patch.up, patch.origin], axis=1)
        world = np.zeros((4, 3))
        world[:3] = plane
        world[3, 2] = 1
        height, scale = patch.canvas.shape[0], 1 / patch.canvas.ppm
        metres = np.array([[scale, 0, 0.5 * scale], [0, -scale, (height - 0.5) * scale], [0, 0, 1]])
        centre = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
        return np.asarray(centre @ self.matrix @ world @ metres, np.float64)


def aim(
    position: tuple[float, float, float],
    target: tuple[float, float, float],
    roll: float,
    framed: Floats,
    frame: tuple[int, int],
    fill: float,
    shift: tuple[float, float],
) -> Camera:
    """A camera that looks at `target` and whose zoom makes `framed` fill the frame.

    Args:
        position: of the camera, metres.
        target: the point that the optical axis goes through.
        roll: radians, clockwise.
        framed: world points [N, 3] to be framed.
        frame: width and height in pixels.
        fill: the framed points' share of the frame along the tighter side; above 1 cuts them.
        shift: where their middle lies off the frame's, in shares of the frame.
    """
    forward = np.array(target, float) - np.array(position, float)
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, (0.0, 1.0, 0.0))
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    right, down = (
        np.cos(roll) * right + np.sin(roll) * down,
        np.cos(roll) * down - np.sin(roll) * right,
    )
    turn = np.stack([right, down, forward])
    seen = (framed - np.array(position)) @ turn.T
    flat = seen[:, :2] / np.maximum(seen[:, 2:], NEAR)
    low, high = flat.min(axis=0), flat.max(axis=0)
    size = np.array(frame, float)
    focal = fill * float((size / (high - low)).min())
    middle = size / 2 + np.array(shift) * size - focal * (low + high) / 2
    lens = np.array([[focal, 0, middle[0]], [0, focal, middle[1]], [0, 0, 1]])
    matrix = lens @ np.concatenate([turn, -(turn @ np.array(position))[:, None]], axis=1)
    return Camera(np.asarray(matrix, np.float64), position, *frame)


class Picture:
    """Colour, and for every pixel which house and opening it shows and whether that is covered.

    `codes` int32 [H, W] is `house * HOUSE_STRIDE + opening`, 0 where there is no house; houses
    count from 1, opening 0 is wall or roof. `covered` bool [H, W] is true where something in the
    street stands before it. Later planes go over earlier ones.
    """

    def __init__(self, camera: Camera, colour: Image) -> None:
        self.camera = camera
        self.colour = colour
        self.codes: npt.NDArray[np.int32] = np.zeros(colour.shape[:2], np.int32)
        self.covered: npt.NDArray[np.bool_] = np.zeros(colour.shape[:2], bool)

    def paint(self, patch: Patch, house: int = 0) -> None:
        """Paint a plane; with `house` its pixels become that house's, else they cover houses."""
        placed = self._place(patch)
        if placed is None:
            return
        area, matrix = placed
        alpha, colour = self._warp(patch.canvas, matrix, area)
        weight = alpha.astype(np.float32)[..., None] / 255
        under = self.colour[area]
        under[:] = np.rint(under + weight * (colour.astype(np.float32) - under))
        solid = alpha > 127
        self.covered[area][solid] = not house
        if not house:
            return
        size = under.shape[1], under.shape[0]
        openings = cv2.warpPerspective(patch.canvas.openings, matrix, size, flags=cv2.INTER_NEAREST)
        self.codes[area][solid] = house * HOUSE_STRIDE + openings[solid].astype(np.int32)

    def darken(self, patch: Patch, house_only: bool = True) -> None:
        """Cast a shadow: the plane's alpha takes light from the houses' pixels (or from all)."""
        placed = self._place(patch)
        if placed is None:
            return
        area, matrix = placed
        alpha, colour = self._warp(patch.canvas, matrix, area)
        weight = alpha.astype(np.float32)[..., None] / 255
        if house_only:
            weight *= (self.codes[area] > 0)[..., None]
        under = self.colour[area]
        under[:] = np.rint(under * (1 - weight * (1 - colour.astype(np.float32) / 255)))

    def _place(self, patch: Patch) -> tuple[tuple[slice, slice], Floats] | None:
        corners = patch.outline()
        if self.camera.depths(corners).min() < NEAR:
            return None
        flat = self.camera.project(corners)
        x0, y0 = np.maximum(np.floor(flat.min(axis=0)).astype(int) - 1, 0)
        x1, y1 = np.ceil(flat.max(axis=0)).astype(int) + 1
        x1, y1 = min(x1, self.camera.width), min(y1, self.camera.height)
        if x0 >= x1 or y0 >= y1:
            return None
        move = np.array([[1, 0, -x0], [0, 1, -y0], [0, 0, 1]], float)
        return (slice(y0, y1), slice(x0, x1)), move @ self.camera.homography(patch)

    def _warp(
        self, canvas: Canvas, matrix: Floats, area: tuple[slice, slice]
    ) -> tuple[Image, Image]:
        size = area[1].stop - area[1].start, area[0].stop - area[0].start
        layers: npt.NDArray[Any] = cv2.merge([canvas.colour, canvas.alpha])
        # Far planes are shrunk first: bilinear sampling alone would let bricks flicker.
        height, width = canvas.shape
        corners = np.array([[[0, 0]], [[width, 0]], [[width, height]], [[0, height]]], float)
        seen = cv2.contourArea(cv2.perspectiveTransform(corners, matrix).astype(np.float32))
        shrink = float(np.sqrt(seen / (height * width))) * 1.25
        if shrink < 0.8:
            small = max(round(width * shrink), 1), max(round(height * shrink), 1)
            layers = cv2.resize(layers, small, interpolation=cv2.INTER_AREA)
            fx, fy = width / small[0], height / small[1]
            grow = np.array([[fx, 0, 0.5 * fx - 0.5], [0, fy, 0.5 * fy - 0.5], [0, 0, 1]])
            matrix = matrix @ grow
        warped = cv2.warpPerspective(
            layers, matrix, size, flags=cv2.INTER_LINEAR, borderValue=(0, 0, 0, 0)
        )
        # Where the border mixed in black, the colour is un-mixed by the share of canvas in it.
        edge = cv2.warpPerspective(
            layers[..., :3], matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(warped[..., 3], np.uint8), np.asarray(edge, np.uint8)
