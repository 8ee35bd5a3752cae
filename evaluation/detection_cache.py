"""Detections on disk by what made them, so that a repeated evaluation runs no network.

One Parquet file a condition, one row a picture, in the order of judging. The whole key stands in
the file and is compared when it is read; the name only finds it.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from evaluation.detections import Detections
from structures.atomic_file import write_atomically

log = logging.getLogger(__name__)

FORMAT = 1
METADATA = b"detection_cache"
SCHEMA = pa.schema(
    [
        pa.field("image_id", pa.int64(), nullable=False),
        pa.field("skipped", pa.bool_(), nullable=False),
        # float64, for the width of a float32 box is often no float32.
        pa.field("category_ids", pa.list_(pa.int64()), nullable=False),
        pa.field("boxes_xywh", pa.list_(pa.float64()), nullable=False),
        pa.field("scores", pa.list_(pa.float64()), nullable=False),
    ]
)
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True, eq=False)
class CachedDetections:
    """What a detector said of the pictures of one condition.

    Attributes:
        detections: on the judged pictures.
        judged: int64 [I], ids of the pictures that were judged, also those without detections.
        skipped: int64 [S], ids of the pictures that could not be read.
        bits_per_pixel: mean over the encoded pictures, None where they were not encoded.
    """

    detections: Detections
    judged: NDArray[np.int64]
    skipped: NDArray[np.int64]
    bits_per_pixel: float | None


class DetectionCache:
    """Files of detections under `<folder>/<data>/<model>@<checkpoint, 8 letters>/`.

    Two processes may write the same entry: each file is whole, and the last one stays.

    Args:
        folder: of the cache; made when something is written.
        key: all that the detections depend on but the condition. Must name `data`, `model` and
            `checkpoint` (a digest); further facts, such as the digest of the split, thresholds or
            versions, as plain values.

    Raises:
        ValueError: if one of the three is missing, or a value is not finite.
    """

    def __init__(self, folder: Path, key: Mapping[str, str | int | float]) -> None:
        missing = [name for name in ("data", "model", "checkpoint") if not key.get(name)]
        if missing:
            raise ValueError(f"the key of a detection cache lacks {missing}; it has {list(key)}")
        self._key = json.loads(json.dumps(dict(key), allow_nan=False))
        model = f"{_file_name(str(key['model']))}@{_file_name(str(key['checkpoint']))[:8]}"
        self._folder = folder / _file_name(str(key["data"])) / model

    def path(self, condition: str) -> Path:
        """The file of a condition, which need not exist."""
        text = json.dumps([FORMAT, condition, self._key], sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        return self._folder / f"{_file_name(condition)}-{digest}.parquet"

    def read(self, condition: str) -> CachedDetections | None:
        """The detections of a condition, None where there are none that can be trusted.

        A file that is damaged or was made otherwise counts for nothing, with a line in the log.
        """
        path = self.path(condition)
        if not path.is_file():
            self._tell_nearest(condition)
            return None
        try:
            # Not `read_table`, which takes a folder called a=b for a column.
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                table = file.read()
            facts = _facts(table.schema)
            difference = _difference(self._facts(condition), facts)
            if difference:
                raise ValueError(f"it was made otherwise: {difference}")
            return _from_table(table, facts.get("bits_per_pixel"))
        except (pa.ArrowException, OSError, ValueError) as error:
            log.warning("%s is not used, the detector runs again: %s", path, error)
            return None

    def write(self, condition: str, cached: CachedDetections) -> None:
        """Keep the detections of a condition, in place of older ones.

        Raises:
            ValueError: if a detection lies on a picture that was not judged, or a picture was
                judged or skipped twice.
        """
        facts = {**self._facts(condition), "bits_per_pixel": cached.bits_per_pixel}
        table = _to_table(cached).replace_schema_metadata({METADATA: json.dumps(facts)})
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd", write_page_checksum=True)
        write_atomically(self.path(condition), buffer.getvalue())

    def _facts(self, condition: str) -> dict[str, Any]:
        return {"format": FORMAT, "condition": condition, **self._key}

    def _tell_nearest(self, condition: str) -> None:
        """Say why the newest file of the same checkpoint and condition does not serve."""
        others = self._folder.glob(f"{_file_name(condition)}-*.parquet")
        newest = max(others, key=lambda path: path.stat().st_mtime, default=None)
        if newest is None:
            return
        try:
            difference = _difference(self._facts(condition), _facts(pq.read_schema(newest)))
        except (pa.ArrowException, OSError, ValueError) as error:
            log.info("%s cannot be read: %s", newest, error)
        else:
            log.info("%s was made otherwise, the detector runs again: %s", newest, difference)


def _file_name(text: str) -> str:
    """A name without separators, spaces and leading dots, the same on every system."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", text).lstrip(".")[:LONGEST_NAME] or "_"


def _facts(schema: pa.Schema) -> dict[str, Any]:
    try:
        facts = json.loads((schema.metadata or {}).get(METADATA, b"null"))
    except RecursionError as error:
        raise ValueError("its metadata are nested without end") from error
    if not isinstance(facts, dict):
        raise ValueError("it does not say what made it; is it a file of this cache?")
    return facts


def _difference(expected: dict[str, Any], found: dict[str, Any]) -> str:
    """What differs, as text; empty where nothing does."""
    known = {**found}
    known.pop("bits_per_pixel", None)
    names = [n for n in {**expected, **known} if expected.get(n) != known.get(n)]
    return ", ".join(f"{n} is {known.get(n)!r}, expected {expected.get(n)!r}" for n in names)


def _to_table(cached: CachedDetections) -> pa.Table:
    """One row a picture; detections keep their order within it."""
    d, ids = cached.detections, np.concatenate([cached.judged, cached.skipped])
    if len(np.unique(ids)) < len(ids):
        raise ValueError("a picture was judged or skipped twice; expected each once")
    ascending = np.argsort(cached.judged, kind="stable")
    place = np.searchsorted(cached.judged, d.image_ids, sorter=ascending)
    if len(d) and not np.isin(d.image_ids, cached.judged).all():
        stray = d.image_ids[~np.isin(d.image_ids, cached.judged)][0]
        raise ValueError(f"there are detections on image {stray}, which was not judged")
    row = ascending[place] if len(d) else place
    order = np.argsort(row, kind="stable")
    ends = np.cumsum(np.bincount(row, minlength=len(ids)))
    offsets = pa.array(np.concatenate([[0], ends]), pa.int32())
    box_offsets = pa.array(np.concatenate([[0], 4 * ends]), pa.int32())
    columns = [
        pa.array(ids, pa.int64()),
        pa.array(np.arange(len(ids)) >= len(cached.judged)),
        pa.ListArray.from_arrays(offsets, pa.array(d.category_ids[order], pa.int64())),
        pa.ListArray.from_arrays(box_offsets, pa.array(d.boxes_xywh[order].ravel())),
        pa.ListArray.from_arrays(offsets, pa.array(d.scores[order])),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _from_table(table: pa.Table, bits_per_pixel: Any) -> CachedDetections:
    """The detections of a file that somebody else may have written.

    Raises:
        ValueError: if columns, types, lengths or numbers are not those of this cache.
    """
    if not table.schema.equals(SCHEMA):
        raise ValueError(f"it has the columns {table.schema.to_string(show_schema_metadata=False)}")
    table.validate(full=True)
    if any(_nulls(column) for column in table.columns):
        raise ValueError("it has empty fields")
    ids, skipped = table["image_id"].to_numpy(), table["skipped"].to_numpy()
    counts = _lengths(table["scores"])
    same = (_lengths(table["category_ids"]) == counts) & (
        _lengths(table["boxes_xywh"]) == 4 * counts
    )
    if not same.all() or counts[skipped].any() or len(np.unique(ids)) < len(ids):
        raise ValueError("its rows are not those of one detector on each picture once")
    found = Detections(
        np.repeat(ids, counts),
        _values(table["category_ids"]),
        _values(table["boxes_xywh"]).reshape(-1, 4),
        _values(table["scores"]),
    )
    if not (np.isfinite(found.scores).all() and np.isfinite(found.boxes_xywh).all()):
        raise ValueError("it has boxes or scores that are not finite")
    if (found.boxes_xywh[:, 2:] < 0).any():
        raise ValueError("it has boxes of negative size")
    if bits_per_pixel is not None and not _is_size(bits_per_pixel):
        raise ValueError(f"bits_per_pixel is {bits_per_pixel!r}, expected a positive number")
    return CachedDetections(found, ids[~skipped], ids[skipped], bits_per_pixel)


def _nulls(column: pa.ChunkedArray) -> int:
    inner = column.combine_chunks().flatten().null_count if pa.types.is_list(column.type) else 0
    return column.null_count + inner


def _lengths(column: pa.ChunkedArray) -> NDArray[np.int64]:
    return column.combine_chunks().value_lengths().to_numpy().astype(np.int64)


def _values(column: pa.ChunkedArray) -> NDArray[Any]:
    return column.combine_chunks().flatten().to_numpy().copy()


def _is_size(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and value > 0
