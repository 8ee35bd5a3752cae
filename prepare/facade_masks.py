"""Facade masks to COCO: boxes of buildings, windows and doors at native resolution."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
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
from prepare.facade_rules import FacadeRules, SizeLimit, facade_boxes
from prepare.inputs import PICTURE_SUFFIXES, files_by_stem, picture_size, require_partners
from prepare.mask_classes import CLASS_NAMES, PRESETS, MaskClasses


def prepare(
    images: Path, masks: Path, classes: MaskClasses, output: Output, rules: FacadeRules
) -> None:
    """Write the COCO folder of a data set of facade masks.

    Args:
        images: Folder of pictures.
        masks: Folder of masks, one of the same name and size for every picture.
        classes: What the values of the masks mean.
        output: Where to write, and how.
        rules: How masks become boxes.

    Raises:
        FileNotFoundError: If a folder is missing.
        ValueError: If a file is malformed, has no partner, or a mask does not fit its picture.
    """
    pictures = files_by_stem(images, PICTURE_SUFFIXES)
    mask_files = files_by_stem(masks, PICTURE_SUFFIXES)
    require_partners(pictures, mask_files, masks, "mask")
    require_partners(mask_files, pictures, images, "picture")
    options = {
        "tool": "facade_masks",
        "source": output.source,
        "group": output.group_pattern,
        "classes": classes.mapping,
        "rules": asdict(rules),
    }
    key = fingerprint(options, [*pictures.values(), *mask_files.values()])

    def fill(writer: CocoWriter) -> None:
        for stem, picture in track(pictures.items(), "Reading masks"):
            name = picture.relative_to(images).as_posix()
            size = picture_size(picture)
            image_id = writer.add_image(name, picture, size, output.group(stem), output.source)
            _add_boxes(writer, image_id, size, mask_files[stem], classes, rules)

    description = "facades, boxes derived from masks"
    prepare_once(CocoWriter(output.folder, CLASS_NAMES, description, key), fill, output.link)


def _add_boxes(
    writer: CocoWriter,
    image_id: int,
    size: tuple[int, int],
    mask: Path,
    classes: MaskClasses,
    rules: FacadeRules,
) -> None:
    labels = classes.read(mask)
    if labels.shape != size[::-1]:
        raise ValueError(
            f"{mask}: is {labels.shape[1]}x{labels.shape[0]} px, its picture {size[0]}x{size[1]}: "
            "masks must have the size of the picture as stored"
        )
    boxes, dropped = facade_boxes(labels, rules)
    for box in boxes:
        flags = {"truncated": box.truncated, "review": box.review}
        writer.add_box(image_id, box.label, box.box, area=box.area, **flags)
    for reason, count in dropped.items():
        writer.drop(reason, count)


def _limit(text: str) -> tuple[str, SizeLimit]:
    """`window=6,40,0.0002` as a class and its limit."""
    name, _, numbers = text.partition("=")
    try:
        values = [float(number) for number in numbers.split(",")]
    except ValueError:
        values = []
    if name not in CLASS_NAMES or len(values) != 3 or not all(0 <= v < 1e9 for v in values):
        raise argparse.ArgumentTypeError(
            f"expected one of {', '.join(CLASS_NAMES)} and three numbers from 0 up, as in "
            f"window=6,40,0.0002, got {text!r}"
        )
    return name, SizeLimit(*values)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m prepare.facade_masks", description=__doc__)
    parser.add_argument("--images", type=Path, required=True, help="folder of pictures")
    parser.add_argument("--masks", type=Path, required=True, help="folder of masks, same names")
    parser.add_argument(
        "--classes",
        required=True,
        help=f"what mask values mean: {', '.join(PRESETS)}, or a JSON file with lists of numbers "
        "or [r, g, b] under building, window, door and other",
    )
    add_output_arguments(parser)
    default = FacadeRules()
    parser.add_argument(
        "--connectivity",
        type=int,
        choices=(4, 8),
        default=default.connectivity,
        help="4: objects that touch in a corner stay apart; 8: they join (%(default)s)",
    )
    parser.add_argument(
        "--limit",
        type=_limit,
        action="append",
        default=[],
        metavar="CLASS=SIDE,AREA,SHARE",
        help="smallest side in px, area in px and area as a share of the picture (3,16,2e-5)",
    )
    parser.add_argument(
        "--training-size",
        type=int,
        default=default.training_size,
        help="drop what is under 2 px after a resize to this square; 0 keeps it (%(default)s)",
    )
    parser.add_argument(
        "--building-gap",
        type=float,
        default=default.building_gap,
        help="join parts of a building over this share of the width; 0 joins none (%(default)s)",
    )
    parser.add_argument("--keep-touching", action="store_true", help="do not part touching windows")
    return parser


def _rules(args: argparse.Namespace) -> FacadeRules:
    if not 0 <= args.building_gap <= 0.1:
        raise ValueError(f"--building-gap {args.building_gap}: expected a share of 0 to 0.1")
    if args.training_size < 0:
        raise ValueError(f"--training-size {args.training_size}: expected 0 or more pixels")
    return FacadeRules(
        connectivity=args.connectivity,
        limits=FacadeRules().limits | dict(args.limit),
        training_size=args.training_size,
        building_gap=args.building_gap,
        split_windows=not args.keep_touching,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code.

    Args:
        argv: Arguments without the program's name; those of the process by default.
    """
    args = _parser().parse_args(argv)

    def action() -> None:
        classes = MaskClasses.load(args.classes)
        prepare(args.images, args.masks, classes, output_from(args), _rules(args))

    return exit_code(action)


if __name__ == "__main__":
    raise SystemExit(main())
