"""How strong distortions are, measured on their results by other means than they are made by."""

import math

import cv2
import numpy as np
import pytest

from datamodules.distortions import (
    CORRUPTIONS,
    EXTRA_CORRUPTIONS,
    SEVERITIES,
    Distortion,
    distort,
)


def psnr(picture: np.ndarray, other: np.ndarray) -> float:
    return 10 * math.log10(255**2 / np.mean((picture.astype(float) - other) ** 2))


def grey(value: int, height: int = 300, width: int = 400) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


# Published severities that are about equally strong by PSNR: how much a step may gain, in dB.
SLACK = {"glass_blur": 0.6, "pixelate": 0.2, "snow": 0.2}
VARIED = {"snow": 12, "motion_blur": 12, "spatter": 6}  # mean over so many draws


@pytest.mark.parametrize(
    "kind", [k for k in CORRUPTIONS + EXTRA_CORRUPTIONS if k not in ("frost", "fog", "saturate")]
)
def test_pictures_get_worse_with_severity(facade, kind: str):
    quality = [
        np.mean([psnr(facade, distort(facade, Distortion(kind, s), n)) for n in ids])
        for ids in [range(VARIED.get(kind, 1))]
        for s in SEVERITIES
    ]
    assert (np.diff(quality) < SLACK.get(kind, 0)).all(), quality
    assert quality[-1] < quality[0] - 2


@pytest.mark.parametrize("kind", ["frost", "fog"])
def test_less_is_seen_through_more_frost_and_fog(facade, kind: str):
    # By correlation: how bright they are varies more from draw to draw than with severity.
    seen = [
        np.mean([np.corrcoef(facade.reshape(-1), result.reshape(-1))[0, 1] for result in results])
        for results in (
            [distort(facade, Distortion(kind, s), n) for n in range(8)] for s in SEVERITIES
        )
    ]
    assert (np.diff(seen) < 0.05).all(), seen
    assert seen[-1] < seen[0] - 0.1


def test_saturation_falls_and_rises(facade):
    def saturation(picture):
        return cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)[..., 1].mean()

    own = saturation(facade)
    values = [saturation(distort(facade, Distortion("saturate", s), 0)) for s in SEVERITIES]
    assert values[1] < values[0] < own < values[2] < values[3] < values[4]


@pytest.mark.parametrize(("severity", "sigma"), list(enumerate((0.08, 0.12, 0.18, 0.26, 0.38), 1)))
def test_gaussian_noise_has_its_sigma(severity: int, sigma: float):
    noise = distort(grey(128), Distortion("gaussian_noise", severity), 0).astype(float) - 128
    inside = np.abs(noise) < 127  # of what is cut off at black and white
    # The standard deviation by quartiles, which clipping does not touch.
    low, high = np.quantile(
        noise + np.random.default_rng(0).uniform(-0.5, 0.5, noise.shape), (0.25, 0.75)
    )
    assert (high - low) / 1.34898 == pytest.approx(255 * sigma, rel=0.01)
    assert noise[inside].mean() == pytest.approx(0, abs=0.4)
    neighbours = np.corrcoef(noise[:, 1:].reshape(-1), noise[:, :-1].reshape(-1))[0, 1]
    assert abs(neighbours) < 0.01


@pytest.mark.parametrize(("severity", "photons"), list(enumerate((60, 25, 12, 5, 3), 1)))
def test_shot_noise_is_poisson(severity: int, photons: int):
    value = 30  # far enough from white for clipping to be rare
    counts = distort(grey(value), Distortion("shot_noise", severity), 0) * (photons / 255)
    mean = value / 255 * photons
    assert counts.mean() == pytest.approx(mean, rel=0.01)
    assert counts.var() == pytest.approx(mean, rel=0.03)
    assert (counts < 0.5).mean() == pytest.approx(math.exp(-mean), abs=0.004)
    assert (distort(grey(0), Distortion("shot_noise", severity), 0) == 0).all()


@pytest.mark.parametrize(("severity", "share"), list(enumerate((0.03, 0.06, 0.09, 0.17, 0.27), 1)))
def test_impulses_have_their_share_and_hit_colours_alone(severity: int, share: float):
    result = distort(grey(100), Distortion("impulse_noise", severity), 0)
    assert set(np.unique(result)) == {0, 100, 255}
    assert (result == 0).mean() == pytest.approx(share / 2, rel=0.03)
    assert (result == 255).mean() == pytest.approx(share / 2, rel=0.03)
    hit = result != 100
    assert hit.all(axis=2).mean() == pytest.approx(share**3, abs=0.002)


@pytest.mark.parametrize(("severity", "sigma"), list(enumerate((0.15, 0.2, 0.35, 0.45, 0.6), 1)))
def test_speckle_grows_with_the_value(severity: int, sigma: float):
    for value in (40, 100):
        result = distort(grey(value), Distortion("speckle_noise", severity), 0)
        low, high = np.quantile(result, (0.25, 0.75))
        assert (high - low) / 1.34898 == pytest.approx(value * sigma, abs=1.0)
    assert (distort(grey(0), Distortion("speckle_noise", severity), 0) == 0).all()


@pytest.mark.parametrize(("severity", "factor"), list(enumerate((0.4, 0.3, 0.2, 0.1, 0.05), 1)))
def test_contrast_keeps_means_and_scales_deviations(facade, severity: int, factor: float):
    result = distort(facade, Distortion("contrast", severity), 0)
    assert result.mean(axis=(0, 1)) == pytest.approx(facade.mean(axis=(0, 1)), abs=0.5)
    assert result.std(axis=(0, 1)) == pytest.approx(factor * facade.std(axis=(0, 1)), abs=0.2)


@pytest.mark.parametrize(("severity", "added"), list(enumerate((0.1, 0.2, 0.3, 0.4, 0.5), 1)))
def test_brightness_raises_value_and_keeps_hue_and_saturation(facade, severity: int, added: float):
    import colorsys

    result = distort(facade, Distortion("brightness", severity), 0)
    for y, x in np.random.default_rng(0).integers(0, 480, (300, 2)):
        hue, saturation, value = colorsys.rgb_to_hsv(*facade[y, x] / 255)
        expected = colorsys.hsv_to_rgb(hue, saturation, min(value + added, 1))
        assert result[y, x] == pytest.approx(255 * np.array(expected), abs=0.51)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_saturate_is_the_one_of_hsv(facade, severity: int):
    import colorsys

    factor, added = ((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2))[severity - 1]
    picture = facade.copy()
    picture[0] = np.arange(640)[:, None] // 3  # grey pixels too
    result = distort(picture, Distortion("saturate", severity), 0)
    places = [*np.random.default_rng(0).integers(0, 480, (300, 2)).tolist(), [0, 90], [0, 600]]
    for y, x in places:
        hue, saturation, value = colorsys.rgb_to_hsv(*picture[y, x] / 255)
        expected = colorsys.hsv_to_rgb(hue, min(saturation * factor + added, 1), value)
        assert result[y, x] == pytest.approx(255 * np.array(expected), abs=0.51)


def test_fog_brightens_black_and_flattens_contrast(facade):
    black = distort(np.where(facade > 250, facade, 0).astype(np.uint8), Distortion("fog", 3), 1)
    assert black.min() < 30
    assert black.max() > 120  # the thickest fog over black
    assert cv2.Laplacian(black, cv2.CV_64F).std() < 30  # smooth: clouds, no noise
    for severity in SEVERITIES:
        assert distort(facade, Distortion("fog", severity), 1).std() < 0.8 * facade.std()


def test_spatter_is_pale_water_then_brown_mud():
    for severity in SEVERITIES:
        result = distort(grey(128), Distortion("spatter", severity), 5).astype(int) - 128
        touched = result[(result != 0).any(axis=2)].mean(axis=0)
        assert 0.0005 < (result != 0).any(axis=2).mean() < 0.4
        red, green, blue = touched
        if severity < 4:
            assert 0 < red < green == pytest.approx(blue)
        else:
            assert blue < green < red < 0


@pytest.mark.parametrize("severity", SEVERITIES)
def test_snow_adds_white_in_falling_streaks(severity: int):
    dark, down, across = grey(30), [], []
    for image_id in range(6):
        result = distort(dark, Distortion("snow", severity), image_id)
        flakes = result[..., 0].astype(float)
        assert (result == result[..., :1]).all()
        assert flakes.min() >= 30
        assert np.quantile(flakes, 0.99) > np.quantile(flakes, 0.2) + 60
        down.append(np.corrcoef(flakes[4:].reshape(-1), flakes[:-4].reshape(-1))[0, 1])
        across.append(np.corrcoef(flakes[:, 4:].reshape(-1), flakes[:, :-4].reshape(-1))[0, 1])
    assert np.mean(down) > np.mean(across) + 0.1
