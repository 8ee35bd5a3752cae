"""Pictures into a video file that every player and browser shows."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self, cast

import av
import numpy as np
from av.video.reformatter import Colorspace

from runs.prediction.video_files import Picture

_CODEC = "libx264"
# Lines of 2 pixels and letters stay sharp.
_OPTIONS = {"crf": "20", "preset": "veryfast"}


class VideoWriter:
    """Writes H.264 in MP4, yuv420p. The file has its name only once it is whole.

    Used as a context: an exception within leaves no file behind.

    Args:
        path: of the file, ending in .mp4; its folder is made if need be.
        fps: frames a second.

    Raises:
        ValueError: if this PyAV was built without an H.264 encoder.
    """

    def __init__(self, path: Path, fps: float) -> None:
        if _CODEC not in av.codecs_available:
            raise ValueError(
                f"this build of PyAV ({av.__version__}) has no encoder {_CODEC}; "
                "install its wheel: pip install --force-reinstall av"
            )
        self._path = path
        self._part = path.with_name(f".{path.name}.part")
        path.parent.mkdir(parents=True, exist_ok=True)
        options = {"movflags": "faststart"}  # browsers start before they have all of it
        self._container = av.open(str(self._part), "w", format="mp4", options=options)
        rate = Fraction(fps).limit_denominator(100_000)
        stream = self._container.add_stream(_CODEC, rate=rate, options=_OPTIONS)
        self._stream = cast(av.VideoStream, stream)
        self._stream.pix_fmt = "yuv420p"
        # Said, and not left to players, which otherwise guess the colours by the picture's size.
        self._stream.codec_context.colorspace = Colorspace.ITU709

    def write(self, picture: Picture) -> None:
        """Append a frame, uint8 [H, W, 3] RGB of the size of the first; odd sizes gain a pixel."""
        height, width = picture.shape[:2]
        even = np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        if not self._stream.codec_context.is_open:
            self._stream.height, self._stream.width = even.shape[:2]
        frame = av.VideoFrame.from_ndarray(even, format="rgb24")
        frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
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
