"""Videos as frames: files, read through PyAV, and folders of pictures."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from numpy.typing import NDArray
from PIL import Image

from datamodules.picture import read_picture

log = logging.getLogger(__name__)

Picture = NDArray[np.uint8]

_FOLDER_FPS = 25.0  # of a folder of frames, which does not say
_ESTIMATE = 0.95  # share of the frames that must be there where their number is an estimate


class Clip(Protocol):
    """Frames of one size, in the order of time."""

    @property
    def path(self) -> Path:
        """The file or folder."""
        ...

    @property
    def fps(self) -> float:
        """Frames a second."""
        ...

    @property
    def frame_count(self) -> int:
        """How many frames there should be, roughly; 0 where nothing says it."""
        ...

    def frames(self) -> Iterator[tuple[Path, Picture | None]]:
        """The file of each frame and its uint8 [H, W, 3] RGB, None for one that is skipped.

        Raises:
            ValueError: naming the file, if it holds no frame that can be read or frames of two
                sizes.
        """
        ...


@dataclass(frozen=True)
class VideoFile:
    """A video file, see `open_video`; the attributes are those of `Clip`."""

    path: Path
    fps: float
    frame_count: int
    count_is_exact: bool

    def frames(self) -> Iterator[tuple[Path, Picture]]:
        """See `Clip.frames`; a warning says how much of a damaged file could not be read."""
        count, faults = 0, list[str]()
        size: tuple[int, ...] = ()
        with av.open(str(self.path)) as container:
            for frame in _decode(container, faults):
                picture = _upright(frame)
                size = size or picture.shape
                if picture.shape != size:
                    raise ValueError(
                        f"{self.path}: frame {count + 1} has {picture.shape[1]}x{picture.shape[0]} "
                        f"pixels, those before it {size[1]}x{size[0]}; the frames of a clip are of "
                        "one size: cut the file there"
                    )
                count += 1
                yield self.path, picture
        self._account(count, faults[0] if faults else "")

    def _account(self, count: int, fault: str) -> None:
        if count == 0:
            raise ValueError(
                f"{self.path}: no frame of this video can be decoded{fault and f': {fault}'}; "
                "is the file damaged?"
            )
        wanted = self.frame_count if self.count_is_exact else _ESTIMATE * self.frame_count
        if fault or count < wanted:
            log.warning(
                "%s: damaged or cut short: %d of %s%d frames could be read%s",
                self.path,
                count,
                "" if self.count_is_exact else "about ",
                max(count, self.frame_count),
                fault and f" ({fault})",
            )


@dataclass(frozen=True)
class FrameFolder:
    """A folder of frames, see `open_folder`; the other attributes are those of `Clip`.

    Attributes:
        pictures: its frames in order.
        skip_bad: whether a frame that cannot be read is skipped.
    """

    path: Path
    pictures: Sequence[Path]
    fps: float
    skip_bad: bool

    @property
    def frame_count(self) -> int:
        """All of them, those included that may be skipped."""
        return len(self.pictures)

    def frames(self) -> Iterator[tuple[Path, Picture | None]]:
        """See `Clip.frames`."""
        count = 0
        for path in self.pictures:
            try:
                picture = read_picture(path)
            except ValueError:
                if not self.skip_bad:
                    raise
                yield path, None
            else:
                count += 1
                yield path, picture
        if count == 0:
            raise ValueError(f"{self.path}: none of {len(self.pictures)} frames can be read")


def open_video(path: Path, fps: float | None = None) -> VideoFile:
    """Look into a video file.

    Args:
        path: the file.
        fps: frames a second, in place of what the file says.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is empty, no video, or damaged so that it cannot be opened.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such video")
    if path.stat().st_size == 0:
        raise ValueError(f"{path}: the file is empty")
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                kinds = sorted({stream.type for stream in container.streams})
                raise ValueError(f"{path}: holds no video, only {', '.join(kinds) or 'nothing'}")
            stream = container.streams.video[0]
            rate = fps or float(stream.average_rate or stream.guessed_rate or 0)
            count, exact = stream.frames, stream.frames > 0
            if not exact and container.duration:
                count = round(rate * container.duration / av.time_base)
    except FFmpegError as error:
        raise ValueError(
            f"{path}: not a video that can be read, or damaged or cut short: {error.strerror}"
        ) from error
    if rate <= 0:
        raise ValueError(f"{path}: does not say how many frames it has a second; give fps=…")
    return VideoFile(path, rate, count, exact)


def open_folder(
    pictures: Sequence[Path], fps: float | None = None, skip_bad: bool = False
) -> FrameFolder:
    """Pictures of one folder as the frames of a clip.

    Args:
        pictures: at least one, in order.
        fps: frames a second; 25 where absent.
        skip_bad: see `FrameFolder`.

    Raises:
        ValueError: naming the first two pictures that differ in size.
    """
    first: tuple[Path, tuple[int, int]] | None = None
    for path in pictures:
        size = _size_of(path)
        if first is None and size is not None:
            first = (path, size)
        elif first is not None and size not in (None, first[1]):
            raise ValueError(
                f"{path.parent}: the frames of a clip are of one size, but {first[0].name} has "
                f"{first[1][0]}x{first[1][1]} pixels and {path.name} {size[0]}x{size[1]}; "  # type: ignore[index]
                "clip=false takes them for single pictures"
            )
    return FrameFolder(pictures[0].parent, pictures, fps or _FOLDER_FPS, skip_bad)


def _size_of(path: Path) -> tuple[int, int] | None:
    """Width and height as stored; None where reading the picture will tell what is wrong."""
    try:
        with Image.open(path) as picture:
            return picture.size
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def _decode(container: InputContainer, faults: list[str]) -> Iterator[av.VideoFrame]:
    """Every frame that can be decoded; what hinders others goes to `faults`."""
    packets = container.demux(container.streams.video[0])
    while True:
        try:
            packet = next(packets, None)
        except FFmpegError as error:  # nothing behind it can be found
            faults.append(str(error.strerror))
            return
        if packet is None:
            return
        try:
            frames = packet.decode()
        except FFmpegError as error:  # frames behind it may be whole
            faults.append(str(error.strerror))
        else:
            yield from frames


def _upright(frame: av.VideoFrame) -> Picture:
    """The frame as players show it: phones store how they were held beside the pixels."""
    picture = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(picture, round(frame.rotation / 90) % 4))
