"""Names of conditions, read and refused."""

from __future__ import annotations

import pytest

from datamodules import distortions
from evaluation.conditions import BENCHMARK_KINDS, EXTRA_KINDS, SEVERITIES, Condition


@pytest.mark.parametrize(
    ("name", "kind", "level"),
    [
        ("clean", "clean", 0),
        ("jpeg_q1", "jpeg", 1),
        ("jpeg_q100", "jpeg", 100),
        ("fog_3", "fog", 3),
        ("jpeg_compression_5", "jpeg_compression", 5),
        ("gaussian_noise_1", "gaussian_noise", 1),
        ("gaussian_blur_2", "gaussian_blur", 2),
    ],
)
def test_names_say_kind_and_level_and_come_back(name, kind, level):
    condition = Condition.from_name(name)
    assert (condition.kind, condition.level) == (kind, level)
    assert condition.name == name


@pytest.mark.parametrize(
    "name", ["", "fogg_3", "fog_0", "fog_6", "fog", "jpeg_q0", "jpeg_q101", "jpeg_3", "clean_1"]
)
def test_other_names_are_refused(name):
    with pytest.raises(ValueError, match=r"is no condition; expected 'clean', 'jpeg_q<1\.\.100>'"):
        Condition.from_name(name)


def test_the_benchmark_has_fifteen_kinds_and_holds_out_four():
    assert len(set(BENCHMARK_KINDS)) == 15
    assert len(set(EXTRA_KINDS) - set(BENCHMARK_KINDS)) == 4


def test_the_data_distort_by_the_same_names():
    assert set(distortions.CORRUPTIONS) == set(BENCHMARK_KINDS)
    assert set(distortions.EXTRA_CORRUPTIONS) == set(EXTRA_KINDS)
    levels = {**dict.fromkeys(BENCHMARK_KINDS + EXTRA_KINDS, SEVERITIES), "jpeg": (1, 100)}
    for distortion in distortions.distortions_of(levels):
        condition = Condition.from_name(distortion.name)
        assert (condition.kind, condition.level) == (distortion.kind, distortion.level)
