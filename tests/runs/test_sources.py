from pathlib import Path

import pytest

from runs.sources import find_pictures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    for name in ("b.jpg", "a.PNG", "notes.txt", "deep/c.jpeg"):
        (tmp_path / name).touch()
    return tmp_path


def test_one_picture(folder: Path):
    assert find_pictures(str(folder / "b.jpg")) == [folder / "b.jpg"]


def test_a_folder_is_searched_through_and_sorted(folder: Path):
    names = [path.name for path in find_pictures(str(folder))]
    assert names == ["a.PNG", "b.jpg", "c.jpeg"]


def test_a_glob_takes_pictures_only(folder: Path):
    assert find_pictures(str(folder / "*")) == [folder / "a.PNG", folder / "b.jpg"]
    assert find_pictures(str(folder / "**" / "*.jpeg")) == [folder / "deep" / "c.jpeg"]


def test_nothing_there_says_what_was_looked_for(tmp_path: Path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FileNotFoundError, match="holds no picture"):
        find_pictures(str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"nowhere\.jpg"):
        find_pictures(str(tmp_path / "nowhere.jpg"))
