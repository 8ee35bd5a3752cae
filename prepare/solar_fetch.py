"""Fetches AIA frames around the jets of a catalogue from JSOC, the archive of SDO.

One request a jet, one after the other over one connection, as JSOC wants it. A run that stops, for
whatever reason, loses nothing: the same command goes on from there, by `manifest.json` in the
folder of frames. Look before with `--dry-run`, which needs neither a network nor an address. Run as
`python -m prepare.solar_fetch --catalogue FILE --out FRAMES --email ADDRESS`, then give the folder
to `python -m prepare.solar_catalogue --frames FRAMES`.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

from prepare.command_line import exit_code
from prepare.jet_arguments import add_jet_arguments
from prepare.jet_catalogue.reader import read_catalogue
from prepare.jet_videos import JetVideoOptions
from prepare.jsoc.backoff import Clock, Patience, SystemClock
from prepare.jsoc.cutout_request import CutoutRequest, FetchOptions, requests_for
from prepare.jsoc.download import free_bytes, require_room
from prepare.jsoc.faults import UnreachableError
from prepare.jsoc.fetching import Fetching
from prepare.jsoc.manifest import Manifest
from prepare.jsoc.server import REGISTRATION, JsocServer, open_client

# What solar_catalogue makes videos of, where nothing else is said.
_VIDEOS = JetVideoOptions()
DEFAULT = FetchOptions(_VIDEOS.cadence, _VIDEOS.wavelength, _VIDEOS.margin)


def plan_fetch(
    catalogue_file: Path, out: Path, options: FetchOptions = DEFAULT, limit: int | None = None
) -> tuple[Manifest, list[CutoutRequest]]:
    """What a catalogue needs, and what of it is there; nothing is fetched or written.

    Args:
        catalogue_file: See `read_catalogue`; with boxes.
        out: Folder of the frames, one below it for each jet.
        options: See there.
        limit: Only so many jets, the catalogue's first; all by default.

    Raises:
        FileNotFoundError: if there is no catalogue.
        ValueError: if it is faulty or has no boxes, or `out` holds the frames of other options.
    """
    catalogue = read_catalogue(catalogue_file)
    requests = requests_for(catalogue.jets, options)[:limit]
    if not requests:
        raise ValueError(f"{catalogue_file}: no jet has a box; give the catalogue's JSON")
    manifest = Manifest(out)
    manifest.plan(requests)
    return manifest, requests


def fetch(
    server: JsocServer,
    manifest: Manifest,
    requests: Sequence[CutoutRequest],
    clock: Clock | None = None,
    seed: int = 0,
) -> None:
    """Fetch what is not there yet.

    Args:
        server: JSOC.
        manifest: From `plan_fetch`, with `requests`.
        requests: All that shall be there at the end.
        clock: The machine's by default.
        seed: Of the jitter in pauses.

    Raises:
        ValueError: if JSOC does not know the address, or some frames could not be had.
        OSError: if JSOC does not answer or the disk is full; the same call goes on afterwards.
    """
    if all(manifest.is_finished(manifest.rows[request.jet]) for request in requests):
        return
    require_room(manifest.folder, _bytes_left(manifest, requests))
    patience = Patience(clock or SystemClock(), Random(seed))
    try:
        server.check_address()
        Fetching(server, manifest, patience).run(requests)
    except UnreachableError as error:
        raise UnreachableError(
            f"{error} Run this again when JSOC answers: nothing is lost"
        ) from error
    _require_all(manifest, requests)


def _bytes_left(manifest: Manifest, requests: Sequence[CutoutRequest]) -> int:
    """About what is still to come."""
    left = 0
    for request in requests:
        row = manifest.rows[request.jet]
        if not manifest.is_finished(row):
            left += max(0, request.bytes - sum(file.bytes for file in row.files.values()))
    return left


def _require_all(manifest: Manifest, requests: Sequence[CutoutRequest]) -> None:
    rows = [manifest.rows[request.jet] for request in requests]
    left = [row for row in rows if row.state != "done"]
    if left:
        told = ", ".join(f"{row.jet}: {row.state}, {row.reason}" for row in left[:5])
        raise ValueError(
            f"{len(left)} of {len(rows)} requests are not complete ({told}); run this again to try "
            f"them once more, or use the frames that are there; see {manifest.path}"
        )


def print_plan(manifest: Manifest, requests: Sequence[CutoutRequest]) -> None:
    """Print how much a fetch asks for, how much of it is there, and the first query.

    Args:
        manifest: From `plan_fetch`, with `requests`.
        requests: All of the fetch.
    """
    frames = sum(request.frames for request in requests)
    sides = sorted(max(request.size) for request in requests)
    finished = sum(manifest.is_finished(manifest.rows[request.jet]) for request in requests)
    left = _bytes_left(manifest, requests)
    print(f"{len(requests)} requests, one a jet; {finished} of them finished in {manifest.folder}")
    print(f"{frames} frames of {sides[0]} to {sides[-1]} pixels a side")
    print(f"about {_size(sum(request.bytes for request in requests))} in all, ", end="")
    print(f"{_size(left)} still to come, {_size(free_bytes(manifest.folder))} free")
    first = requests[0]
    print(f"first: {first.record_set} im_patch {dict(first.im_patch)}")


def _size(number: int) -> str:
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.1f} MB"


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code.

    Args:
        argv: Arguments without the program's name; those of the process by default.
    """
    parser = argparse.ArgumentParser(
        "python -m prepare.solar_fetch", description=(__doc__ or "").splitlines()[0]
    )
    add_jet_arguments(parser)
    parser.add_argument("--out", type=Path, required=True, help="folder of the frames")
    parser.add_argument("--email", help=f"your address, registered once at {REGISTRATION}")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N jets")
    parser.add_argument("--dry-run", action="store_true", help="print the sizes, fetch nothing")
    args = parser.parse_args(argv)
    if args.limit is not None and args.limit < 1:
        parser.error(f"--limit: expected 1 or more, got {args.limit}")

    def action() -> None:
        options = FetchOptions(args.cadence, args.wavelength, args.margin)
        manifest, requests = plan_fetch(args.catalogue, args.out, options, args.limit)
        print_plan(manifest, requests)
        if args.dry_run:
            return
        if not args.email:
            raise ValueError(
                "JSOC gives frames to registered addresses only: register yours once at "
                f"{REGISTRATION} and name it with --email"
            )
        fetch(JsocServer(open_client(), args.email), manifest, requests)
        print(f"All frames are in {args.out}; python -m prepare.solar_catalogue makes videos of it")

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        return exit_code(action)
    except ImportError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
