"""Crops on JPEG's grid, and the whole picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from utility.views import MEAN, STD, Views


def pixels(views: torch.Tensor) -> torch.Tensor:
    """Views without their normalisation: float [V, 3, S, S]."""
    return 255 * (views * torch.tensor(STD)[:, None, None] + torch.tensor(MEAN)[:, None, None])


def numbered(height: int, width: int) -> torch.Tensor:
    """A picture whose first two planes are the row and the column."""
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([rows, columns, 0 * rows]).to(torch.uint8)


def corners(views: torch.Tensor) -> list[tuple[int, int]]:
    found = pixels(views).round().long()
    return [(int(view[0].min()), int(view[1].min())) for view in found]


def test_crops_lie_in_the_middle_and_the_corners_on_multiples_of_sixteen() -> None:
    views = Views("crops", 64, crops=5, train_crops=1).eval()
    (found,) = views([numbered(170, 250)])
    assert corners(found) == [(48, 80), (0, 0), (96, 176), (0, 176), (96, 0)]


def test_crops_show_the_pixels_as_they_are() -> None:
    picture = torch.randint(0, 256, (3, 80, 90), dtype=torch.uint8)
    (found,) = Views("crops", 64, crops=2, train_crops=1).eval()([picture])
    assert torch.allclose(pixels(found)[1], picture[:, :64, :64].float(), atol=1e-3)


def test_crops_of_training_are_on_the_grid_and_mirrored_half_the_time() -> None:
    torch.manual_seed(1)
    views = Views("crops", 32, crops=1, train_crops=4).train()
    found = pixels(torch.cat([v for _ in range(30) for v in views([numbered(90, 120)])])).round()
    assert {int(v) % 16 for v in found[:, 0].flatten(1).min(1).values} == {0}
    assert {int(v) % 16 for v in found[:, 1].flatten(1).min(1).values} == {0}
    mirrored = (found[:, 1, 0, 0] > found[:, 1, 0, -1]).float().mean()
    assert 0.3 < mirrored < 0.7


@pytest.mark.parametrize(("kind", "count"), [("crops", 3), ("resized", 1), ("both", 4)])
def test_the_switch_chooses_what_is_seen(kind: str, count: int) -> None:
    views = Views(kind, 48, crops=3, train_crops=1).eval()  # type: ignore[arg-type]
    pictures = [numbered(100, 200), numbered(20, 30)]
    assert views(pictures).shape == (2, count, 3, 48, 48)


def test_a_small_picture_is_continued_by_its_edge() -> None:
    (found,) = Views("crops", 48, crops=1, train_crops=1).eval()([numbered(20, 30)])
    shown = pixels(found)[0].round()
    assert np.array_equal(shown[0, :, 0], np.minimum(np.arange(48), 19))
    assert np.array_equal(shown[1, 0], np.minimum(np.arange(48), 29))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tiles", 64, 1, 1), "must be crops, resized or both, got 'tiles'"),
        (("crops", 100, 1, 1), "must be a multiple of 16, got 100"),
        (("crops", 64, 6, 1), "must be 1 to 5, got 6 and 1"),
    ],
)
def test_what_cannot_be_cut_is_told(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Views(*arguments)
