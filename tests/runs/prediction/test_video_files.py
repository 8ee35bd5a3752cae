from __future__ import annotations

import logging
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from runs.prediction.video_files import Picture, open_folder, open_video
from runs.prediction.video_writer import VideoWriter

COUNT = 30


def drawn(number: int, height: int = 48, width: int = 64) -> Picture:
    """A grey that tells the number of the frame, brighter on the right."""
    picture = np.full((height, width, 3), 20 + 6 * number, np.uint8)
    picture[:, width // 2 :] += 30
    return picture


def write(path: Path, width: int = 64, faststart: bool = False) -> Path:
    """A video of frames 0..29, in which every tenth can be decoded without those before it."""
    codec = "mpeg4" if path.suffix == ".avi" else "libx264"
    options = {"movflags": "faststart"} if faststart else {}
    with av.open(str(path), "w", options=options) as file:
        stream: Any = file.add_stream(codec, rate=30, options={"g": "10", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = width, 48, "yuv420p"
        stream.bit_rate = 4_000_000
        for number in range(COUNT):
            file.mux(stream.encode(av.VideoFrame.from_ndarray(drawn(number, width=width))))
        file.mux(stream.encode())
    return path


def pictures(path: Path) -> list[Picture]:
    return [picture for _, picture in open_video(path).frames()]


def numbers(found: list[Picture]) -> list[int]:
    return [round((float(picture[:, :30].mean()) - 20) / 6) for picture in found]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi", "a.ts", "a.mov"])
def test_every_frame_is_read_once_in_order(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / name)
    assert open_video(path).fps == 30
    assert open_video(path).frame_count == COUNT
    assert open_video(path, fps=12).fps == 12
    assert numbers(pictures(path)) == list(range(COUNT))
    assert not caplog.records


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_a_video_cut_short_gives_what_it_has(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / name, faststart=name == "a.mp4")
    data = path.read_bytes()
    path.write_bytes(data[: int(0.8 * len(data))])
    found = numbers(pictures(path))
    assert 0 < len(found) < COUNT
    assert found == list(range(len(found)))
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert str(path) in record.getMessage()
    assert f"cut short: {len(found)} of " in record.getMessage()
    assert f"{COUNT} frames" in record.getMessage()


def test_frames_behind_a_damage_are_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "a.mp4")
    with av.open(str(path)) as file:
        packets = [(p.pos, p.size) for p in file.demux(video=0) if p.size and p.pos is not None]
    start, size = packets[10]
    data = bytearray(path.read_bytes())
    data[start : start + size] = b"\xff" * size
    path.write_bytes(data)
    found = numbers(pictures(path))
    assert found[:10] == list(range(10))
    assert found[-10:] == list(range(20, 30))
    assert f"{len(found)} of 30 frames could be read (Invalid data" in caplog.text


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "the file is empty": lambda data: b"",
    "not a video that can be read": lambda data: b"hello world\n" * 99,
    "damaged or cut short": lambda data: data[:-500],  # MP4's table of contents is at its end
}


@pytest.mark.parametrize("expected", BROKEN)
def test_broken_files_are_named(expected: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4")
    path.write_bytes(BROKEN[expected](path.read_bytes()))
    with pytest.raises(ValueError, match=f"a.mp4: .*{expected}"):
        open_video(path)


def test_files_without_a_picture_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.mp4: no such video"):
        open_video(tmp_path / "none.mp4")
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as file:
        stream: Any = file.add_stream("aac", rate=44_100)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        sound.sample_rate = 44_100
        file.mux(stream.encode(sound))
        file.mux(stream.encode())
    with pytest.raises(ValueError, match=r"sound\.mp4: holds no video, only audio"):
        open_video(path)
    path = write(tmp_path / "a.mkv")
    with av.open(str(path)) as file:
        first = next(p.pos for p in file.demux(video=0) if p.pos)
    path.write_bytes(path.read_bytes()[: first + 20])
    with pytest.raises(ValueError, match="no frame of this video can be decoded"):
        pictures(path)


def test_a_video_that_changes_its_size_is_refused(tmp_path: Path) -> None:
    path, wider = write(tmp_path / "a.ts"), write(tmp_path / "b.ts", width=96)
    path.write_bytes(path.read_bytes() + wider.read_bytes())
    with pytest.raises(ValueError, match=r"a\.ts: frame 31 has 96x48 pixels, .* it 64x48"):
        pictures(path)


def test_a_video_that_a_phone_took_upright_stands_upright(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4")
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 44  # behind 4 bytes of name and 40 of version, times, layer...
    # Players turn it by a quarter to the right: x' = -y, y' = x.
    data[matrix : matrix + 36] = struct.pack(
        ">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 48 << 16, 0, 1 << 30
    )
    path.write_bytes(data)
    first = pictures(path)[0]
    assert first.shape == (64, 48, 3)
    assert first[:28].mean() < first[36:].mean() - 20  # what was right is now below


def test_a_folder_of_frames(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.png" for number in range(3)]
    for number, file in enumerate(files):
        cv2.imwrite(str(file), drawn(number))
    clip = open_folder(files)
    assert (clip.path, clip.fps, clip.frame_count) == (tmp_path, 25, 3)
    assert open_folder(files, fps=4).fps == 4
    read = list(clip.frames())
    assert [path for path, _ in read] == files
    assert all(p is not None and (p == drawn(n)).all() for n, (_, p) in enumerate(read))


def test_frames_of_two_sizes_are_refused_before_any_is_read(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.png" for number in range(4)]
    for file, size in zip(files, [(48, 64), (48, 64), (50, 64), (9, 9)], strict=True):
        cv2.imwrite(str(file), drawn(0, *size))
    with pytest.raises(ValueError, match=r"0\.png has 64x48 pixels and 2\.png 64x50; clip=false"):
        open_folder(files)


def test_a_bad_frame_stops_or_is_skipped(tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.png" for number in range(3)]
    for file in files:
        cv2.imwrite(str(file), drawn(0))
    files[1].write_bytes(files[1].read_bytes()[:30])
    with pytest.raises(ValueError, match=r"1\.png"):
        list(open_folder(files).frames())
    read = [picture is not None for _, picture in open_folder(files, skip_bad=True).frames()]
    assert read == [True, False, True]
    with pytest.raises(ValueError, match="none of 1 frames can be read"):
        list(open_folder(files[1:2], skip_bad=True).frames())


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """Colours within the error of the codec; odd sides gain a pixel; the rate is kept."""
    rng = np.random.default_rng(0)
    patches = rng.integers(0, 256, (5, 3, 4, 3), dtype=np.uint8)
    given = patches.repeat(33, axis=1).repeat(33, axis=2)[:, :97, :131]
    path = tmp_path / "deep" / "a.mp4"
    with VideoWriter(path, 29.97) as writer:
        for picture in given:
            writer.write(picture)
    video = open_video(path)
    assert (video.fps, video.frame_count) == (pytest.approx(29.97), 5)
    read = np.stack([picture for _, picture in video.frames()])
    assert read.shape == (5, 98, 132, 3)
    centres = read[:, 16::33, 16::33].astype(int)
    assert np.abs(centres - patches).max() <= 8
    with av.open(str(path)) as file:
        assert file.streams.video[0].codec_context.pix_fmt == "yuv420p"
        assert file.streams.video[0].codec_context.name == "h264"
    assert [p.name for p in path.parent.iterdir()] == ["a.mp4"]


def test_a_gif_keeps_sides_pace_and_colours(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    patches = rng.integers(0, 256, (5, 3, 4, 3), dtype=np.uint8)
    given = patches.repeat(33, axis=1).repeat(33, axis=2)[:, :97, :131]
    path = tmp_path / "a.gif"
    with VideoWriter(path, 10) as writer:
        for picture in given:
            writer.write(picture)
    with Image.open(path) as animation:
        told = animation.info
        assert (animation.n_frames, told["duration"], told["loop"]) == (5, 100, 0)
    read = np.stack([picture for _, picture in open_video(path).frames()])
    np.testing.assert_array_equal(read, given)


def test_a_video_of_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.avi: annotated videos end in mp4 or gif"):
        VideoWriter(tmp_path / "a.avi", 10)
    assert not list(tmp_path.iterdir())


def test_an_unfinished_video_is_not_left_behind(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"old")
    writer = VideoWriter(tmp_path / "a.mp4", 25)
    with pytest.raises(ZeroDivisionError), writer:  # noqa: PT012
        writer.write(drawn(0))
        1 / 0  # noqa: B018
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_bytes() == b"old"
