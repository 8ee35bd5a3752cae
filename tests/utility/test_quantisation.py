"""JPEG's tables say exactly at what quality a picture was saved."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from datamodules.distortions import TRAIN_LADDER, UNSEEN_LADDER, encode_jpeg
from utility.quantisation import luma_table, quality_of, scaled

PICTURE = np.random.default_rng(0).integers(0, 255, (64, 80, 3), dtype=np.uint8)


@pytest.mark.parametrize("quality", range(1, 101))
def test_every_quality_is_recovered(quality: int) -> None:
    file = encode_jpeg(PICTURE, quality)
    assert np.array_equal(luma_table(file), scaled(quality))
    assert quality_of(file) == quality


def test_a_table_that_is_not_libjpegs_has_no_quality() -> None:
    buffer = io.BytesIO()
    tables = [[7] * 64, [9] * 64]
    Image.fromarray(PICTURE).save(buffer, "JPEG", qtables=tables)
    assert quality_of(buffer.getvalue()) is None


def test_what_is_no_jpeg_is_refused() -> None:
    buffer = io.BytesIO()
    Image.fromarray(PICTURE).save(buffer, "PNG")
    with pytest.raises(ValueError, match="no quantisation tables"):
        luma_table(buffer.getvalue())


def test_bytes_grow_with_the_quality_and_the_ladders_interleave() -> None:
    ladder = sorted(TRAIN_LADDER + UNSEEN_LADDER)
    sizes = [len(encode_jpeg(PICTURE, quality)) for quality in ladder]
    assert sizes == sorted(set(sizes))
    assert [q in TRAIN_LADDER for q in ladder] == [True, False] * 9
