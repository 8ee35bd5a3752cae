"""Blurs against slow and plain formulations of the same."""

import math

import cv2
import numpy as np
import pytest

from datamodules.distortions import CORRUPTIONS, EXTRA_CORRUPTIONS, Distortion, distort
from datamodules.distortions.glass_blur import replacement_order
from datamodules.distortions.motion_blur import blur_along_line, line_weights
from datamodules.distortions.random_words import normal_quantiles


def impulse(side: int = 81) -> np.ndarray:
    picture = np.zeros((side, side, 3), np.uint8)
    picture[side // 2, side // 2] = 255
    return picture


def textured(height: int = 90, width: int = 120, sigma: float = 1) -> np.ndarray:
    rng = np.random.default_rng(0)
    return cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3), dtype=np.uint8), (0, 0), sigma)


@pytest.mark.parametrize(("radius", "sigma"), [(10, 3), (15, 5), (15, 8), (15, 12), (20, 15)])
def test_line_weights_are_a_half_gaussian_and_sum_to_one(radius: int, sigma: float):
    weights = np.array(line_weights(radius, sigma)) / 256
    gauss = np.exp(-(np.arange(2 * radius + 1) ** 2) / (2 * sigma**2))
    assert weights.sum() == 1
    assert weights == pytest.approx(gauss / gauss.sum(), abs=1 / 256)


@pytest.mark.parametrize("angle", [-135, -90, -45, -10, 0, 20, 45])
def test_motion_blur_is_the_mean_along_the_line(angle: float):
    picture = textured()
    weights = np.array(line_weights(15, 5)) / 256
    padded = np.pad(picture.astype(float), ((40, 40), (40, 40), (0, 0)), mode="edge")
    expected = np.zeros(picture.shape)
    for i, weight in enumerate(weights):
        dy = math.ceil(i * math.sin(math.radians(angle)) - 0.5)
        dx = math.ceil(i * math.cos(math.radians(angle)) - 0.5)
        expected += weight * padded[40 + dy : 130 + dy, 40 + dx : 160 + dx]
    assert np.abs(blur_along_line(picture, 15, 5, angle) - expected).max() <= 0.5


def test_angles_of_motion_spread_over_a_quarter_turn():
    # Where the light of a point goes to: its centre of mass lies on the drawn line.
    angles = []
    for image_id in range(60):
        result = distort(impulse(), Distortion("motion_blur", 3), image_id)[..., 0].astype(float)
        y, x = np.indices(result.shape) - 40
        angles.append(math.degrees(math.atan2((y * result).sum(), (x * result).sum() or 1)) % 180)
    signed = np.array([a - 180 if a > 90 else a for a in angles])
    assert signed.min() > -47
    assert signed.max() < 47
    assert np.histogram(signed, 3, (-45, 45))[0].min() > 8


@pytest.mark.parametrize(
    ("severity", "radius", "alias"),
    [(1, 3, 0.1), (2, 4, 0.5), (3, 6, 0.5), (4, 8, 0.5), (5, 10, 0.5)],
)
def test_defocus_is_the_mean_over_a_soft_disc(severity: int, radius: int, alias: float):
    y, x = np.indices((2 * radius + 5, 2 * radius + 5)) - radius - 2
    disc = (x**2 + y**2 <= radius**2).astype(float)
    kernel = cv2.GaussianBlur(disc / disc.sum(), (5, 5), alias)
    picture = textured()
    expected = cv2.filter2D(picture.astype(float), -1, kernel)
    result = distort(picture, Distortion("defocus_blur", severity), 0)
    difference = np.abs(result - expected)[12:-12, 12:-12]
    assert difference.max() < 1.5
    assert difference.mean() < 0.4


@pytest.mark.parametrize(("severity", "sigma"), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 6)])
def test_gaussian_blur_is_one_of_its_sigma(severity: int, sigma: float):
    picture = textured()
    side = 2 * math.ceil(5 * sigma) + 1
    expected = cv2.GaussianBlur(
        picture.astype(float), (side, side), sigma, borderType=cv2.BORDER_REPLICATE
    )
    result = distort(picture, Distortion("gaussian_blur", severity), 0)
    assert np.abs(result - expected).max() < 2


@pytest.mark.parametrize(
    ("severity", "factors"),
    [
        (1, 1 + 0.01 * np.arange(12)),
        (2, 1 + 0.01 * np.arange(16)),
        (3, 1 + 0.02 * np.arange(11)),
        (4, 1 + 0.02 * np.arange(13)),
        (5, 1 + 0.03 * np.arange(11)),
    ],
)
def test_zoom_blur_is_the_mean_of_zoomed_pictures(severity: int, factors: np.ndarray):
    height, width = 240, 320
    y, x = np.indices((height, width))
    picture = np.stack([128 + 100 * np.sin(x / 9), 128 + 100 * np.sin(y / 11), x * 255 / width], 2)
    total = picture.copy()
    for factor in factors:
        old_x, old_y = (x - 159.5) / factor + 159.5, (y - 119.5) / factor + 119.5
        total += np.stack(
            [128 + 100 * np.sin(old_x / 9), 128 + 100 * np.sin(old_y / 11), old_x * 255 / width], 2
        )
    expected = total / (len(factors) + 1)
    result = distort(picture.astype(np.uint8), Distortion("zoom_blur", severity), 0)
    assert np.abs(result - expected).mean() < 1.5


@pytest.mark.parametrize(("reach", "rounds"), [(1, 2), (2, 1), (2, 3), (3, 2), (4, 2)])
def test_glass_blur_in_groups_equals_the_loop_over_pixels(reach: int, rounds: int):
    height, width = 23, 31
    here, ends = replacement_order(height, width, reach, rounds)
    rng = np.random.default_rng(reach)
    there = here + rng.integers(-reach, reach, here.shape) * width
    there += rng.integers(-reach, reach, here.shape)
    grouped, start = np.arange(height * width), 0
    for end in ends:
        grouped[here[start:end]] = grouped[there[start:end]]
        start = end
    assert start == len(here) == rounds * (height - 2 * reach) * (width - 2 * reach)
    # The n-th time that a pixel occurs belongs to round n.
    partners: dict[int, list[int]] = {}
    for pixel, partner in zip(here.tolist(), there.tolist(), strict=True):
        partners.setdefault(pixel, []).append(partner)
    looped = np.arange(height * width)
    for n in range(rounds):
        for y in range(height - reach, reach, -1):
            for x in range(width - reach, reach, -1):
                looped[y * width + x] = looped[partners[y * width + x][n]]
    assert (grouped == looped).all()
    assert len(ends) <= width + 2 * reach * (height + 2 * rounds)


def test_normal_quantiles_are_standard_normal():
    values = normal_quantiles()
    assert values.mean() == 0
    assert values.std() == pytest.approx(1, abs=1e-4)
    assert (values**4).mean() == pytest.approx(3, rel=0.005)
    assert (np.diff(values) > 0).all()


# One-sided blur smears an object over pixels at its side, glass carries it against reading order,
# rubber moves it; all as in COCO-C, whose boxes are not corrected for it.
MOVES = {"motion_blur": 6, "glass_blur": 4, "elastic_transform": 2}


@pytest.mark.parametrize("kind", CORRUPTIONS + EXTRA_CORRUPTIONS)
def test_objects_stay_in_place(kind: str):
    picture = cv2.normalize(textured(240, 320, sigma=4), None, 20, 235, cv2.NORM_MINMAX)
    result = distort(picture, Distortion(kind, 3), 4)
    for y, x in ((40, 40), (40, 180), (100, 110)):
        found = cv2.matchTemplate(result, picture[y : y + 90, x : x + 90], cv2.TM_CCOEFF_NORMED)
        _, _, _, (found_x, found_y) = cv2.minMaxLoc(found)
        # Zooming moves what is off the centre, outwards and by a share of the distance.
        limit = 8 if kind == "zoom_blur" else MOVES.get(kind, 0)
        assert math.hypot(found_x - x, found_y - y) <= limit
