"""What the command lines of all preparations share: where to write, groups, how errors end."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from prepare.coco_summary import print_summary
from prepare.coco_writer import CocoWriter


@dataclass(frozen=True)
class Output:
    """Where a prepared data set goes.

    Args:
        folder: Folder to write.
        source: Name of the data set, kept with every picture.
        group_pattern: Regular expression searched in the picture's name (below its folder,
            without ending); its first bracket, or the whole match, is the picture's group.
            Without one every picture is a group of its own.
        link: Make hard links to the pictures in place of copies.
    """

    folder: Path
    source: str
    group_pattern: str | None = None
    link: bool = False

    def group(self, stem: str) -> str:
        """The group of a picture, which a split must not tear apart.

        Args:
            stem: The picture's name below its folder, without ending.

        Raises:
            ValueError: If the pattern is malformed or does not occur in the name.
        """
        if self.group_pattern is None:
            return stem
        try:
            match = re.search(self.group_pattern, stem)
        except re.error as error:
            raise ValueError(f"--group-pattern {self.group_pattern!r}: {error}") from error
        if match is None:
            raise ValueError(
                f"--group-pattern {self.group_pattern!r} does not occur in picture name {stem!r}"
            )
        return match[match.re.groups and 1]


def add_output_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that `output_from` reads.

    Args:
        parser: Gets --out, --source, --group-pattern and --link.
    """
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--source", help="name of the data set (default: the output folder's name)")
    parser.add_argument(
        "--group-pattern",
        metavar="REGEX",
        help="its first bracket in a picture's name is the building or street that a split keeps "
        "together, e.g. '^(.*)__' (default: every picture for itself)",
    )
    parser.add_argument("--link", action="store_true", help="hard links in place of copies")


def output_from(args: argparse.Namespace) -> Output:
    """The output that a command line asks for.

    Args:
        args: Parsed arguments of a parser that went through `add_output_arguments`.
    """
    source = args.source or args.out.resolve().name
    return Output(args.out, source, args.group_pattern, args.link)


def prepare_once(
    writer: CocoWriter, fill: Callable[[CocoWriter], None], link: bool = False
) -> None:
    """Fill and write a data set, or say that it is there already.

    Args:
        writer: An empty writer.
        fill: Adds pictures and boxes to it; may raise before anything is written.
        link: Make hard links to the pictures in place of copies.
    """
    if writer.is_finished():
        print(f"{writer.out} is up to date: same inputs, same options, nothing changed")
        return
    fill(writer)
    writer.write(link)
    print_summary(writer)


def exit_code(action: Callable[[], None]) -> int:
    """Run a preparation and turn errors of its input into a message.

    Args:
        action: What to run.

    Returns:
        0, or 1 after an error was printed to stderr.
    """
    try:
        action()
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0
