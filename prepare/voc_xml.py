"""Pascal VOC XML to COCO.

VOC counts pixels from 1 and includes the last: xmin..xmax of the file is xmin - 1..xmax here. An
object marked `difficult` gets `ignore`: 1, which VOC metrics neither demand nor punish; COCO's own
metrics know no such objects and count it like any other.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
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
from prepare.inputs import (
    PICTURE_SUFFIXES,
    files_by_stem,
    picture_size,
    read_names,
    read_text,
    require_partners,
)
from prepare.xml_files import number, parse_xml


class VocObject(NamedTuple):
    """One object of a file.

    Attributes:
        name: Its class.
        box: xyxy in pixels, half-open.
        difficult: Whether VOC metrics leave it out.
        truncated: Whether part of it lies outside the box.
    """

    name: str
    box: tuple[float, float, float, float]
    difficult: bool
    truncated: bool


def read_objects(path: Path, size: tuple[int, int]) -> list[VocObject]:
    """Objects of one file, in its order.

    Args:
        path: A VOC annotation file.
        size: (width, height) of its picture in pixels.

    Raises:
        ValueError: If the file is malformed, was made for another size, or a box is empty or
            leaves the picture; it names the file and the object.
    """
    root = parse_xml(path)
    if root.tag != "annotation":
        raise ValueError(f"{path}: expected <annotation> as root element, got <{root.tag}>")
    if root.find("size") is not None:
        stated = tuple(number(root, f"size/{side}", str(path)) for side in ("width", "height"))
        if stated != size:
            raise ValueError(
                f"{path}: was made for {stated[0]:g}x{stated[1]:g} px, but its picture has "
                f"{size[0]}x{size[1]}: bring back the original picture, or scale the boxes"
            )
    elements = enumerate(root.findall("object"), start=1)
    return [_read_object(e, f"{path}, object {index}", size) for index, e in elements]


def _read_object(element: ElementTree.Element, where: str, size: tuple[int, int]) -> VocObject:
    name = (element.findtext("name") or "").strip()
    if not name:
        raise ValueError(f"{where}: expected a class in <name>, got nothing")
    x1, y1, x2, y2 = (
        number(element, f"bndbox/{t}", where) for t in ("xmin", "ymin", "xmax", "ymax")
    )
    if not (1 <= x1 <= x2 <= size[0] and 1 <= y1 <= y2 <= size[1]):
        raise ValueError(
            f"{where}: box {[x1, y1, x2, y2]} is empty or leaves the picture of "
            f"{size[0]}x{size[1]} px; expected 1 <= xmin <= xmax <= width and the like for y: "
            "correct or remove it"
        )
    difficult, truncated = (
        element.findtext(tag, "0").strip() == "1" for tag in ("difficult", "truncated")
    )
    return VocObject(name, (x1 - 1, y1 - 1, x2, y2), difficult, truncated)


def _chosen(files: dict[str, Path], image_set: Path | None) -> dict[str, Path]:
    """The files that an image set lists; all without one."""
    if image_set is None:
        return files
    chosen = {}
    for line, text in enumerate(read_text(image_set).splitlines(), start=1):
        # Sets of one class say 1, 0 or -1 after the name.
        stem = text.split(maxsplit=1)[0] if text.strip() else ""
        if stem and stem not in files:
            raise ValueError(f"{image_set}, line {line}: no annotation file is called {stem!r}")
        if stem:
            chosen[stem] = files[stem]
    if not chosen:
        raise ValueError(f"{image_set}: expected a picture's name on each line, got none")
    return chosen


def prepare(
    images: Path,
    xml: Path,
    output: Output,
    classes: Path | None = None,
    image_set: Path | None = None,
) -> None:
    """Write the COCO folder of a VOC data set.

    Args:
        images: Folder of pictures (JPEGImages).
        xml: Folder of annotation files (Annotations).
        output: Where to write, and how.
        classes: File with a class name on each line, in the order wanted; without it the names
            that occur, sorted.
        image_set: File of ImageSets/Main that lists the pictures to take; all without it.

    Raises:
        FileNotFoundError: If a folder or file is missing.
        ValueError: If a file is malformed, has no partner, or names a class that `classes` lacks.
    """
    annotations, pictures = _pairs(images, xml, image_set)
    sizes = {stem: picture_size(picture) for stem, picture in pictures.items()}
    files = track(annotations.items(), "Reading XML")
    objects = {stem: read_objects(path, sizes[stem]) for stem, path in files}
    names = read_names(classes) if classes else _names_of(objects)
    options = {"tool": "voc_xml", "source": output.source, "group": output.group_pattern}
    key = fingerprint(options | {"classes": names}, [*pictures.values(), *annotations.values()])

    def fill(writer: CocoWriter) -> None:
        for stem, picture in pictures.items():
            name, group = picture.relative_to(images).as_posix(), output.group(stem)
            image_id = writer.add_image(name, picture, sizes[stem], group, output.source)
            for index, thing in enumerate(objects[stem], start=1):
                label = _label(thing.name, names, f"{annotations[stem]}, object {index}")
                flags = {"ignore": int(thing.difficult), "truncated": thing.truncated}
                writer.add_box(image_id, label, thing.box, **flags)

    prepare_once(CocoWriter(output.folder, names, "Pascal VOC XML", key), fill, output.link)


def _pairs(
    images: Path, xml: Path, image_set: Path | None
) -> tuple[dict[str, Path], dict[str, Path]]:
    """Annotation files and pictures by stem, every one with its partner."""
    annotations = _chosen(files_by_stem(xml, {".xml"}), image_set)
    pictures = files_by_stem(images, PICTURE_SUFFIXES)
    require_partners(annotations, pictures, images, "picture")
    if image_set is None:
        require_partners(pictures, annotations, xml, "XML file")
    return annotations, {stem: pictures[stem] for stem in annotations}


def _label(name: str, names: list[str], where: str) -> int:
    if name not in names:
        raise ValueError(f"{where}: class {name!r} is not in --classes: add it or correct it here")
    return names.index(name) + 1


def _names_of(objects: dict[str, list[VocObject]]) -> list[str]:
    names = sorted({thing.name for things in objects.values() for thing in things})
    if not names:
        raise ValueError("no object in any XML file: name the classes with --classes")
    return names


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code.

    Args:
        argv: Arguments without the program's name; those of the process by default.
    """
    parser = argparse.ArgumentParser("python -m prepare.voc_xml", description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="folder of pictures: JPEGImages")
    parser.add_argument("--xml", type=Path, required=True, help="folder of XML files: Annotations")
    parser.add_argument(
        "--classes", type=Path, help="file with a class name on each line (default: all, sorted)"
    )
    parser.add_argument(
        "--image-set", type=Path, help="take only these: a file of ImageSets/Main (default: all)"
    )
    add_output_arguments(parser)
    args = parser.parse_args(argv)
    return exit_code(
        lambda: prepare(args.images, args.xml, output_from(args), args.classes, args.image_set)
    )


if __name__ == "__main__":
    raise SystemExit(main())
