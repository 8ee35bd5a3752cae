"""The files of a label set, read and checked; see `utility.label_set`."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from structures.atomic_file import write_atomically

FORMAT = 1
VARIANTS = ("strict", "paper", "pristine_ref")
SPLITS = ("train", "val", "test")

# Sorted by picture, then in the order of the ladder, 'clean' first.
IMAGES = pa.schema(
    [
        ("image_id", pa.int64()),
        ("condition", pa.string()),  # the names of evaluation/conditions.py: 'jpeg_q10', 'fog_3'
        ("kind", pa.string()),  # 'clean', 'jpeg' or a corruption
        ("quality", pa.int32()),  # of 'jpeg', else -1
        ("split", pa.string()),  # of the picture, the same under every condition
        ("file", pa.string()),  # of the pristine picture, relative to the data's root
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("bytes", pa.int32()),  # of the encoded picture; -1 where the condition is no file
        ("bpp", pa.float32()),  # 8 · bytes / (width · height); NaN likewise
    ]
)
# For each detector a block of rows in the order of the images.
LABELS = pa.schema(
    [
        ("image_id", pa.int64()),
        ("condition", pa.string()),
        ("detector", pa.string()),
        ("y", pa.int8()),  # 1 useful, 0 not, -1 no statement
        ("m", pa.float32()),  # share of the objects found in the pristine picture still found
        ("u", pa.float32()),  # mean relative utility over them, -1..1
        ("n_gt", pa.int32()),  # objects to find
        ("n_ref", pa.int32()),  # of these found in the pristine picture
        ("new_false_positives", pa.int32()),
        ("max_score", pa.float32()),  # best score of any detection, 0 where there is none
    ]
)
_META = {"format": int, "data": dict, "conditions": list, "ladder": dict, "variant": str,
         "thresholds": dict, "split": dict, "detectors": dict, "versions": dict}  # fmt: skip


def read_meta(folder: Path) -> dict[str, Any]:
    """Read and check `meta.json`.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not that of a label set.
    """
    file = folder / "meta.json"
    if not file.is_file():
        raise FileNotFoundError(
            f"{folder}: no label set, it has no meta.json; python -m utility.build makes one"
        )
    try:
        meta = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file}: not readable as JSON: {error}") from error
    wrong = [k for k, kind in _META.items() if not isinstance((meta or {}).get(k), kind)]
    if not isinstance(meta, dict) or wrong:
        raise ValueError(f"{file}: lacks {', '.join(wrong)}; is it that of a label set?")
    if meta["format"] != FORMAT:
        raise ValueError(f"{file}: format {meta['format']}, expected {FORMAT}; build it again")
    return meta


def read_table(file: Path, schema: pa.Schema) -> pa.Table:
    """Read a whole Parquet file.

    Raises:
        FileNotFoundError: if it is missing.
        ValueError: if it is damaged, has other columns or empty fields.
    """
    if not file.is_file():
        raise FileNotFoundError(f"{file}: missing; build the label set again")
    try:
        with pq.ParquetFile(file, page_checksum_verification=True) as parquet:
            table = parquet.read()
        table.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{file}: damaged, build the label set again: {error}") from error
    if not table.schema.equals(schema):
        raise ValueError(f"{file}: has the columns {table.schema.names}, expected {schema.names}")
    if any(column.null_count for column in table.columns):
        raise ValueError(f"{file}: has empty fields")
    return table


def write_table(file: Path, table: pa.Table) -> None:
    """Write a Parquet file at once; the same table makes the same bytes."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", write_page_checksum=True)
    write_atomically(file, buffer.getvalue())


def numpy_columns(table: pa.Table) -> dict[str, NDArray[Any]]:
    """Column -> its values; texts as NumPy strings."""
    columns = {}
    for name in table.schema.names:
        values = table[name].to_numpy()
        columns[name] = values.astype(np.str_) if values.dtype == object else values
    return columns


def check_images(images: Mapping[str, NDArray[Any]], meta: Mapping[str, Any], file: Path) -> None:
    """Raise `ValueError` unless the rows are each picture once under each condition of `meta`."""
    conditions = np.array(meta["conditions"], dtype=np.str_)
    rows = len(images["image_id"])
    per_picture = images["image_id"].reshape(-1, len(conditions)) if (
        len(conditions) and rows and rows % len(conditions) == 0
    ) else np.zeros((0, 2))  # fmt: skip
    if (
        not len(per_picture)
        or (per_picture != per_picture[:, :1]).any()
        or (np.diff(per_picture[:, 0]) <= 0).any()
        or (images["condition"].reshape(-1, len(conditions)) != conditions).any()
    ):
        raise ValueError(f"{file}: its rows are not each picture once under each condition of meta")
    splits = images["split"].reshape(-1, len(conditions))
    if not np.isin(splits, SPLITS).all() or (splits != splits[:, :1]).any():
        raise ValueError(f"{file}: a picture stands in two splits, or in none of {SPLITS}")


def by_detector(
    labels: Mapping[str, NDArray[Any]],
    images: Mapping[str, NDArray[Any]],
    meta: Mapping[str, Any],
    file: Path,
) -> dict[str, dict[str, NDArray[Any]]]:
    """The rows of each detector of `meta`.

    Raises:
        ValueError: if they are not those of the images.
    """
    rows = len(images["image_id"])
    names = list(meta["detectors"])
    blocks: dict[str, dict[str, NDArray[Any]]] = {}
    for place, name in enumerate(names):
        part = slice(place * rows, (place + 1) * rows)
        block = {column: values[part] for column, values in labels.items()}
        if (
            len(block["y"]) != rows
            or (block["detector"] != name).any()
            or (block["image_id"] != images["image_id"]).any()
            or (block["condition"] != images["condition"]).any()
        ):
            raise ValueError(f"{file}: its rows of {name} are not those of images.parquet")
        blocks[name] = block
    if len(labels["y"]) != rows * len(names):
        raise ValueError(f"{file}: has rows of detectors that meta.json does not name")
    if not np.isin(labels["y"], (-1, 0, 1)).all():
        raise ValueError(f"{file}: labels y must be 1, 0 or -1")
    return blocks


def require_pictures(root: Path, files: NDArray[np.str_], folder: Path) -> None:
    """Raise `FileNotFoundError` unless every pristine picture is there.

    Raises:
        ValueError: if a file's name leads out of the root.
    """
    inside = root.resolve()
    stray = [name for name in files if not (inside / name).resolve().is_relative_to(inside)]
    if stray:
        raise ValueError(f"{folder}: the picture {stray[0]!r} lies outside of {root}")
    missing = [name for name in files if not (root / name).is_file()]
    if missing:
        raise FileNotFoundError(
            f"{folder}: {len(missing)} of {len(files)} pristine pictures are missing, such as "
            f"{root / missing[0]}; name the folder that holds them (root)"
        )
