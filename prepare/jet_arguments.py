"""Command-line options by which jets of a catalogue and frames around them are chosen."""

from __future__ import annotations

import argparse
from pathlib import Path

from prepare.jet_videos import JetVideoOptions


def add_jet_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `--catalogue`, `--cadence`, `--wavelength` and `--margin`.

    Args:
        parser: Gets them, with the defaults of `JetVideoOptions`: what is fetched is what videos
            are made of.
    """
    default = JetVideoOptions()
    parser.add_argument("--catalogue", type=Path, required=True, help="JSON of Solar Jet Hunter")
    parser.add_argument(
        "--cadence", type=float, default=default.cadence, help="seconds (default: %(default)g)"
    )
    parser.add_argument(
        "--wavelength", type=int, default=default.wavelength, help="Å (default: %(default)s)"
    )
    parser.add_argument(
        "--margin",
        type=float,
        default=default.margin,
        help="minutes before and after each jet (default: %(default)g)",
    )
