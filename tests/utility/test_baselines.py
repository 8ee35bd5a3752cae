"""Baselines know what they should, and no more; features are what they claim."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.fft import idctn

from datamodules.distortions import encode_jpeg
from evaluation.conditions import CLEAN
from utility.baselines import (
    BITS,
    DCT_TREES,
    LABELLERS,
    MAJORITY,
    ORACLE,
    OWN,
    QUALITY,
    baseline_scores,
    detector_scores,
    lost_baselines,
)
from utility.label_set import LabelSet
from utility.metrics import auroc, within_group_auroc
from utility.picture_features import DCT, LIKENESS, dct_features, picture_features, psnr, ssim
from utility.quantisation import luma_table


@pytest.fixture
def sets(write_label_set) -> tuple[LabelSet, LabelSet]:  # type: ignore[no-untyped-def]
    """One to learn from and one of other qualities and detectors, see conftest.py."""
    seen = write_label_set(parents=60, qualities=(5, 10, 20, 40))
    unseen = write_label_set(parents=60, qualities=(8, 14, 28), detectors={"c": 4})
    return LabelSet.open(seen), LabelSet.open(unseen)


def test_each_baseline_scores_other_qualities_and_detectors(
    sets: tuple[LabelSet, LabelSet],
) -> None:
    seen, unseen = sets
    rows = unseen.rows("test")
    rows = rows[unseen.images["condition"][rows] != CLEAN]
    scores = baseline_scores(seen, seen.column("y"), seen.rows("train"), unseen, rows)
    y, quality = unseen.labels["c"]["y"][rows], unseen.images["quality"][rows]
    known = y >= 0
    assert len(set(scores[MAJORITY].tolist())) == 1
    assert within_group_auroc(y[known], scores[QUALITY][known], quality[known]) == 0.5
    assert auroc(y[known], scores[QUALITY][known]) > 0.6
    # The pictures' contrast says what they need, and bits and coefficients know of it.
    for name in (BITS, DCT_TREES):
        assert within_group_auroc(y[known], scores[name][known], quality[known]) > 0.7, name
    for name, values in scores.items():
        assert values.shape == rows.shape, name
        assert ((values >= 0) & (values <= 1)).all(), name
    again = baseline_scores(seen, seen.column("y"), seen.rows("train"), unseen, rows)
    assert all((again[name] == values).all() for name, values in scores.items())


def test_objects_lost_are_expected_by_quality_and_content(
    sets: tuple[LabelSet, LabelSet],
) -> None:
    seen, unseen = sets
    rows = unseen.rows("test")
    rows = rows[unseen.images["condition"][rows] != CLEAN]
    expected = lost_baselines(seen, seen.rows("train"), unseen, rows)
    quality, lost = unseen.images["quality"][rows], unseen.lost(["c"])[rows, 0]
    assert set(lost.tolist()) == {0, 3}
    for level in np.unique(quality):
        assert len(set(expected[QUALITY][quality == level].tolist())) == 1
    means = [expected[QUALITY][quality == level].mean() for level in np.unique(quality)]
    assert means == sorted(means, reverse=True)
    assert within_group_auroc(lost > 0, expected[DCT_TREES], quality) > 0.7
    for name, values in expected.items():
        assert (values >= 0).all(), name
        # Of all objects three in a picture, by detectors of other handicaps than this one.
        assert values.mean() == pytest.approx(lost.mean(), abs=0.5), name


def test_what_asks_detectors_is_theirs(sets: tuple[LabelSet, LabelSet]) -> None:
    seen, _ = sets
    rows = seen.rows("test")
    scores = detector_scores(seen, rows, "a", ["a", "b", "elsewhere"])
    np.testing.assert_allclose(scores[OWN], seen.labels["a"]["max_score"][rows])
    assert ((scores[ORACLE] > 0.5) == (seen.labels["a"]["y"][rows] == 1)).all()
    assert (scores[LABELLERS] == seen.labels["b"]["y"][rows]).all()
    assert LABELLERS not in detector_scores(seen, rows, "a", ["elsewhere"])


def test_rows_without_labels_are_refused(sets: tuple[LabelSet, LabelSet]) -> None:
    seen, unseen = sets
    nothing = np.full((len(seen), 1), -1, dtype=np.int8)
    with pytest.raises(ValueError, match="no label of a distorted picture"):
        baseline_scores(seen, nothing, seen.rows("train"), unseen, unseen.rows("test"))


def test_features_are_measured_once_and_kept(
    sets: tuple[LabelSet, LabelSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, _ = sets
    first = picture_features(seen)
    monkeypatch.setattr("utility.picture_features.read_picture", lambda _: pytest.fail("again"))
    again = picture_features(seen)
    assert list(first) == [*DCT, *LIKENESS]
    assert all((again[name] == first[name]).all() for name in first)
    clean = seen.images["condition"] == CLEAN
    assert (first["psnr"][clean] == 100).all()
    np.testing.assert_allclose(first["ssim"][clean], 1, atol=1e-4)
    order = np.argsort(seen.images["quality"][:5])[1:]
    assert (np.diff(first["psnr"][order]) > 0).all()


def test_coefficients_of_a_jpeg_are_found_as_they_stand_in_the_file() -> None:
    """Blocks made of a few coefficients, through an encoder, come back as these coefficients."""
    rng = np.random.default_rng(1)
    steps = np.zeros((48, 8, 8))
    steps[:, 0, 0], steps[:24, 0, 1], steps[:12, 2, 0] = rng.integers(-2, 3, 48), 1, -2
    table = luma_table(encode_jpeg(np.zeros((8, 8, 3), np.uint8), 50)).astype(float)
    blocks = idctn(steps * table, axes=(1, 2), norm="ortho") + 128
    luma = blocks.reshape(6, 8, 8, 8).swapaxes(1, 2).reshape(48, 64).astype(np.float32)
    file = encode_jpeg(np.repeat(np.rint(luma).astype(np.uint8)[..., None], 3, axis=2), 50)
    shown = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_GRAYSCALE).astype(np.float32)
    found = dct_features(shown, table)
    rates = found[:64].reshape(8, 8)
    assert rates[0, 1] == pytest.approx(0.5)
    assert rates[2, 0] == pytest.approx(0.25)
    assert rates[5:].sum() == 0
    means = found[64:128].reshape(8, 8)
    assert means[2, 0] == pytest.approx(0.25 * 2 * table[2, 0])


def test_likeness_is_that_of_its_definition() -> None:
    a = np.full((32, 32), 100, np.float32)
    assert psnr(a, a + 5) == pytest.approx(10 * np.log10(255**2 / 25))
    assert ssim(a, a) == pytest.approx(1)
    # Of constant pictures only the luminance term is left.
    c1 = (0.01 * 255) ** 2
    expected = (2 * 100 * 120 + c1) / (100**2 + 120**2 + c1)
    assert ssim(a, a + 20) == pytest.approx(expected, abs=1e-3)
    noise = np.random.default_rng(0).normal(0, 20, (32, 32)).astype(np.float32)
    assert ssim(a, a + noise) < 0.2


def test_a_tiny_picture_has_no_blocks() -> None:
    assert dct_features(np.zeros((5, 20), np.float32), np.ones((8, 8))).sum() == 0


def test_missing_pictures_are_named(sets: tuple[LabelSet, LabelSet], tmp_path: Path) -> None:
    seen, _ = sets
    for file in (seen.folder / "pictures").iterdir():
        file.unlink()
    with pytest.raises(FileNotFoundError, match="no such picture"):
        picture_features(seen)
