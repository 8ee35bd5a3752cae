"""SSD's training augmentation of clips, in albumentations; no other file imports that."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import override

from datamodules.clip_rows import COLUMNS, FRAME, REGION, from_rows, to_rows
from datamodules.crop_window import WindowSampler
from datamodules.visible_part import VisiblePart, boxes_of_whole, fill_around
from structures import Target

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # or the import asks a server for a newer version
import albumentations as A

# Boxes below one pixel are dropped; a little less, for one pixel passes through divisions. Our
# transforms clip boxes themselves, so the slow filter after each transform is not needed.
_BOX_PARAMS = A.BboxParams(
    "albumentations", min_width=0.999, min_height=0.999, check_each_transform=False
)

Array = NDArray[Any]


class CropExpanded(A.DualTransform):
    """Cuts a window out of a virtual canvas around the frame and resizes it, in one step.

    Expansion and IoU-constrained crop only choose the window; pixels are touched once, and the
    canvas, up to 16 times the frame, is never made. The result is the part of the window that
    lies on the frame, see `VisiblePart`; `FillMargin` puts it in its place.

    Args:
        output_size: (height, width) of the whole window in the end; None keeps its size.
        windows: draws the window.
    """

    _targets = (A.core.type_definitions.Targets.IMAGE, A.core.type_definitions.Targets.BBOXES)

    def __init__(self, output_size: tuple[int, int] | None, windows: WindowSampler) -> None:
        super().__init__(p=1.0)
        self.output_size = output_size
        self.windows = windows

    @property
    @override
    def targets(self) -> dict[str, Any]:
        return super().targets | {"margin": self.apply_to_margin}

    @override
    def get_params_dependent_on_data(
        self, params: dict[str, Any], data: dict[str, Any]
    ) -> dict[str, Any]:
        height, width = params["shape"][:2]
        boxes = data["bboxes"]
        objects = boxes[boxes[:, REGION] == 0, :4] * (width, height, width, height)
        window = self.windows(self.random_generator, width, height, objects)
        size = self.output_size or (window[3] - window[1], window[2] - window[0])
        return {"part": VisiblePart(window, (height, width), size)}

    @override
    def apply(self, img: Array, part: VisiblePart, **params: Any) -> Array:
        return part.pixels(img)

    @override
    def apply_to_bboxes(self, bboxes: Array, part: VisiblePart, **params: Any) -> Array:
        height, width = params["shape"][:2]
        pixels = bboxes[:, :4] * (width, height, width, height)
        moved, kept = part.boxes(pixels, always=bboxes[:, REGION] == 1)
        return np.concatenate([moved, bboxes[kept, 4:]], axis=1)

    def apply_to_margin(self, _: Array, part: VisiblePart, **__: Any) -> Array:
        """Tell `FillMargin` where the part belongs."""
        return part.margin


class FillMargin(A.DualTransform):
    """Puts the visible part of a window in its place and fills the rest with one colour.

    Args:
        fill: RGB in 0..255.
    """

    _targets = CropExpanded._targets

    def __init__(self, fill: Sequence[int]) -> None:
        super().__init__(p=1.0)
        self.fill = tuple(fill)

    @override
    def get_params_dependent_on_data(
        self, params: dict[str, Any], data: dict[str, Any]
    ) -> dict[str, Any]:
        return {"margin": data["margin"]}

    @override
    def apply(self, img: Array, margin: Array, **params: Any) -> Array:
        return fill_around(img, margin, self.fill)

    @override
    def apply_to_bboxes(self, bboxes: Array, margin: Array, **params: Any) -> Array:
        boxes = boxes_of_whole(bboxes[:, :4], params["shape"][:2], margin)
        return np.concatenate([boxes, bboxes[:, 4:]], axis=1)


class QuarterTurns(A.RandomRotate90):
    """Turns by 90, 180 or 270 degrees; albumentations' own draws 0 as well."""

    @override
    def get_params(self) -> dict[str, int]:
        return {"factor": self.py_random.randint(1, 3)}


class Augmentation:
    """SSD's recipe: photometric changes, expansion, IoU-constrained crop, flip, resize.

    One draw serves all frames of a clip. For speed the window is cut out and resized first, and
    the colours are changed on the small picture, before the margin is filled: changes of single
    pixels nearly commute with resampling. Unlike in the paper's order, contrast is taken about
    the mean of the visible part instead of the whole frame.

    Args:
        output_size: (height, width) that every clip gets, for instance the detector's input; None
            leaves resizing to the detector, which is right but several times slower.
        brightness: range of the factor.
        contrast: range of the factor.
        saturation: range of the factor.
        hue: range in turns of the colour circle.
        photometric_p: the probability of each of these four; their order is drawn.
        expand_p: the probability of an expansion.
        max_expand: the largest canvas in frame widths and heights.
        fill: RGB in 0..255 around the frame; by default ImageNet's mean.
        min_ious: minimum IoUs of a crop with one box at least; None stands for no crop.
        trials: how many crops are tried for one minimum.
        flip_p: the probability of a horizontal flip.
        vertical_flip_p: the probability of a vertical flip.
        turn_p: the probability of a turn by 90, 180 or 270 degrees.

    Raises:
        ValueError: if an argument is out of its range.
    """

    def __init__(
        self,
        output_size: Sequence[int] | None = None,
        brightness: Sequence[float] = (0.5, 1.5),
        contrast: Sequence[float] = (0.5, 1.5),
        saturation: Sequence[float] = (0.5, 1.5),
        hue: Sequence[float] = (-18 / 360, 18 / 360),
        photometric_p: float = 0.5,
        expand_p: float = 0.5,
        max_expand: float = 4.0,
        fill: Sequence[int] = (124, 116, 104),
        min_ious: Sequence[float | None] = (None, 0.0, 0.1, 0.3, 0.5, 0.7, 0.9),
        trials: int = 50,
        flip_p: float = 0.5,
        vertical_flip_p: float = 0.0,
        turn_p: float = 0.0,
    ) -> None:
        chances = (photometric_p, expand_p, flip_p, vertical_flip_p, turn_p)
        if not all(0 <= p <= 1 for p in chances):
            raise ValueError(
                "augmentation: photometric_p, expand_p, flip_p, vertical_flip_p and turn_p must be "
                f"from 0 to 1, got {chances}"
            )
        size = None if output_size is None else _checked_size(output_size)
        windows = WindowSampler(expand_p, max_expand, tuple(min_ious), trials)
        colours = _colour_changes(photometric_p, brightness, contrast, saturation, hue)
        self._compose = A.Compose(
            [
                # Ahead of all else, so that `output_size` is the size of turned frames too.
                *([QuarterTurns(p=turn_p)] if turn_p else []),
                CropExpanded(size, windows),
                A.RandomOrder(colours, n=len(colours)),
                FillMargin(fill),
                A.HorizontalFlip(p=flip_p),
                *([A.VerticalFlip(p=vertical_flip_p)] if vertical_flip_p else []),
            ],
            bbox_params=_BOX_PARAMS,
            is_check_shapes=False,
        )

    def __call__(
        self, frames: Sequence[NDArray[np.uint8]], targets: list[Target], seed: Sequence[int]
    ) -> tuple[NDArray[np.uint8], list[Target]]:
        """Augment a clip.

        Args:
            frames: T frames of one size, uint8 [H, W, 3] RGB.
            targets: T targets.
            seed: whole numbers; the same ones give the same result.

        Returns:
            The frames uint8 [T, H', W', 3] and their targets. Objects are kept if their centre
            stays visible, clipped to the frame, and dropped below one pixel.
        """
        height, width = frames[0].shape[:2]
        generator = np.random.default_rng(list(seed))
        # Albumentations keeps generators of its own and heeds neither numpy's nor torch's seed.
        self._compose.set_random_state(generator, random.Random(generator.bytes(16)))
        result = self._compose(
            images=frames[0][None] if len(frames) == 1 else np.stack(frames),
            bboxes=to_rows(targets, width, height),
            margin=np.zeros(4, dtype=int),
        )
        # Albumentations forgets the further columns when no box is left.
        images, rows = result["images"], result["bboxes"].reshape(-1, COLUMNS)
        size = (images.shape[2], images.shape[1])
        return images, [
            from_rows(rows[rows[:, FRAME] == frame], target, *size)
            for frame, target in enumerate(targets)
        ]


def _checked_size(size: Sequence[int]) -> tuple[int, int]:
    if not isinstance(size, Sequence) or len(size) != 2 or min(size) < 1:
        raise ValueError(f"augmentation.output_size must be [height, width] in pixels, got {size}")
    return size[0], size[1]


def _colour_changes(p: float, *ranges: Sequence[float]) -> list[A.ColorJitter]:
    """Brightness, contrast, saturation and hue on their own, so that each is drawn by itself."""
    still = ((1, 1), (1, 1), (1, 1), (0, 0))
    return [
        A.ColorJitter(*still[:i], tuple(values), *still[i + 1 :], p=p)
        for i, values in enumerate(ranges)
    ]
