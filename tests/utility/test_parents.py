"""No picture, nor one that looks like it, stands on two sides."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from datamodules.distortions import encode_jpeg
from datamodules.picture import read_picture
from utility.parents import fingerprint, fingerprints, near_duplicates, split_parents

IDS = np.arange(1000, dtype=np.int64) * 7 + 3


def split(ids: np.ndarray = IDS, groups: list[str | None] | None = None, **other: object):
    arguments = {"alike": [], "seed": 0} | other
    return split_parents(ids, groups or [None] * len(ids), **arguments)  # type: ignore[arg-type]


def test_shares_are_those_of_the_paper() -> None:
    found = split()
    assert np.mean(found == "test") == pytest.approx(0.2, abs=0.03)
    assert np.mean(found[found != "test"] == "val") == pytest.approx(0.1, abs=0.03)


def test_a_picture_keeps_its_side_whatever_else_is_there() -> None:
    whole = dict(zip(IDS.tolist(), split().tolist(), strict=True))
    some = IDS[::3][::-1]
    assert {i: whole[i] for i in some.tolist()} == dict(
        zip(some.tolist(), split(some).tolist(), strict=True)
    )
    assert (split(seed=1) != split()).any()


def test_groups_and_pictures_that_look_alike_stay_together() -> None:
    groups: list[str | None] = [f"house {i // 4}" if i < 400 else None for i in range(1000)]
    alike = [(3, 4), (998, 997), (997, 500)]  # two houses are tied, and three singles
    found = split(groups=groups, alike=alike)
    for house in range(100):
        assert len(set(found[4 * house : 4 * house + 4])) == 1
    assert len(set(found[:8])) == 1
    assert found[998] == found[997] == found[500]


def test_wrong_shares_are_refused() -> None:
    with pytest.raises(ValueError, match="shares must lie between 0 and 1"):
        split(test_share=1.0)


def test_a_hash_is_of_the_gradients() -> None:
    ramp = np.tile(np.arange(170, dtype=np.uint8), (160, 1))
    assert fingerprint(ramp).all()
    assert not fingerprint(ramp[:, ::-1]).any()


def test_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"a\.jpg: no such picture"):
        fingerprints([tmp_path / "a.jpg"])
    (tmp_path / "b.jpg").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"b\.jpg: not a picture"):
        fingerprints([tmp_path / "b.jpg"])


def test_real_pictures_are_recognised_and_told_apart(shared: Path, tmp_path: Path) -> None:
    paths = sorted((shared / "data/coco_official/dev/images").glob("*.jpg"))[:40]
    assert len(paths) == 40
    copies = []
    for number, path in enumerate(paths):
        picture = read_picture(path)
        if number % 2:  # half as large, or compressed
            picture = cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        copies.append(tmp_path / path.name)
        copies[-1].write_bytes(encode_jpeg(picture, 90 if number % 2 else 20))
    hashes = fingerprints([*paths, *copies])
    found = near_duplicates(hashes)
    assert found == [(i, i + 40) for i in range(40)]
    ids = np.arange(80, dtype=np.int64)
    sides = split(ids, alike=found)
    assert (sides[:40] == sides[40:]).all()
