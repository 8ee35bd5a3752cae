"""The device that a GPU's benchmarks run on, as their command lines name it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch


def gpu_parser(description: str) -> argparse.ArgumentParser:
    """A command line with `--device`, `--tiny` and `--out`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--tiny", action="store_true", help="small networks and frames")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    return parser


def parse(parser: argparse.ArgumentParser) -> tuple[argparse.Namespace, torch.device]:
    """The options and their device; ends the program where that is not there."""
    options = parser.parse_args()
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        parser.error("there is no CUDA device; --device cpu --tiny shows that it runs")
    return options, device


@contextmanager
def in_precision(precision: str, device: torch.device) -> Iterator[None]:
    """fp32 without shortcuts, fp32 with products of 19 bits (tf32), or autocast to bf16."""
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    try:
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


def wait(device: torch.device) -> None:
    """Until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize()
