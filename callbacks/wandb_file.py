"""The rows of a run's history in a `.wandb` file, which W&B writes online and offline alike."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

_MAGIC = b":W&B"
_HEADER, _BLOCK, _CHUNK_HEADER = 7, 32768, 7
_FULL, _FIRST, _LAST = 1, 2, 4


def records(file: Path, start: int = 0) -> Iterator[bytes]:
    """The whole records of a file that may still be written, or was cut off by a kill.

    It is LevelDB's log format after a header of seven bytes.

    Args:
        file: of W&B.
        start: bytes that are passed over, and with them what began before.

    Raises:
        ValueError: if it is no such file.
    """
    data = file.read_bytes()
    if data[: len(_MAGIC)] != _MAGIC[: len(data)]:
        raise ValueError(f"{file}: no history of Weights & Biases; it must begin with ':W&B'")
    # Chunks can be told apart from the beginning of a block on.
    position, record = max(_HEADER, start // _BLOCK * _BLOCK), b""
    begun = position == _HEADER
    while position + _CHUNK_HEADER <= len(data):
        left = _BLOCK - position % _BLOCK
        if left < _CHUNK_HEADER:  # too short for a chunk: padding up to the next block
            position += left
            continue
        length, kind = struct.unpack_from("<HB", data, position + 4)  # after the checksum
        position += _CHUNK_HEADER
        if position + length > len(data):
            return
        begun |= kind in (_FULL, _FIRST)
        record += data[position : position + length] if begun else b""
        position += length
        if begun and kind in (_FULL, _LAST):
            yield record
            record = b""


def history(file: Path, start: int = 0) -> Iterator[dict[str, Any]]:
    """The rows of a run's history; `_step` is the number of a row within the run.

    Args:
        file: of W&B.
        start: bytes that are passed over, and with them what began before.

    Raises:
        ValueError: if it is no such file.
    """
    from wandb.proto.wandb_internal_pb2 import Record  # type: ignore[attr-defined]

    for data in records(file, start):
        record = Record()
        record.ParseFromString(data)
        if record.HasField("history"):
            yield nested_values(record.history.item)


def joined_history(files: list[Path]) -> list[dict[str, Any]]:
    """The one history of a run that was killed and resumed.

    A part begins with the row that its checkpoint had reached; rows of earlier parts from there on
    belong to steps that were lost, and are dropped.

    Args:
        files: the parts in the order of time.

    Raises:
        ValueError: if one is no such file.
    """
    joined: list[dict[str, Any]] = []
    for file in files:
        rows = list(history(file))
        if rows:
            joined = [row for row in joined if row["_step"] < rows[0]["_step"]] + rows
    return joined


def nested_values(items: Iterable[Any]) -> dict[str, Any]:
    """Items of a record as nested dicts; W&B stores the leaves with the path of their keys."""
    values: dict[str, Any] = {}
    for item in items:
        *outer, last = item.nested_key or [item.key]
        node = values
        for key in outer:
            node = node.setdefault(key, {})
        node[last] = json.loads(item.value_json)
    return values
