"""Catalogue of coronal jets and a folder of FITS frames to COCO-VID.

One video a jet: the pictures of its place from some minutes before it to some minutes after it,
every jet of the catalogue that they show boxed in each. Images of one trigger event, and of events
that a video shows together, share `group`, so that a split never has one of them on two sides.

A run that is stopped loses at most the jet that it was at: the next run of the same command goes
on from there. Nothing is fetched. Run as
`python -m prepare.solar_catalogue --catalogue FILE --frames FOLDER --out DIR`.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from prepare.coco_summary import print_summary
from prepare.coco_writer import PICTURES, CocoWriter, fingerprint
from prepare.command_line import exit_code
from prepare.frame_folder import ListedFrame, fits_files, list_frames
from prepare.jet_arguments import add_jet_arguments
from prepare.jet_catalogue.catalogue import Catalogue
from prepare.jet_catalogue.jet import Jet
from prepare.jet_catalogue.reader import read_catalogue
from prepare.jet_videos import JetVideoOptions, add_videos, film, frames_around
from solar.intensity import SCALES
from solar.report import Report
from structures.atomic_file import write_atomically

CLASS_NAMES = ("jet",)
SOURCE = "solar_jet_hunter"
DEFAULT = JetVideoOptions()
UNFINISHED = "unfinished"  # folder of the jets that are done, until all are
LEFT_OUT = "left_out.json"


def prepare_solar(
    catalogue_file: Path,
    frames: Path,
    out: Path,
    options: JetVideoOptions = DEFAULT,
    source: str = SOURCE,
    drawn: bool = False,
) -> CocoWriter:
    """Write the COCO-VID folder of a catalogue, or go on where a stopped run was.

    Beside `annotations.json` and `images/` stands `left_out.json`: boxes, jets and files that the
    data set does not have, and why.

    Args:
        catalogue_file: See `read_catalogue`; with boxes.
        frames: Folder of FITS files, cutouts or full disks, in any order and depth.
        out: Folder to write.
        options: See there.
        source: Name of the data set, kept with every picture.
        drawn: Whether the frames are drawn, which every report must say.

    Returns:
        The written data set.

    Raises:
        FileNotFoundError: if the catalogue or the folder is missing.
        ValueError: if the catalogue is faulty or has no boxes, no file shows any of its jets, or
            `out` holds the result of other inputs or options.
        OSError: if a file cannot be written; the same call goes on afterwards.
    """
    catalogue = read_catalogue(catalogue_file)
    if not any(jet.subjects for jet in catalogue.jets):
        first = f" ({catalogue.left_out[0].reason})" if catalogue.left_out else ""
        raise ValueError(f"{catalogue_file}: no jet has a box{first}; give the catalogue's JSON")
    files = fits_files(frames)
    settings = {"tool": "solar_catalogue", "source": source, "drawn": drawn, **asdict(options)}
    sizes = [[path.relative_to(frames).as_posix(), path.stat().st_size] for path in files]
    key = fingerprint({**settings, "frames": sizes}, [catalogue_file])
    kind = "drawn" if drawn else "SDO/AIA"
    description = f"coronal jets in {kind} frames of {options.wavelength} Å, one video a jet"
    writer = CocoWriter(out, CLASS_NAMES, description, key)
    if drawn:
        writer.info["drawn"] = "yes"
    if writer.is_finished():
        return writer
    report = Report()
    listed = list_frames(
        track(files, "Reading headers", console=_console()), options.wavelength, report
    )
    records = _film_all(catalogue, listed, options, out, fingerprint(settings, [catalogue_file]))
    add_videos(writer, catalogue.jets, records.values(), source)
    _account(writer, catalogue, report, records)
    writer.write()
    shutil.rmtree(out / UNFINISHED)
    return writer


def _console() -> Console:
    return Console(stderr=True)


def _film_all(
    catalogue: Catalogue,
    listed: Sequence[ListedFrame],
    options: JetVideoOptions,
    out: Path,
    key: str,
) -> dict[str, dict[str, Any]]:
    """What `film` gives for each jet that has boxes and frames, by its id."""
    with_boxes = [jet for jet in catalogue.jets if jet.subjects]
    chosen = [(jet, frames_around(jet, listed, options)) for jet in with_boxes]
    shown = [(jet, frames) for jet, frames in chosen if frames]
    records = {}
    for jet, frames in track(shown, "Filming jets", console=_console()):
        files = [[frame.path.name, frame.path.stat().st_size] for frame in frames]
        own_key = fingerprint({"all": key, "jet": jet.id, "frames": files})
        path = out / UNFINISHED / f"{jet.id}.json"
        record = _finished(path, own_key, out)
        if record is None:
            record = film(jet, frames, catalogue.jets, options, out) | {"key": own_key}
            write_atomically(path, json.dumps(record, allow_nan=False).encode())
        records[jet.id] = record
    if not any(record["videos"] for record in records.values()):
        rejected = [told for record in records.values() for told in record["report"]["rejected"]]
        raise ValueError(
            f"no video: {len(listed)} frames of {options.wavelength} Å, {len(records)} of "
            f"{len(with_boxes)} jets of {catalogue.source} have some at their time and place"
            + "; are they frames of these jets?"
            + "".join(f"\nleft out: {told['message']}" for told in rejected[:1])
        )
    return records


def _finished(path: Path, key: str, out: Path) -> dict[str, Any] | None:
    """The record of a jet that an earlier run finished, if it still holds."""
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        names = [image["file_name"] for video in record["videos"] for image in video["images"]]
        holds = record["key"] == key and all((out / PICTURES / name).is_file() for name in names)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return record if holds else None


def _account(
    writer: CocoWriter,
    catalogue: Catalogue,
    report: Report,
    records: Mapping[str, dict[str, Any]],
) -> None:
    """Write and count what the data set does not have."""
    jets = [
        {"jet": jet.id, "reason": _why_without_video(jet, records.get(jet.id))}
        for jet in catalogue.jets
        if not records.get(jet.id, {}).get("videos")
    ]
    for _ in jets:
        writer.drop("jets without a video")
    for _ in catalogue.left_out:
        writer.drop("boxes that cannot be rebuilt")
    reports = {name: record["report"] for name, record in records.items()}
    for counts in (report.counts(), *(told["left_out"] for told in reports.values())):
        for reason, count in counts.items():
            writer.drop(f"files: {reason}", count)
    account = {
        "jets": jets,
        "boxes": [entry._asdict() for entry in catalogue.left_out],
        "files": report.as_json(),
        "files_of_jets": {name: told for name, told in reports.items() if told["rejected"]},
    }
    write_atomically(writer.out / LEFT_OUT, json.dumps(account, indent=1).encode())


def _why_without_video(jet: Jet, record: Mapping[str, Any] | None) -> str:
    if not jet.subjects:
        return "the catalogue has no box of it"
    if record is None:
        return f"no frame shows its place between {jet.start:%FT%T} and {jet.end:%FT%T}"
    return "none of its frames is usable, see files_of_jets"


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code.

    Args:
        argv: Arguments without the program's name; those of the process by default.
    """
    parser = argparse.ArgumentParser(
        "python -m prepare.solar_catalogue", description=(__doc__ or "").splitlines()[0]
    )
    add_jet_arguments(parser)
    parser.add_argument("--frames", type=Path, required=True, help="folder of FITS files")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument(
        "--scale", choices=SCALES, default=DEFAULT.scale, help="default: %(default)s"
    )
    parser.add_argument(
        "--bits", type=int, choices=(8, 16), default=DEFAULT.bits, help="default: %(default)s"
    )
    args = parser.parse_args(argv)

    def action() -> None:
        options = JetVideoOptions(args.cadence, args.wavelength, args.margin, args.scale, args.bits)
        writer = prepare_solar(args.catalogue, args.frames, args.out, options)
        if writer.images:
            print_summary(writer)
            print(f"What was left out, and why: {args.out / LEFT_OUT}")
        else:
            print(f"{writer.out} is up to date: same inputs, same options, nothing changed")

    return exit_code(action)


if __name__ == "__main__":
    raise SystemExit(main())
