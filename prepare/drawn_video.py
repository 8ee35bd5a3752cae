"""Drawn video: bodies whose class shows only in how they move, made from a seed; no real data.

Labels: 1 drifting (constant velocity, reflected at the border), 2 swinging (to and fro in place),
3 pulsing (growing and shrinking in place). Still bodies that look the same are background. Form,
colours, pattern, place and size are drawn alike for all four, so that no single frame tells the
class, or whether a body is labelled at all: a detector of pictures can find the bodies, and then
has to guess. Boxes enclose the *visible* pixels: a body that shows less than 30 % of itself,
behind another or behind a post, is an ignored region (`iscrowd` 1).

The result is COCO-VID: `videos`, `video_id` and `frame_id` of the images, `instance_id` of the
annotations (one number a body over the whole file). Frames of one video share `group`, so that a
split by group never shows a test video in training.
Run as `python -m prepare.drawn_video --out DIR --videos 60 --seed 0`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from prepare.coco_writer import CocoWriter, fingerprint
from prepare.command_line import exit_code
from prepare.drawing.photograph import encode
from prepare.drawing_video.scene import BODIES, CLASS_NAMES, SIZE, VisibleBody, draw_scene, film

SOURCE = "drawn_video"
JPEG_QUALITY = 90


def draw_video(destination: Path, videos: int = 60, seed: int = 0) -> Path:
    """Draw the data set unless it is there already.

    Args:
        destination: folder to hold `annotations.json` and `images/`; made when missing.
        videos: how many, of 24 to 48 frames of 160×160 pixels each.
        seed: decides everything; video i of a seed does not depend on `videos`.

    Returns:
        The folder.

    Raises:
        ValueError: if `videos` is below 1, `seed` negative, or the folder holds a data set of
            other settings or of another version of the drawing code.
    """
    if videos < 1 or seed < 0:
        raise ValueError(f"expected videos >= 1 and seed >= 0, got {videos} and {seed}")
    description = f"drawn video: {videos} computer-drawn videos, seed {seed}; not real data"
    key = _fingerprint(videos, seed)
    writer = CocoWriter(Path(destination), CLASS_NAMES, description, key)
    writer.info["drawn"] = "yes"
    if writer.is_finished():
        return writer.out
    for number in track(range(videos), "Drawing videos", console=Console(stderr=True)):
        _add_video(writer, seed, number)
    writer.write()
    return writer.out


def draw_video_under(destination: Path, videos: int = 60, seed: int = 0) -> Path:
    """Draw a data set into a folder of its own below `destination`; see `draw_video`.

    The folder is named after the settings and the version of the drawing code, so that other
    settings make another data set and none is ever in the way.

    Returns:
        The folder, `drawn_video_<videos>_<seed>_<version>`.
    """
    version = _fingerprint(videos, seed)[:8]
    return draw_video(Path(destination) / f"drawn_video_{videos}_{seed}_{version}", videos, seed)


def _fingerprint(videos: int, seed: int) -> str:
    here = Path(__file__)
    shared = [here.parent / "drawing" / name for name in ("materials.py", "photograph.py")]
    code = [here, *sorted((here.parent / "drawing_video").glob("*.py")), *shared]
    return fingerprint({"videos": videos, "seed": seed}, code)


def _add_video(writer: CocoWriter, seed: int, number: int) -> None:
    name = f"drawn_{number:04d}"
    video_id = writer.add_video(name)
    rng = np.random.default_rng([seed, number])
    for frame_id, (picture, bodies) in enumerate(film(draw_scene(rng), rng)):
        image_id = writer.add_image(
            f"{name}/{frame_id:06d}.jpg",
            encode(picture, JPEG_QUALITY),
            (SIZE, SIZE),
            group=name,
            source=SOURCE,
            video_id=video_id,
            frame_id=frame_id,
        )
        for body in bodies:
            _add_body(writer, image_id, video_id, body)


def _add_body(writer: CocoWriter, image_id: int, video_id: int, body: VisibleBody) -> None:
    writer.add_box(
        image_id,
        body.label,
        body.box,
        area=body.pixels,
        iscrowd=int(body.ignore),
        video_id=video_id,
        instance_id=(video_id - 1) * BODIES[1] + body.body + 1,
        visible=round(body.visible, 3),
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code.

    Args:
        argv: Arguments without the program's name; those of the process by default.
    """
    parser = argparse.ArgumentParser(
        "python -m prepare.drawn_video", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    parser.add_argument("--videos", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)

    def draw() -> None:
        folder = draw_video(options.out, options.videos, options.seed)
        print(f"drawn videos lie in {folder}")

    return exit_code(draw)


if __name__ == "__main__":
    raise SystemExit(main())
