"""YOLO text labels to COCO.

One file a picture, one line an object: `class cx cy w h`, the class counted from 0, centre and
sides as shares of the picture's width and height. A picture without a file has no objects.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.progress import track

from prepare.coco_writer import CocoWriter, fingerprint
from prepare.command_line import (
    Output,
    add_output_arguments,
    exit_code,
    output_from,
    prepare_once,
)
from prepare.inputs import (
    PICTURE_SUFFIXES,
    files_by_stem,
    picture_size,
    read_names,
    read_text,
    require_partners,
)

Box = tuple[float, float, float, float]

# Labels are written with few digits; a box may leave the picture by that much and is clipped.
ROUNDING_PX = 1.0


def read_labels(path: Path, size: tuple[int, int], class_count: int) -> list[tuple[int, Box]]:
    """Objects of one label file, in its order.

    Args:
        path: A YOLO label file.
        size: (width, height) of its picture in pixels.
        class_count: Number of classes.

    Returns:
        For each object its label, 1..C, and its box, xyxy in pixels.

    Raises:
        ValueError: If a line is malformed; it names the file and the line.
    """
    lines = enumerate(read_text(path).splitlines(), start=1)
    return [
        _read_line(text, f"{path}, line {line}", size, class_count)
        for line, text in lines
        if text.strip()
    ]


def _read_line(text: str, where: str, size: tuple[int, int], class_count: int) -> tuple[int, Box]:
    fields = text.split()
    try:
        index, (cx, cy, width, height) = int(fields[0]), map(float, fields[1:])
    except ValueError as error:
        raise ValueError(
            f"{where}: expected a class number and four shares 'cx cy w h', got {text.strip()!r}"
        ) from error
    if not 0 <= index < class_count:
        raise ValueError(
            f"{where}: class {index} is not in the class file, which has 0..{class_count - 1}"
        )
    box = [
        (cx - width / 2) * size[0],
        (cy - height / 2) * size[1],
        (cx + width / 2) * size[0],
        (cy + height / 2) * size[1],
    ]
    clipped = [min(max(value, 0.0), float(size[i % 2])) for i, value in enumerate(box)]
    near = all(abs(a - b) <= ROUNDING_PX for a, b in zip(box, clipped, strict=True))
    if not near or not (clipped[0] < clipped[2] and clipped[1] < clipped[3]):
        raise ValueError(
            f"{where}: box {' '.join(fields[1:])} is empty or leaves the picture of "
            f"{size[0]}x{size[1]} px; expected shares in 0..1: correct or remove it"
        )
    return index + 1, (clipped[0], clipped[1], clipped[2], clipped[3])


def prepare(images: Path, labels: Path, classes: Path, output: Output) -> None:
    """Write the COCO folder of a YOLO data set.

    Args:
        images: Folder of pictures.
        labels: Folder of label files, named like the pictures.
        classes: File with a class name on each line, class 0 first.
        output: Where to write, and how.

    Raises:
        FileNotFoundError: If a folder or file is missing.
        ValueError: If a file is malformed, or a label file has no picture.
    """
    names = read_names(classes)
    pictures = files_by_stem(images, PICTURE_SUFFIXES)
    label_files = files_by_stem(labels, {".txt"})
    label_files.pop("classes", None)  # some tools put the class file among the labels
    require_partners(label_files, pictures, images, "picture")
    options = {"tool": "yolo_txt", "source": output.source, "group": output.group_pattern}
    key = fingerprint(options | {"classes": names}, [*pictures.values(), *label_files.values()])

    def fill(writer: CocoWriter) -> None:
        for stem, picture in track(pictures.items(), "Reading labels"):
            name, size = picture.relative_to(images).as_posix(), picture_size(picture)
            image_id = writer.add_image(name, picture, size, output.group(stem), output.source)
            if stem in label_files:
                for label, box in read_labels(label_files[stem], size, len(names)):
                    writer.add_box(image_id, label, box)

    prepare_once(CocoWriter(output.folder, names, "YOLO text labels", key), fill, output.link)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code.

    Args:
        argv: Arguments without the program's name; those of the process by default.
    """
    parser = argparse.ArgumentParser("python -m prepare.yolo_txt", description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="folder of pictures")
    parser.add_argument("--labels", type=Path, required=True, help="folder of label files")
    parser.add_argument(
        "--classes", type=Path, required=True, help="file with a class name on each line"
    )
    add_output_arguments(parser)
    args = parser.parse_args(argv)
    return exit_code(lambda: prepare(args.images, args.labels, args.classes, output_from(args)))


if __name__ == "__main__":
    raise SystemExit(main())
