"""Upload runs that were logged offline, a run that was resumed as one history.

python -m callbacks.wandb_sync outputs/2026-11-20/18-00-00 multirun/heads
"""

from __future__ import annotations

import argparse
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from callbacks.wandb_file import records
from structures.atomic_file import write_atomically

_HEADER = b":W&B" + struct.pack("<HB", 0xBEE1, 0)
_BLOCK, _CHUNK = 32768, struct.Struct("<IHB")
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
# What each part says of itself: at its beginning, and at its end.
_BEGIN, _END = ("header", "run", "environment"), ("exit", "final", "footer")


class OfflineRun(NamedTuple):
    """A run and its parts on disk.

    Attributes:
        run_id: of W&B, the same for all parts.
        parts: their folders in the order of time.
    """

    run_id: str
    parts: tuple[Path, ...]


def find_runs(folder: Path) -> list[OfflineRun]:
    """The runs below a folder, such as that of a training or of a sweep.

    W&B calls a part `wandb/offline-run-<date>_<time>-<id>`, `run-…` where the server had been
    reached; a run whose parts are all of the latter kind is there already.

    Raises:
        FileNotFoundError: if there is no such folder, or nothing of W&B in it.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; give that of a run or of a sweep")
    by_run: dict[tuple[Path, str], list[Path]] = {}
    for kind in ("run-", "offline-run-"):
        for part in folder.glob(f"**/wandb/{kind}*"):
            for file in part.glob("run-*.wandb"):  # the folder's name may end in a number, too
                run_id = file.stem.removeprefix("run-")
                by_run.setdefault((part.parent, run_id), []).append(part)
    if not by_run:
        raise FileNotFoundError(
            f"{folder}: nothing of Weights & Biases in it; runs with logger=csv have none"
        )
    return [
        OfflineRun(run_id, tuple(sorted(parts, key=_begun)))
        for (_, run_id), parts in sorted(by_run.items())
        if any(part.name.startswith("offline-") for part in parts)
    ]


def join_parts(run: OfflineRun) -> Path:
    """One folder that can be uploaded: the only part, or one made of several.

    Rows of a part that was killed after its last checkpoint are repeated by the next part, whose
    first row says where it goes on; they are dropped here.

    Returns:
        The part, or `wandb/joined/offline-run-…`, with links to the media of all parts.
    """
    if len(run.parts) == 1:
        return run.parts[0]
    name = run.parts[0].name.removeprefix("offline-")
    joined = run.parts[0].parent / "joined" / f"offline-{name}"
    if joined.exists():
        shutil.rmtree(joined)
    for part in run.parts:
        shutil.copytree(part / "files", joined / "files", dirs_exist_ok=True)
    files = [next(part.glob("run-*.wandb")) for part in run.parts]
    write_atomically(joined / files[0].name, written(_joined_records(files)))
    return joined


def written(content: Iterable[bytes]) -> bytes:
    """A `.wandb` file of records, as W&B itself writes it: LevelDB's log with plain CRC-32."""
    file = bytearray(_HEADER)
    for record in content:
        begun = False
        while True:
            left = _BLOCK - len(file) % _BLOCK
            if left < _CHUNK.size:
                file += bytes(left)
                left = _BLOCK
            piece, record = record[: left - _CHUNK.size], record[left - _CHUNK.size :]
            kind = (_LAST if begun else _FULL) if not record else (_MIDDLE if begun else _FIRST)
            checksum = zlib.crc32(piece, zlib.crc32(bytes([kind])))
            file += _CHUNK.pack(checksum, len(piece), kind) + piece
            begun = True
            if not record:
                break
    return bytes(file)


def upload_command(run: OfflineRun, folder: Path) -> list[str]:
    """The command that uploads a folder as that run, also where the server knows the run."""
    words = ["sync", "--yes", "--include-synced", "--id", run.run_id, str(folder)]
    return [sys.executable, "-m", "wandb", *words]


def main(words: Sequence[str] | None = None) -> int:
    """The command line; the exit code is 1 where a run could not be uploaded."""
    parser = argparse.ArgumentParser(prog="python -m callbacks.wandb_sync", description=__doc__)
    parser.add_argument("folder", nargs="+", type=Path, help="of a run or of a sweep")
    parser.add_argument("--dry-run", action="store_true", help="join, but upload nothing")
    arguments = parser.parse_args(words)
    failed = 0
    for folder in arguments.folder:
        for run in find_runs(folder):
            joined = join_parts(run)
            print(f"{run.run_id}: {len(run.parts)} part(s), {joined}")
            if not arguments.dry_run:
                failed += subprocess.run(upload_command(run, joined), check=False).returncode != 0
    return int(failed > 0)


def _begun(part: Path) -> str:
    return part.name.removeprefix("offline-").removeprefix("run-")


def _joined_records(files: Sequence[Path]) -> list[bytes]:
    from wandb.proto.wandb_internal_pb2 import Record  # type: ignore[attr-defined]

    joined: list[Any] = []
    for number, file in enumerate(files):
        part = [Record.FromString(data) for data in records(file)]
        first = next((_step(record) for record in part if record.HasField("history")), None)
        if first is not None:
            joined = [r for r in joined if not r.HasField("history") or _step(r) < first]
        dropped = (_END if number < len(files) - 1 else ()) + (_BEGIN if number else ())
        joined += [r for r in part if not any(r.HasField(kind) for kind in dropped)]
    for number, record in enumerate(joined, start=1):
        record.num = number
    return [record.SerializeToString() for record in joined]


def _step(record: Any) -> int:
    """The number of a row; W&B keeps it beside the values of offline runs."""
    for item in record.history.item:
        if item.key == "_step" or list(item.nested_key) == ["_step"]:
            return int(item.value_json)
    return int(record.history.step.num)


if __name__ == "__main__":
    sys.exit(main())
