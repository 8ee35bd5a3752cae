from pathlib import Path

import pytest

from runs.prediction.sources import find_source, frame_folders


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep").mkdir()
    for name in ("b.jpg", "a.PNG", "notes.txt", "deep/c.jpeg"):
        (tmp_path / name).touch()
    return tmp_path


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


def test_one_file(folder: Path) -> None:
    assert find_source(str(folder / "b.jpg")) == ([folder / "b.jpg"], [], [])
    (folder / "clip.MP4").touch()
    assert find_source(str(folder / "clip.MP4")) == ([], [folder / "clip.MP4"], [])


def test_a_folder_is_searched_through_and_sorted(folder: Path) -> None:
    assert names(find_source(str(folder)).pictures) == ["a.PNG", "b.jpg", "c.jpeg"]


def test_hidden_files_and_folders_are_passed_over(folder: Path) -> None:
    (folder / ".thumbnails").mkdir()
    for name in (".thumbnails/e.jpg", ".f.jpg"):
        (folder / name).touch()
    assert names(find_source(str(folder)).pictures) == ["a.PNG", "b.jpg", "c.jpeg"]


def test_a_glob_takes_pictures_or_videos_only(folder: Path) -> None:
    (folder / "deep" / "d.mkv").touch()
    assert find_source(str(folder / "*")).pictures == [folder / "a.PNG", folder / "b.jpg"]
    assert names(find_source(str(folder / "**" / "*.jpeg")).pictures) == ["c.jpeg"]
    assert find_source(str(folder / "**" / "*.mkv")) == ([], [folder / "deep" / "d.mkv"], [])


def test_a_mixture_is_refused(folder: Path) -> None:
    (folder / "d.mkv").touch()
    with pytest.raises(ValueError, match=r"3 pictures and 1 videos .*a\.PNG, d\.mkv.*/\*\.mkv"):
        find_source(str(folder))


def test_nothing_there_says_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FileNotFoundError, match="holds no picture and no video"):
        find_source(str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"nowhere\.jpg"):
        find_source(str(tmp_path / "nowhere.jpg"))
    with pytest.raises(ValueError, match="not a picture or video by its name, nor"):
        find_source(str(tmp_path / "notes.txt"))


def test_frames_of_each_folder_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    files = ["a/f10.png", "a/f9.png", "b/0002.png", "a/f1x2.png", "a/f1x10.png"]
    first, second = frame_folders([tmp_path / file for file in sorted(files)])
    assert names(first) == ["f1x2.png", "f1x10.png", "f9.png", "f10.png"]
    assert names(second) == ["0002.png"]


def test_frames_of_the_sun_are_a_kind_of_their_own(tmp_path: Path) -> None:
    for name in ("a.fits", "b.FITS.gz", "c.tar.gz"):
        (tmp_path / name).touch()
    assert names(find_source(str(tmp_path)).fits) == ["a.fits", "b.FITS.gz"]
    (tmp_path / "d.png").touch()
    with pytest.raises(ValueError, match=r"1 pictures and 2 fits"):
        find_source(str(tmp_path))
