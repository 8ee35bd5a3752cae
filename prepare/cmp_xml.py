"""CMP Facade Database XML to COCO: building (its facade), window and door.

Tyleček and Šára, 'Spatial Pattern Templates for Recognition of Objects with Regular Structure',
GCPR 2013. The files are bare sequences of `<object>` without a root element. Points are relative
(0..1), and the tag `x` is the vertical axis, `y` the horizontal one.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

from rich.progress import track

from prepare.coco_writer import CocoWriter, fingerprint
from prepare.command_line import (
    Output,
    add_output_arguments,
    exit_code,
    output_from,
    prepare_once,
)
from prepare.inputs import PICTURE_SUFFIXES, files_by_stem, picture_size, require_partners
from prepare.xml_files import finite, number, parse_xml

CLASS_NAMES = ("building", "window", "door")
LABELS = {2: 1, 3: 2, 4: 3}  # CMP label id (facade, window, door) -> ours
CMP_IDS = range(1, 13)
MIN_SIDE = 2.0


def read_objects(path: Path) -> Iterator[tuple[int, tuple[float, float, float, float]]]:
    """Facades, windows and doors of one file, in its order.

    Args:
        path: A CMP XML file.

    Yields:
        The label, 1..3 as in `CLASS_NAMES`, and the box as relative xyxy with x horizontal;
        it may leave 0..1.

    Raises:
        ValueError: If the file is malformed; it names the file and the object.
    """
    for index, element in enumerate(parse_xml(path, add_root=True), start=1):
        where = f"{path}, object {index}"
        cmp_id = number(element, "label", where)
        if element.tag != "object" or cmp_id not in CMP_IDS:
            raise ValueError(
                f"{where}: expected an <object> with a label in 1..12, "
                f"got <{element.tag}> with label {cmp_id:g}"
            )
        if cmp_id in LABELS:
            x1, x2 = _span(element, "y", where)
            y1, y2 = _span(element, "x", where)
            yield LABELS[int(cmp_id)], (x1, y1, x2, y2)


def _span(element: ElementTree.Element, tag: str, where: str) -> tuple[float, float]:
    """Smallest and largest of an object's two coordinates on one axis."""
    values = [finite(e.text, f"{where}: <{tag}>") for e in element.findall(f"points/{tag}")]
    if len(values) != 2:
        raise ValueError(f"{where}: expected two <{tag}> in <points>, got {len(values)}")
    return min(values), max(values)


def prepare(images: Path, xml: Path, output: Output) -> None:
    """Write the COCO folder of a CMP data set.

    Boxes are clipped to the picture; those with a side under 2 px then are dropped.

    Args:
        images: Folder of pictures.
        xml: Folder of XML files, one of the same name for every picture.
        output: Where to write, and how.

    Raises:
        FileNotFoundError: If a folder is missing.
        ValueError: If a file is malformed or has no partner.
    """
    pictures = files_by_stem(images, PICTURE_SUFFIXES)
    annotations = files_by_stem(xml, {".xml"})
    require_partners(pictures, annotations, xml, "XML file")
    require_partners(annotations, pictures, images, "picture")
    options = {"tool": "cmp_xml", "source": output.source, "group": output.group_pattern}
    key = fingerprint(options, [*pictures.values(), *annotations.values()])

    def fill(writer: CocoWriter) -> None:
        for stem, picture in track(pictures.items(), "Reading XML"):
            size = width, height = picture_size(picture)
            name = picture.relative_to(images).as_posix()
            image_id = writer.add_image(name, picture, size, output.group(stem), output.source)
            for label, (x1, y1, x2, y2) in read_objects(annotations[stem]):
                left, top = max(0.0, x1) * width, max(0.0, y1) * height
                right, bottom = min(1.0, x2) * width, min(1.0, y2) * height
                if min(right - left, bottom - top) < MIN_SIDE:
                    writer.drop(f"{CLASS_NAMES[label - 1]}: side under {MIN_SIDE:g} px")
                    continue
                writer.add_box(image_id, label, (left, top, right, bottom))

    description = "CMP facades, boxes from the XML rectangles"
    prepare_once(CocoWriter(output.folder, CLASS_NAMES, description, key), fill, output.link)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code.

    Args:
        argv: Arguments without the program's name; those of the process by default.
    """
    parser = argparse.ArgumentParser("python -m prepare.cmp_xml", description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="folder of pictures")
    parser.add_argument("--xml", type=Path, required=True, help="folder of XML files")
    add_output_arguments(parser)
    args = parser.parse_args(argv)
    return exit_code(lambda: prepare(args.images, args.xml, output_from(args)))


if __name__ == "__main__":
    raise SystemExit(main())
