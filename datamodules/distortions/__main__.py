"""Show what every distortion makes of a picture of yours.

    python -m datamodules.distortions --picture street.jpg --out sheet.jpg

The sheet has a row for each kind, its severities from left to right, and the middle of the picture
in each cell.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from datamodules.distortions.contact_sheet import draw_contact_sheet
from datamodules.distortions.jpeg import encode_jpeg
from datamodules.picture import read_picture
from structures.atomic_file import write_atomically

_QUALITY = 55


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, draw, write atomically."""
    parser = argparse.ArgumentParser(
        prog="python -m datamodules.distortions", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--picture", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True, help="a JPEG file, made or replaced")
    parser.add_argument("--image-id", type=int, default=0, help="seed of all that is random")
    args = parser.parse_args(arguments)
    if args.out.is_dir() or args.out.suffix.lower() not in (".jpg", ".jpeg"):
        parser.error(f"--out {args.out}: must be the name of a file that ends in .jpg or .jpeg")
    try:
        sheet = draw_contact_sheet(read_picture(args.picture), args.image_id)
        write_atomically(args.out, encode_jpeg(sheet, _QUALITY))
    except (OSError, ValueError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
