"""What the predictor sees of a picture: crops in native resolution, the whole picture resized."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Kind = Literal["crops", "resized", "both"]
# JPEG codes blocks of 8 x 8, and with chroma 4:2:0 units of 16 x 16. Crops that begin elsewhere
# show the grid at another phase; resizing wipes it out.
GRID = 16
MOST_CROPS = 5
# ImageNet's, as published backbones expect.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class Views(nn.Module):
    """Cuts pictures into views of one size, on their device.

    In evaluation the crops lie in the middle and in the corners; in training they lie anywhere on
    the grid of JPEG and each view may be mirrored. Nothing else is changed: colours, scale and
    another compression would change what the label says.

    Args:
        kind: 'crops' in native resolution, the picture 'resized' (and squeezed to a square), or
            'both'.
        size: side of a view in pixels.
        crops: of a picture, in evaluation.
        train_crops: of a picture, in training.

    Raises:
        ValueError: if `kind` is none of these, `size` no multiple of 16, or there would be no or
            more than 5 crops.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, kind: Kind, size: int, crops: int, train_crops: int) -> None:
        super().__init__()
        if kind not in ("crops", "resized", "both"):
            raise ValueError(f"views: must be crops, resized or both, got {kind!r}")
        if size < GRID or size % GRID:
            raise ValueError(f"view_size: must be a multiple of {GRID}, got {size}")
        if not (1 <= crops <= MOST_CROPS and 1 <= train_crops <= MOST_CROPS):
            raise ValueError(
                f"crops and train_crops: must be 1 to {MOST_CROPS}, got {crops} and {train_crops}"
            )
        self.kind = kind
        self.size = size
        self.crops = crops
        self.train_crops = train_crops
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(STD)[:, None, None], persistent=False)

    def forward(self, pictures: Sequence[Tensor]) -> Tensor:
        """Views of pictures.

        Args:
            pictures: N of uint8 [3, H, W] RGB, of any sizes. One that is smaller than a view is
                continued by its last rows and columns.

        Returns:
            float32 [N, V, 3, size, size], normalised.
        """
        return torch.stack([self._views_of(picture) for picture in pictures])

    def _views_of(self, picture: Tensor) -> Tensor:
        views = []
        if self.kind != "resized":
            views += self._crops_of(picture)
        if self.kind != "crops":
            views.append(
                F.interpolate(
                    picture[None].float(),
                    (self.size, self.size),
                    mode="bilinear",
                    antialias=True,
                    align_corners=False,
                )[0]
            )
        stacked = torch.stack([view.float() for view in views])
        if self.training:
            mirrored = torch.rand(len(stacked)) < 0.5
            stacked[mirrored] = stacked[mirrored].flip(-1)
        return (stacked / 255 - self.mean) / self.std

    def _crops_of(self, picture: Tensor) -> list[Tensor]:
        below = max(0, self.size - picture.shape[1])
        right = max(0, self.size - picture.shape[2])
        if below or right:
            # In float, for PyTorch pads no bytes by repetition.
            picture = F.pad(picture[None].float(), (0, right, 0, below), mode="replicate")[0]
        rows, columns = ((side - self.size) // GRID for side in picture.shape[1:])
        return [
            picture[:, y : y + self.size, x : x + self.size]
            for y, x in self._corners(rows, columns)
        ]

    def _corners(self, rows: int, columns: int) -> list[tuple[int, int]]:
        """Upper left corners in pixels, multiples of `GRID`; the last ones in units are given."""
        if self.training:
            ys = torch.randint(rows + 1, (self.train_crops,)).tolist()
            xs = torch.randint(columns + 1, (self.train_crops,)).tolist()
            places = list(zip(ys, xs, strict=True))
        else:
            middle = (rows // 2, columns // 2)
            corners = [(0, 0), (rows, columns), (0, columns), (rows, 0)]
            places = [middle, *corners][: self.crops]
        return [(GRID * y, GRID * x) for y, x in places]
