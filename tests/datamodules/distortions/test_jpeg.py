"""JPEG and pixelation against Pillow, elastic displacement by optical flow."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from datamodules.distortions import TRAIN_LADDER, UNSEEN_LADDER, Distortion, distort, encode_jpeg


def by_pillow(picture: np.ndarray, quality: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(
        file, "JPEG", quality=quality, subsampling=2, optimize=False, progressive=False
    )
    return file.getvalue()


@pytest.mark.parametrize("quality", [1, 2, *TRAIN_LADDER, *UNSEEN_LADDER, 100])
@pytest.mark.parametrize("size", [(480, 640), (75, 101)])
def test_bytes_are_those_of_pillow(facade, quality: int, size: tuple[int, int]):
    picture = np.ascontiguousarray(facade[: size[0], : size[1]])
    assert encode_jpeg(picture, quality) == by_pillow(picture, quality)


@pytest.mark.parametrize("quality", [5, 50, 90])
def test_pixels_are_those_that_pillow_decodes(facade, quality: int):
    expected = np.array(Image.open(io.BytesIO(by_pillow(facade, quality))))
    assert (distort(facade, Distortion("jpeg", quality), 0) == expected).all()


def test_the_ladder_s_files_grow_with_quality(facade):
    sizes = [len(encode_jpeg(facade, quality)) for quality in TRAIN_LADDER]
    assert sizes == sorted(set(sizes))


def test_jpeg_compression_is_jpeg_at_five_qualities(facade):
    for severity, quality in enumerate((25, 18, 15, 10, 7), 1):
        corruption = distort(facade, Distortion("jpeg_compression", severity), 0)
        assert (corruption == distort(facade, Distortion("jpeg", quality), 0)).all()


@pytest.mark.parametrize(("severity", "scale"), list(enumerate((0.6, 0.5, 0.4, 0.3, 0.25), 1)))
def test_pixelate_averages_boxes(facade, severity: int, scale: float):
    result = distort(facade, Distortion("pixelate", severity), 0)
    height, width = int(480 * scale), int(640 * scale)
    small = cv2.resize(facade, (width, height), interpolation=cv2.INTER_AREA).astype(int)
    rows = (np.arange(480) + 0.5) * height // 480
    columns = (np.arange(640) + 0.5) * width // 640
    difference = np.abs(result - small[rows.astype(int)][:, columns.astype(int)])
    # Pillow's box takes whole pixels where OpenCV's area takes shares of them.
    assert np.median(difference) <= 1
    if 1 / scale % 1 == 0:
        assert difference.max() <= 1


@pytest.mark.parametrize(("severity", "alpha"), list(enumerate((12.5, 16.25, 21.25, 25, 30), 1)))
def test_elastic_displacements_have_the_published_size(severity: int, alpha: float):
    # A picture whose colours are the coordinates tells where each pixel was taken from.
    height, width = 480, 640
    y, x = np.indices((height, width))
    picture = np.stack([x * 8 % 256, y * 8 % 256, 0 * x], axis=2).astype(np.uint8)
    result = distort(picture, Distortion("elastic_transform", severity), 3).astype(int)
    moved = (result[..., :2] - picture[..., :2] + 128) % 256 - 128
    inner = (picture[..., :2] > 64) & (picture[..., :2] < 192)
    rms = np.sqrt(np.mean(np.square(moved[inner] / 8)))
    # Uniform noise of +-0.5 % of the height, smoothed with sigma 1 % of height and width.
    expected = 0.005 * height / 3**0.5 / (2 * np.pi**0.5 * 0.01 * (height * width) ** 0.5) * alpha
    assert rms == pytest.approx(expected, rel=0.08)
