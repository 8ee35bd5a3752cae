"""Pictures into a video file that every player and browser shows."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import av
import numpy as np
from av.video.reformatter import Colorspace
from PIL import Image

from runs.prediction.video_files import Picture

_CODECS = {"mp4": "libx264", "gif": "gif"}
FORMATS = tuple(_CODECS)
# Lines of 2 pixels and letters stay sharp.
_H264 = {"crf": "20", "preset": "veryfast"}
_COLOURS = 256


class VideoWriter:
    """Writes H.264 in MP4, yuv420p, or an animated GIF that plays for ever.

    The file has its name only once it is whole. Used as a context: an exception within leaves no
    file behind.

    Args:
        path: of the file, ending in .mp4 or .gif; its folder is made if need be.
        fps: frames a second.

    Raises:
        ValueError: if the ending is another, or this PyAV was built without the encoder.
    """

    def __init__(self, path: Path, fps: float) -> None:
        ending = path.suffix.removeprefix(".")
        codec = _CODECS.get(ending)
        if codec is None:
            raise ValueError(f"{path}: annotated videos end in {' or '.join(FORMATS)}")
        if codec not in av.codecs_available:
            raise ValueError(
                f"this build of PyAV ({av.__version__}) has no encoder {codec}; "
                "install its wheel: pip install --force-reinstall av"
            )
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        self._is_gif = ending == "gif"
        path.parent.mkdir(parents=True, exist_ok=True)
        # Browsers start an MP4 before they have all of it.
        options = {"loop": "0"} if self._is_gif else {"movflags": "faststart"}
        self._container = av.open(str(self._part), "w", format=ending, options=options)
        rate = Fraction(fps).limit_denominator(100_000)
        its = {} if self._is_gif else _H264
        self._stream = cast(
            av.VideoStream, self._container.add_stream(codec, rate=rate, options=its)
        )
        self._stream.pix_fmt = "pal8" if self._is_gif else "yuv420p"
        if not self._is_gif:
            # Said, and not left to players, which otherwise guess the colours by the size.
            self._stream.codec_context.colorspace = Colorspace.ITU709

    def write(self, picture: Picture) -> None:
        """Append a frame of the size of the first.

        Args:
            picture: uint8 [H, W, 3] RGB. Odd sides gain a pixel in an MP4.
        """
        frame = _indexed(picture) if self._is_gif else _yuv(picture)
        if not self._stream.codec_context.is_open:
            self._stream.height, self._stream.width = frame.height, frame.width
        self._container.mux(self._stream.encode(frame))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._container.mux(self._stream.encode())
            self._container.close()
            if kind is None:
                self._part.replace(self._path)
        finally:
            self._part.unlink(missing_ok=True)


def _yuv(picture: Picture) -> av.VideoFrame:
    height, width = picture.shape[:2]
    even = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    frame = av.VideoFrame.from_ndarray(even, format="rgb24")
    return frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)


def _indexed(picture: Picture) -> av.VideoFrame:
    """The 256 colours that suit this frame; FFmpeg itself would take the same for all."""
    image = Image.fromarray(picture).quantize(_COLOURS, dither=Image.Dither.NONE)
    colours = np.array(image.getpalette("RGB"), dtype=np.uint8).reshape(-1, 3)
    palette = np.zeros((_COLOURS, 4), dtype=np.uint8)  # alpha, red, green, blue
    palette[: len(colours), 0] = 255
    palette[: len(colours), 1:] = colours
    # PyAV's types know of pictures alone.
    indexed: Any = (np.array(image), palette)
    return av.VideoFrame.from_ndarray(indexed, format="pal8")
