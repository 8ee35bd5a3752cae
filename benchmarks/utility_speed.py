"""The predictor of utility: time of a 224-pixel crop on one core.

    python benchmarks/utility_speed.py --out utility_speed.json

ResNet-18 with all heads on a picture's five crops, in float32, in bfloat16 (`CpuNetwork`, as it is
and compiled) and in 8-bit integers (`Int8Network`). The time is that which the thread was running,
so that other work on the machine counts less, the fastest and the median of the repeats; the wall
clock stands beside it.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from utility.cpu_network import CpuNetwork
from utility.int8_network import Int8Network
from utility.module import UtilityPredictor

CROPS, SIDE = 5, 224
WARM_UP = 3


def measure(run: Callable[[Tensor], object], views: Tensor, repeats: int) -> dict[str, float]:
    """Milliseconds a crop."""
    spent, passed = [], []
    with torch.no_grad():
        for _ in range(WARM_UP):
            run(views)
        for _ in range(repeats):
            thread, wall = time.thread_time(), time.perf_counter()
            run(views)
            spent.append(1000 * (time.thread_time() - thread) / CROPS)
            passed.append(1000 * (time.perf_counter() - wall) / CROPS)
    return {
        "cpu_ms_fastest": min(spent),
        "cpu_ms_median": statistics.median(spent),
        "wall_ms_fastest": min(passed),
    }


def main() -> None:
    """Measure and print; write JSON if asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    weights = {"useful": 1.0, "utility": 1.0, "kept": 0.5, "lost": 0.5, "quality": 0.1}
    predictor = UtilityPredictor(
        ["a", "b", "c"], [0.5] * 3, backbone=args.backbone, views="crops", loss_weights=weights,
        pooling="attention",
    ).eval()  # fmt: skip
    network, views = predictor.network, torch.randn(1, CROPS, 3, SIDE, SIDE)
    ways: dict[str, Callable[[Tensor], object]] = {
        "float32": network,
        "bfloat16": CpuNetwork(network),
        "int8": Int8Network(network, views),
    }
    if not args.no_compile:
        ways["bfloat16, compiled"] = CpuNetwork(network, compiled=True)
    rows = {name: measure(run, views, args.repeats) for name, run in ways.items()}
    print(f"{args.backbone}, ms a crop of {SIDE} pixels, one core")
    for name, row in rows.items():
        print(f"{name:20s}" + "".join(f"  {key} {value:6.2f}" for key, value in row.items()))
    if args.out is not None:
        facts = {"torch": torch.__version__, "machine": platform.processor() or platform.machine()}
        args.out.write_text(json.dumps({"rows": rows, **facts}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
