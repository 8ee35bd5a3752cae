"""Files that belong together by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from prepare.inputs import files_by_stem, picture_size, read_text, require_partners


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_files_are_found_below_the_folder_by_name_without_ending(tmp_path: Path) -> None:
    touch(tmp_path, "b.JPG", "a/b.png", "a/c.d.png", "notes.txt", ".hidden.png")
    found = files_by_stem(tmp_path, {".jpg", ".png"})
    assert {stem: path.name for stem, path in found.items()} == {
        "b": "b.JPG",
        "a/b": "b.png",
        "a/c.d": "c.d.png",
    }


def test_same_name_twice_no_files_and_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected files ending in \.jpg \.png"):
        files_by_stem(tmp_path, {".png", ".jpg"})
    touch(tmp_path, "a.jpg", "a.png")
    with pytest.raises(ValueError, match=r"a\.jpg and .*a\.png have the same name"):
        files_by_stem(tmp_path, {".png", ".jpg"})
    with pytest.raises(FileNotFoundError, match="no such folder"):
        files_by_stem(tmp_path / "gone", {".png"})


def test_at_most_five_lonely_files_are_named(tmp_path: Path) -> None:
    have = {str(i): tmp_path / f"{i}.png" for i in range(7)}
    with pytest.raises(ValueError, match=r"no mask .*1\.png, .*5\.png and 1 more: add it"):
        require_partners(have, {"0": tmp_path / "0.txt"}, tmp_path, "mask")
    require_partners(have, have, tmp_path, "mask")


def test_size_is_that_of_the_stored_pixels(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to look at it
    Image.new("RGB", (30, 20)).save(tmp_path / "a.jpg", exif=exif)
    assert picture_size(tmp_path / "a.jpg") == (30, 20)


def test_text_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfdoor")
    assert read_text(tmp_path / "a.txt") == "door"
