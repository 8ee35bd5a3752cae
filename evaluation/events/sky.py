"""Where frames lie on the sky: boxes in pixels -> boxes in helioprojective arcsec.

The linear part of the frames' world coordinate systems suffices: the gnomonic projection departs
from it by less than .01″ within 1000″ of the reference pixel, and by less than .05″ in the corners
of the full disk.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.columns import Truth
from evaluation.entries import ids

_KEYS = {"height": 0, "crpix": 2, "crval": 2, "cdelt": 2, "pc": 4}


@dataclass(frozen=True, slots=True, eq=False)
class Sky:
    """The places of I pictures.

    Attributes:
        linear: float64 [I, 2, 2], arcsec along Tx and Ty of a pixel to the right and of one down;
            nan for pictures without a place on the sky.
        corner: float64 [I, 2], Tx and Ty of the upper left corner of the picture.
    """

    linear: NDArray[np.float64]
    corner: NDArray[np.float64]

    def boxes(self, boxes: NDArray[np.float64], frame: NDArray[np.int64]) -> NDArray[np.float64]:
        """The upright boxes on the sky that hold boxes of pictures.

        Args:
            boxes: [N, 4], xyxy pixels.
            frame: int64 [N], the picture of each.

        Returns:
            float64 [N, 4], x0 <= x1 and y0 <= y1 in arcsec, y to the north.
        """
        corners = boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]
        places = np.einsum("nij,nkj->nki", self.linear[frame], corners)
        places += self.corner[frame][:, None]
        return np.concatenate([places.min(axis=1), places.max(axis=1)], axis=1)


def read_sky(truth: Truth, where: str = "truth") -> Sky | None:
    """Read the `wcs` of each picture: `height`, `crpix`, `crval`, `cdelt` in arcsec, `pc`.

    Args:
        truth: COCO instances dict. Pixels count as in FITS: the centre of the lower left is (1, 1).
        where: how messages call it, such as a file name.

    Returns:
        In the order of `TruthColumns.image_ids`; None where no picture has a place on the sky.

    Raises:
        ValueError: if a `wcs` lacks a key or is no coordinate system.
    """
    images = truth["images"]
    if all(image.get("wcs") is None for image in images):
        return None
    linear, corner = np.full((len(images), 2, 2), np.nan), np.full((len(images), 2), np.nan)
    for place, index in enumerate(np.argsort(ids(images, "id", f"{where}: images"))):
        wcs = images[index].get("wcs")
        if wcs is not None:
            name = f"{where}: image {images[index]['id']}"
            linear[place], corner[place] = _linear_part(wcs, name)
    return Sky(linear, corner)


def _linear_part(wcs: Any, where: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """See `Sky`. Rows of FITS count from below, those of pictures from above."""
    values = {key: _numbers(wcs, key, count, where) for key, count in _KEYS.items()}
    by_fits = values["pc"].reshape(2, 2) * values["cdelt"][:, None]
    if abs(np.linalg.det(by_fits)) < 1e-12:
        raise ValueError(f"{where}: 'cdelt' and 'pc' of its wcs span no area: {wcs}")
    linear = by_fits * [1.0, -1.0]
    from_reference = np.array([0.5, values["height"][0] + 0.5]) - values["crpix"]
    return linear, values["crval"] + by_fits @ from_reference


def _numbers(wcs: Any, key: str, count: int, where: str) -> NDArray[np.float64]:
    given = wcs.get(key) if isinstance(wcs, Mapping) else None
    try:
        values = np.array(given, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.array(np.nan)
    if values.shape != ((count,) if count else ()) or not np.isfinite(values).all():
        expected = f"{count} numbers" if count else "a number"
        raise ValueError(f"{where}: expected {expected} as '{key}' of its wcs, got {given!r}")
    return values.reshape(-1)
