"""What is accepted, what is refused, and what randomness depends on."""

import re

import numpy as np
import pytest

from datamodules.distortions import (
    CORRUPTIONS,
    EXTRA_CORRUPTIONS,
    SEVERITIES,
    TRAIN_LADDER,
    UNSEEN_LADDER,
    Distortion,
    distort,
    distortions_of,
)

KINDS = CORRUPTIONS + EXTRA_CORRUPTIONS
RANDOM = [
    *("gaussian_noise", "shot_noise", "impulse_noise", "glass_blur", "motion_blur", "snow"),
    *("frost", "fog", "elastic_transform", "speckle_noise", "spatter"),
]


def gradient_picture(height: int = 60, width: int = 90) -> np.ndarray:
    y, x = np.indices((height, width))
    return np.stack([2 * x + y, 255 - 2 * x, (x // 8 + y // 8) % 2 * 200], axis=2).astype(np.uint8)


def test_there_are_fifteen_and_four_kinds():
    assert (len(CORRUPTIONS), len(EXTRA_CORRUPTIONS), len(set(KINDS))) == (15, 4, 19)


def test_the_ladders_interleave():
    both = sorted(TRAIN_LADDER + UNSEEN_LADDER)
    assert both[::2] == list(TRAIN_LADDER)
    assert both[1::2] == list(UNSEEN_LADDER)


def test_names_are_those_of_conditions():
    assert Distortion("jpeg", 10).name == "jpeg_q10"
    assert Distortion("jpeg_compression", 4).name == "jpeg_compression_4"
    assert Distortion("fog", 3).name == "fog_3"


def test_a_distortion_can_be_a_key():
    assert {Distortion("fog", 3): 1}[Distortion("fog", 3)] == 1


def test_distortions_come_in_the_order_of_the_config():
    names = [d.name for d in distortions_of({"jpeg": [10, 5], "fog": [1], "snow": (3, 2)})]
    assert names == ["jpeg_q10", "jpeg_q5", "fog_1", "snow_3", "snow_2"]


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ({"gausian_noise": [1]}, "no distortion 'gausian_noise'; did you mean 'gaussian_noise'?"),
        ({"qqq": [1]}, "known here: gaussian_noise, shot_noise"),
        ({"fog": [0]}, "fog has severities 1 to 5, got 0"),
        ({"fog": [1, 6]}, "fog has severities 1 to 5, got 6"),
        ({"fog": [2.0]}, "fog has severities 1 to 5, got 2.0"),
        ({"fog": [True]}, "fog has severities 1 to 5, got True"),
        ({"jpeg": [101]}, "jpeg has qualities 1 to 100, got 101"),
        ({"jpeg": ["10"]}, "jpeg has qualities 1 to 100, got '10'"),
        ({"fog": 3}, "distortions.fog: expected a list of levels, got 3"),
        ({"fog": "123"}, "distortions.fog: expected a list of levels, got '123'"),
        ({"fog": []}, "distortions.fog: expected a list of levels, got []"),
        ({"fog": [1, 1]}, "distortions.fog: a level stands twice in [1, 1]"),
        ({}, "distortions: expected kinds and their levels, for instance {fog: [1, 3]}, got {}"),
        (["fog"], "got ['fog']"),
        (None, "got None"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(levels, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        distortions_of(levels)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((3, 4, 4), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
    ],
)
def test_other_than_pictures_are_refused(picture):
    with pytest.raises(ValueError, match=r"image id 7: expected a picture uint8 \[H, W, 3\]"):
        distort(picture, Distortion("fog", 1), 7)


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_of_the_same_size_comes_back_and_the_input_is_untouched(kind: str):
    picture = gradient_picture()
    before = picture.copy()
    for severity in SEVERITIES:
        result = distort(picture, Distortion(kind, severity), 3)
        assert result.shape == picture.shape
        assert result.dtype == np.uint8
        assert result.flags.c_contiguous
        assert not np.shares_memory(result, picture)
        assert (result != picture).any()
        assert (picture == before).all()


@pytest.mark.parametrize("kind", KINDS)
def test_views_and_read_only_pictures_are_taken(kind: str):
    wide = gradient_picture(40, 120)
    view = wide[:, 60::-1]
    locked = np.ascontiguousarray(view)
    locked.flags.writeable = False
    distortion = Distortion(kind, 3)
    assert (distort(view, distortion, 3) == distort(locked, distortion, 3)).all()


@pytest.mark.parametrize("kind", [*KINDS, "jpeg"])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (33, 2), (17, 9)])
def test_tiny_pictures_pass(kind: str, size: tuple[int, int]):
    for level in SEVERITIES:
        result = distort(gradient_picture(*size), Distortion(kind, level), 1)
        assert result.shape == (*size, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_randomness_hangs_on_the_image_and_nothing_else(kind: str):
    picture, distortion = gradient_picture(), Distortion(kind, 3)
    first = distort(picture, distortion, 11)
    state = np.random.get_state()[1].copy()
    distort(picture, Distortion(kind, 1), 99)
    assert (distort(picture, distortion, 11) == first).all()
    assert (np.random.get_state()[1] == state).all()
    assert (distort(picture, distortion, 12) != first).any() == (kind in RANDOM)


def test_kinds_and_severities_draw_different_numbers():
    grey = np.full((64, 64, 3), 128, np.uint8)
    noises = [
        distort(grey, Distortion(kind, severity), 0).astype(float).reshape(-1) - 128
        for kind in ("gaussian_noise", "speckle_noise", "shot_noise")
        for severity in (1, 2)
    ]
    correlations = np.corrcoef(noises) - np.eye(len(noises))
    assert np.abs(correlations).max() < 0.05


def test_image_ids_of_any_integer_are_taken():
    grey = np.full((8, 8, 3), 128, np.uint8)
    noise = Distortion("gaussian_noise", 3)
    ids = [0, -1, 2**40, 2**64 - 2, 1]
    assert len({distort(grey, noise, image_id).tobytes() for image_id in ids}) == len(ids)
