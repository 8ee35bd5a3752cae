"""Drawn sun: FITS frames of coronal jets and of what only looks like them, from a seed; not real.

Each sequence is a folder of files as JSOC delivers them, some of them bad, and each jet an entry of
a catalogue like that of Solar Jet Hunter. The COCO-VID beside them is made of these files as of
real ones: common field, regular slots, fixed scale, and boxes that each picture's own coordinates
bring from arcsec to pixels. Only the boxes are better: those of each moment, where a catalogue has
one for 15 frames.

A jet grows, and its look-alikes stand: in any one frame nothing tells them apart. While a jet is
too faint or too short to be sure of, its box is an ignored region (`iscrowd` 1).
Run as `python -m prepare.drawn_solar --out DIR --sequences 60 --seed 0`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from prepare.coco_writer import CocoWriter, fingerprint
from prepare.command_line import exit_code
from prepare.drawing_solar.catalogue_entries import jet_entries, trigger_event
from prepare.drawing_solar.exact_jets import FAINT, exact_jets, field_entry
from prepare.drawing_solar.faults import Fault, draw_faults
from prepare.drawing_solar.fits_frames import write_frames
from prepare.drawing_solar.scene import EXTENT, draw_scene
from prepare.frame_folder import fits_files, list_frames
from prepare.jet_catalogue.jet import Jet
from prepare.jet_videos import JetVideoOptions, add_videos, film
from prepare.solar_catalogue import CLASS_NAMES, LEFT_OUT
from prepare.worker_processes import in_processes
from solar.report import Report
from structures.atomic_file import write_atomically

SOURCE = "drawn_solar"
FRAMES, SIDE = 40, 192
FEWEST_FRAMES, SMALLEST_SIDE = 12, 48
FITS, CATALOGUE = "fits", "jets.json"
OPTIONS = JetVideoOptions()


class DrawnSequence(NamedTuple):
    """What is known of a sequence when its files are written.

    Attributes:
        field: All that it shows, see `field_entry`.
        entries: Its jets as the catalogue lists them.
        jets: Its jets as they are.
        faults: File name -> what is wrong with it.
    """

    field: Jet
    entries: list[dict[str, Any]]
    jets: list[Jet]
    faults: dict[str, Fault]


def draw_solar(
    destination: Path,
    sequences: int = 60,
    seed: int = 0,
    frames: int = FRAMES,
    side: int = SIDE,
    workers: int | None = None,
) -> Path:
    """Draw the data set unless it is there already.

    Args:
        destination: Folder to hold `annotations.json` and `images/`, the files that they are made
            of in `fits/<sequence>/`, their catalogue `jets.json`, and `left_out.json`, which says
            which files were bad and what became of them; made when missing.
        sequences: How many. Of ten in a row two show no jet, and one shows two.
        seed: Decides everything; sequence i of a seed does not depend on `sequences` or `workers`.
        frames: Of a sequence, 24 s apart.
        side: Of a frame in pixels; its field measures 230″ in any case.
        workers: Processes; the number of usable cores by default.

    Returns:
        The folder.

    Raises:
        ValueError: if an argument is out of range, or the folder holds a data set of other
            settings or of another version of the drawing code.
    """
    least = {"sequences": 1, "seed": 0, "frames": FEWEST_FRAMES, "side": SMALLEST_SIDE}
    given = {"sequences": sequences, "seed": seed, "frames": frames, "side": side}
    if any(given[name] < value for name, value in least.items()):
        told = ", ".join(f"{name} >= {value}" for name, value in least.items())
        raise ValueError(f"expected {told}, got {given}")
    key = _fingerprint(sequences, seed, frames, side)
    kind = f"drawn sun: {sequences} computer-drawn sequences, seed {seed}; not real data"
    writer = CocoWriter(Path(destination), CLASS_NAMES, kind, key)
    writer.info |= {"drawn": "yes", "exact_events": "yes"}
    if writer.is_finished():
        return writer.out
    draw = partial(_draw_sequence, writer.out, seed, frames, side)
    drawn = list(in_processes(draw, range(sequences), "Drawing the sun", workers))
    entries = [entry for sequence in drawn for entry in sequence.entries]
    write_atomically(writer.out / CATALOGUE, json.dumps(entries, indent=1).encode())
    jets = [jet for sequence in drawn for jet in sequence.jets]
    make = partial(_film_sequence, jets, writer.out)
    records = list(in_processes(make, drawn, "Making videos", workers))
    add_videos(writer, jets, records, SOURCE)
    _account(writer, drawn, records)
    writer.write()
    return writer.out


def draw_solar_under(
    destination: Path,
    sequences: int = 60,
    seed: int = 0,
    frames: int = FRAMES,
    side: int = SIDE,
) -> Path:
    """Draw a data set into a folder of its own below `destination`; see `draw_solar`.

    The folder is named after the settings and the version of the drawing code, so that other
    settings make another data set and none is ever in the way.

    Returns:
        The folder, `drawn_solar_<sequences>_<seed>_<version>`.
    """
    version = _fingerprint(sequences, seed, frames, side)[:8]
    folder = Path(destination) / f"{SOURCE}_{sequences}_{seed}_{version}"
    return draw_solar(folder, sequences, seed, frames, side)


def _fingerprint(sequences: int, seed: int, frames: int, side: int) -> str:
    here = Path(__file__)
    prepare = ("coco_writer.py", "frame_folder.py", "jet_videos.py")
    code = [
        here,
        *sorted((here.parent / "drawing_solar").glob("*.py")),
        *(here.parent / name for name in prepare),
        *sorted((here.parent / "jet_catalogue").glob("*.py")),
        *sorted((here.parent.parent / "solar").glob("*.py")),
    ]
    settings = {"sequences": sequences, "seed": seed, "frames": frames, "side": side}
    return fingerprint(settings, code)


def _draw_sequence(out: Path, seed: int, frames: int, side: int, number: int) -> DrawnSequence:
    """Write the files of a sequence, replacing those that a stopped run may have left."""
    rng = np.random.default_rng([seed, number])
    scene = draw_scene(rng, seed, number, frames)
    sol = trigger_event(scene)
    entries = jet_entries(scene, sol, rng)
    folder = out / FITS / scene.name
    for path in folder.glob("*.fits"):
        path.unlink()
    faults = write_frames(scene, draw_faults(rng, frames, number), side, folder, rng)
    field = field_entry(scene, sol, EXTENT)
    return DrawnSequence(field, entries, exact_jets(scene, entries), faults)


def _film_sequence(jets: Sequence[Jet], out: Path, drawn: DrawnSequence) -> dict[str, Any]:
    """The videos of a sequence as `film` gives them, with what it takes for a jet set right."""
    report = Report()
    paths = fits_files(out / FITS / drawn.field.id)
    listed = list_frames(paths, OPTIONS.wavelength, report)
    record = film(drawn.field, listed, jets, OPTIONS, out)
    record["bad_headers"] = report.as_json()
    for video in record["videos"]:
        video["video"]["event"] = drawn.jets[0].id if drawn.jets else None
        for box in (box for image in video["images"] for box in image["boxes"]):
            faint = box["sigma"] == FAINT
            box["primary"] = int(box["event"] == video["video"]["event"])
            box["uncertain"] = int(faint)
            box["iscrowd"] = max(box["iscrowd"], int(faint))
    return record


def _account(
    writer: CocoWriter, drawn: Sequence[DrawnSequence], records: Sequence[dict[str, Any]]
) -> None:
    """Write what was made bad and what was left out, and count the latter."""
    account = {}
    for sequence, record in zip(drawn, records, strict=True):
        reports = [record["bad_headers"], record["report"]]
        for report in reports:
            for reason, count in report["left_out"].items():
                writer.drop(f"files: {reason}", count)
        rejected = [entry for report in reports for entry in report["rejected"]]
        account[sequence.field.id] = {"faults": sequence.faults, "rejected": rejected}
    write_atomically(writer.out / LEFT_OUT, json.dumps(account, indent=1).encode())


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code.

    Args:
        argv: Arguments without the program's name; those of the process by default.
    """
    parser = argparse.ArgumentParser(
        "python -m prepare.drawn_solar", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to make")
    parser.add_argument("--sequences", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--frames", type=int, default=FRAMES, help="of a sequence, 24 s apart")
    parser.add_argument("--side", type=int, default=SIDE, help="of a frame in pixels")
    options = parser.parse_args(argv)

    def draw() -> None:
        folder = draw_solar(
            options.out, options.sequences, options.seed, options.frames, options.side
        )
        print(f"the drawn sun lies in {folder}")

    return exit_code(draw)


if __name__ == "__main__":
    raise SystemExit(main())
