"""Drawn street fronts: a data set of perspective facades, made from a seed, that is no real data.

Labels: 1 building, 2 window, 3 door. Boxes enclose the *visible* pixels: what the frame cuts or
something in the street covers does not count, and an object that shows less than 30 % of itself
is an ignored region (`iscrowd` 1), neither demanded nor punished. A building's box holds walls,
roof and chimneys; a window's or door's box is the opening with its frame, without lintel, sill
and open shutters. Shop windows, garage doors, louvred dormers, vents, posters, walled-up windows
and car windows are no objects. Houses beside the labelled ones, with windows of their own, stay
unlabelled, as in real data: each is an ignored region of all three classes.

Pictures of one row of houses share `group`, so that a split by group never shows a test house
in training. Run as `python -m prepare.drawn_facades --out DIR --pictures 400 --seed 0`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from prepare.coco_writer import CocoWriter, fingerprint
from prepare.command_line import exit_code
from prepare.drawing.photograph import encode
from prepare.drawing.scene import build_row, take_picture
from prepare.drawing.visible_objects import CLASS_NAMES, VisibleObject, visible_objects
from prepare.worker_processes import in_processes

SOURCE = "drawn_facades"
JPEG_QUALITY = 90
VIEWS = (2, 5)  # pictures of one row of houses: from, to (exclusive)


@dataclass(frozen=True)
class DrawnPicture:
    """One finished picture: JPEG bytes, (width, height) and what it shows."""

    jpeg: bytes
    size: tuple[int, int]
    objects: tuple[VisibleObject, ...]


@dataclass(frozen=True)
class Group:
    """Pictures `first` .. `first + count - 1` of a seed's data set, all of row `number`."""

    seed: int
    number: int
    first: int
    count: int


def draw_facades(
    destination: Path, pictures: int = 400, seed: int = 0, workers: int | None = None
) -> Path:
    """Draw the data set unless it is there already.

    Args:
        destination: folder to hold `annotations.json` and `images/`; made when missing.
        pictures: how many.
        seed: decides everything; picture i of a seed does not depend on `pictures` or `workers`.
        workers: processes; the number of usable cores by default.

    Returns:
        The folder.

    Raises:
        ValueError: if `pictures` is below 1, `seed` negative, or the folder holds a data set of
            other settings or of another version of the drawing code.
    """
    if pictures < 1 or seed < 0:
        raise ValueError(f"expected pictures >= 1 and seed >= 0, got {pictures} and {seed}")
    writer = _writer(destination, pictures, seed)
    if writer.is_finished():
        return writer.out
    groups = _groups(pictures, seed)
    drawn = in_processes(draw_group, groups, "Drawing facades", workers)
    for group, shots in zip(groups, drawn, strict=True):
        for offset, shot in enumerate(shots):
            _add(writer, group, group.first + offset, shot)
    writer.write()
    return writer.out


def draw_facades_under(destination: Path, pictures: int = 400, seed: int = 0) -> Path:
    """Draw a data set into a folder of its own below `destination`; see `draw_facades`.

    The folder is named after the settings and the version of the drawing code, so that other
    settings make another data set and none is ever in the way.

    Returns:
        The folder, `drawn_facades_<pictures>_<seed>_<version>`.
    """
    version = _fingerprint(pictures, seed)[:8]
    return draw_facades(
        Path(destination) / f"drawn_facades_{pictures}_{seed}_{version}", pictures, seed
    )


def _fingerprint(pictures: int, seed: int) -> str:
    here = Path(__file__)
    code = [here, *sorted((here.parent / "drawing").glob("*.py"))]
    return fingerprint({"pictures": pictures, "seed": seed}, code)


def _writer(destination: Path, pictures: int, seed: int) -> CocoWriter:
    description = f"drawn facades: {pictures} computer-drawn pictures, seed {seed}; not real data"
    key = _fingerprint(pictures, seed)
    writer = CocoWriter(Path(destination), CLASS_NAMES, description, key)
    writer.info["drawn"] = "yes"
    return writer


def draw_group(group: Group) -> list[DrawnPicture]:
    """Draw the pictures of one row of houses."""
    row = build_row(np.random.default_rng([group.seed, 0, group.number]))
    shots = []
    for index in range(group.first, group.first + group.count):
        picture = take_picture(row, np.random.default_rng([group.seed, 1, index]))
        jpeg = encode(picture.colour, JPEG_QUALITY)
        size = picture.camera.width, picture.camera.height
        shots.append(DrawnPicture(jpeg, size, tuple(visible_objects(picture, row))))
    return shots


def _groups(pictures: int, seed: int) -> list[Group]:
    rng = np.random.default_rng([seed, 2])
    groups: list[Group] = []
    first = 0
    while first < pictures:
        count = min(int(rng.integers(*VIEWS)), pictures - first)
        groups.append(Group(seed, len(groups), first, count))
        first += count
    return groups


def _add(writer: CocoWriter, group: Group, index: int, shot: DrawnPicture) -> None:
    name = f"drawn_{index:05d}.jpg"
    image_id = writer.add_image(
        name, shot.jpeg, shot.size, group=f"drawn-row-{group.number:04d}", source=SOURCE
    )
    for thing in shot.objects:
        writer.add_box(
            image_id,
            thing.label,
            thing.box,
            area=thing.pixels,
            iscrowd=int(thing.ignore),
            truncated=int(thing.truncated),
            visible=round(thing.visible, 3),
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code.

    Args:
        argv: Arguments without the program's name; those of the process by default.
    """
    parser = argparse.ArgumentParser(
        "python -m prepare.drawn_facades", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    parser.add_argument("--pictures", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)

    def draw() -> None:
        folder = draw_facades(options.out, options.pictures, options.seed)
        print(f"drawn facades lie in {folder}")

    return exit_code(draw)


if __name__ == "__main__":
    raise SystemExit(main())
