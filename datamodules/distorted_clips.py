"""Distortions as training augmentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from datamodules.coco_dataset import ClipAugmentation
from datamodules.distortions import Distortion, distort, distortions_of
from structures import Target

_DISTORTION_STREAM = 1


class DistortedClips:
    """Distorts a share of the training clips, then hands all of them on.

    One draw serves all frames of a clip: the same kind, level and noise. Kinds are drawn with
    equal chances whatever the number of their levels. Boxes stay as they are.

    Args:
        distortions: kind -> levels, see `distortions_of`.
        p: the probability of a distortion.
        then: the augmentation that the clip gets afterwards, or None.

    Raises:
        ValueError: if a kind or level does not exist, or an argument is out of range.
    """

    def __init__(
        self,
        distortions: Mapping[str, Sequence[int]],
        p: float,
        then: ClipAugmentation | None = None,
    ) -> None:
        try:
            chosen = distortions_of(distortions)
        except ValueError as error:
            raise ValueError(f"datamodule.augmentation.distortions: {error}") from error
        self._levels: dict[str, list[Distortion]] = {}
        for distortion in chosen:
            self._levels.setdefault(distortion.kind, []).append(distortion)
        if not 0 <= p <= 1:
            raise ValueError(f"datamodule.augmentation.p must be from 0 to 1, got {p}")
        self._p = p
        self._then = then

    def __call__(
        self, frames: Sequence[NDArray[np.uint8]], targets: list[Target], seed: Sequence[int]
    ) -> tuple[NDArray[np.uint8], list[Target]]:
        """Augment a clip.

        Args:
            frames: T frames of one size, uint8 [H, W, 3] RGB.
            targets: T targets.
            seed: whole numbers; the same ones give the same result.

        Returns:
            The frames uint8 [T, H', W', 3] and their targets.
        """
        # A stream of its own: what follows draws the same with and without distortions.
        stream = np.random.SeedSequence(list(seed), spawn_key=(_DISTORTION_STREAM,))
        generator = np.random.default_rng(stream)
        if generator.random() < self._p:
            levels = list(self._levels.values())[generator.integers(len(self._levels))]
            distortion = levels[generator.integers(len(levels))]
            # In the place of an image id, so that a picture is distorted otherwise in each epoch.
            draw = int(generator.integers(2**31))
            frames = [distort(frame, distortion, draw) for frame in frames]
        if self._then is not None:
            return self._then(frames, targets, seed)
        return np.stack(frames), targets
