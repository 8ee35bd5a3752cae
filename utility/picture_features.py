"""What can be measured of a picture without a network: JPEG's own numbers, and its likeness.

Of each picture and condition: the share of coefficients that are not 0 and their mean size at each
of the 64 frequencies of the luma blocks, percentiles of the blocks' energy, the quantisation table,
sizes, and PSNR and SSIM to the pristine picture. They are measured once and kept in the set's
`features.parquet`.
"""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from rich.progress import track
from scipy.fft import dctn

from datamodules.distortions import Distortion, distort, encode_jpeg
from datamodules.distortions.jpeg import decode_jpeg
from datamodules.picture import read_picture
from evaluation.conditions import CLEAN, Condition
from utility.label_set import LabelSet
from utility.quantisation import luma_table
from utility.tables import write_table

# To be raised by every change that changes a value.
VERSION = 1
PERCENTILES = (5, 25, 50, 75, 95)
LIKENESS = ("psnr", "ssim")
DCT = (
    *(f"rate_{k}" for k in range(64)),
    *(f"mean_{k}" for k in range(64)),
    *(f"energy_{p}" for p in PERCENTILES),
    "log_table_dc",
    "log_table_mean",
    "log_width",
    "log_height",
)
_BEST = 100.0  # dB, of a picture that equals the pristine one
_KEY = b"picture_features"


def picture_features(labels: LabelSet) -> dict[str, NDArray[np.float32]]:
    """Name (`DCT`, `LIKENESS`) -> [R], of all rows of a label set; measured at the first call.

    Raises:
        FileNotFoundError: if a pristine picture is missing.
    """
    file = labels.folder / "features.parquet"
    key = json.dumps([VERSION, labels.meta["data"].get("digest"), labels.meta["conditions"],
                      labels.meta["versions"]], sort_keys=True).encode()  # fmt: skip
    known = _read(file, key, len(labels))
    if known is None:
        known = _measured(labels)
        table = pa.table({name: pa.array(values) for name, values in known.items()})
        write_table(file, table.replace_schema_metadata({_KEY: key}))
    return known


def _read(file: Path, key: bytes, rows: int) -> dict[str, NDArray[np.float32]] | None:
    """What was measured before, None where it was of other pictures or by other code."""
    if not file.is_file():
        return None
    try:
        table = pq.read_table(file)
    except (pa.ArrowException, OSError):  # damaged: measured anew
        return None
    if (table.schema.metadata or {}).get(_KEY) != key or table.num_rows != rows:
        return None
    return {name: table[name].to_numpy() for name in (*DCT, *LIKENESS)}


def _measured(labels: LabelSet) -> dict[str, NDArray[np.float32]]:
    conditions = [Condition.from_name(name) for name in labels.meta["conditions"]]
    firsts = range(0, len(labels), len(conditions))

    def measure(row: int) -> list[NDArray[np.float32]]:
        pristine = read_picture(labels.path(row))
        image_id = int(labels.images["image_id"][row])
        return [_features(pristine, condition, image_id) for condition in conditions]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = track(pool.map(measure, firsts), "measuring pictures", total=len(firsts))
        values = np.array([row for rows in found for row in rows], dtype=np.float32)
    return dict(zip((*DCT, *LIKENESS), values.T, strict=True))


def _features(
    pristine: NDArray[np.uint8], condition: Condition, image_id: int
) -> NDArray[np.float32]:
    table = np.ones((8, 8))
    shown: NDArray[Any] = pristine
    if condition.kind == "jpeg":
        file = encode_jpeg(pristine, condition.level)
        shown, table = decode_jpeg(file), luma_table(file).astype(float)
    elif condition.name != CLEAN:
        shown = distort(pristine, Distortion(condition.kind, condition.level), image_id)
    luma, before = _luma(shown), _luma(pristine)
    height, width = luma.shape
    sizes = np.log([table[0, 0], np.exp(np.log(table).mean()), width, height])
    return np.array([*dct_features(luma, table), *sizes, psnr(before, luma), ssim(before, luma)],
                    dtype=np.float32)  # fmt: skip


def _luma(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)


def dct_features(luma: NDArray[np.float32], table: NDArray[Any]) -> NDArray[np.float32]:
    """Of the 8 × 8 blocks: rates of non-zeros [64], mean sizes [64], percentiles of energy [5].

    Args:
        luma: float32 [H, W], 0..255; what exceeds whole blocks stays out.
        table: [8, 8], the steps to which coefficients were rounded; ones where they were not.
    """
    height, width = (side // 8 * 8 for side in luma.shape)
    if not height or not width:
        return np.zeros(128 + len(PERCENTILES), dtype=np.float32)
    blocks = luma[:height, :width].reshape(height // 8, 8, width // 8, 8).swapaxes(1, 2)
    coefficients = dctn(blocks.reshape(-1, 8, 8) - 128, axes=(1, 2), norm="ortho")
    steps = np.rint(coefficients / table)
    size = np.abs(steps * table)
    energy = np.log1p((size.reshape(-1, 64)[:, 1:] ** 2).sum(axis=1))
    rates, means = (steps != 0).mean(axis=0).ravel(), size.mean(axis=0).ravel()
    return np.concatenate([rates, means, np.percentile(energy, PERCENTILES)]).astype(np.float32)


def psnr(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Peak signal-to-noise ratio of pictures 0..255 in dB; 100 where they are equal."""
    error = float(np.mean((a - b) ** 2))
    return min(_BEST, 10 * np.log10(255**2 / error)) if error else _BEST


def ssim(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Structural similarity of pictures [H, W], 0..255 (Wang et al. 2004, Gaussian 11 × 11)."""

    def local(x: NDArray[np.float32]) -> NDArray[Any]:
        return cv2.GaussianBlur(x, (11, 11), 1.5)

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_a, mean_b = local(a), local(b)
    spread_a = local(a * a) - mean_a**2
    spread_b = local(b * b) - mean_b**2
    shared = local(a * b) - mean_a * mean_b
    likeness = (2 * mean_a * mean_b + c1) * (2 * shared + c2)
    return float((likeness / ((mean_a**2 + mean_b**2 + c1) * (spread_a + spread_b + c2))).mean())
