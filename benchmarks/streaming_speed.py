"""Time a new frame of a stream: TransVOD Lite with kept frame states, and on the window anew.

In a round T new frames come one after the other, then the window that they are is run anew, so that
whatever else the machine does falls on both ways; ratios are of medians over rounds.

    python -m benchmarks.streaming_speed --out streaming_speed.json
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from pathlib import Path
from typing import NamedTuple

import torch
from omegaconf import OmegaConf
from torch import Tensor

from detectors.transvod_lite.network import TransVODLiteNetwork
from detectors.transvod_lite.streaming_network import StreamingNetwork
from structures.atomic_file import write_atomically

_RECIPES = Path(__file__).resolve().parent.parent / "conf" / "model"
_CLASSES = 30


class Case(NamedTuple):
    """A recipe of `conf/model`, another backbone for it or None, and the size of its frames."""

    recipe: str
    backbone: str | None
    height: int
    width: int


CASES = {
    "light": Case("transvod_light", None, 160, 272),
    "swin_t": Case("transvod_lite", "swin_t", 600, 600),
    "swin_b": Case("transvod_lite", "swin_b", 600, 600),
}


class Result(NamedTuple):
    """Of a new frame by both ways.

    Attributes:
        window: seconds of running its window anew.
        stream: seconds with kept states.
        difference: the largest between the logits and boxes of the two.
        window_mb: most MiB of GPU memory at a time, weights included; 0 on a CPU.
        stream_mb: the same with kept states.
    """

    window: float
    stream: float
    difference: float
    window_mb: float
    stream_mb: float


def build(case: Case) -> TransVODLiteNetwork:
    """The untrained network of a recipe."""
    settings = OmegaConf.to_container(OmegaConf.load(_RECIPES / f"{case.recipe}.yaml").network)
    if case.backbone is not None:
        settings = {**settings, "backbone": case.backbone}  # type: ignore[dict-item]
    torch.manual_seed(0)
    return TransVODLiteNetwork(_CLASSES, **settings).eval()  # type: ignore[arg-type]


def measure(
    network: TransVODLiteNetwork, frames: Tensor, rounds: int, precision: torch.dtype
) -> Result:
    """Time both ways.

    Args:
        network: on the device of the frames.
        frames: float [T, 3, H, W], which come again and again.
        rounds: after one to warm up, which also fills the window.
        precision: of autocast; float32 for none.
    """
    window, device = len(frames), frames.device.type
    stream = StreamingNetwork(network, window)
    anew, kept, differences, peaks = [], [], [], (0.0, 0.0)
    with (
        torch.inference_mode(),
        torch.autocast(device, precision, enabled=precision != torch.float32),
    ):
        for _ in range(rounds + 1):
            start = _now(device)
            for frame in frames:
                streamed = stream.detect(frame)
            between, stream_peak = _now(device), _peak_mb(device)
            output = network(frames[None])
            anew.append(_now(device) - between)
            kept.append((between - start) / window)
            peaks = (_peak_mb(device), stream_peak)
            expected = (output.logits[0, -1], output.boxes[0, -1])
            pairs = zip(streamed, expected, strict=True)
            differences.append(max(float((a - b).abs().max()) for a, b in pairs))
    medians = (statistics.median(anew[1:]), statistics.median(kept[1:]))
    return Result(*medians, max(differences), *peaks)


def _now(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def _peak_mb(device: str) -> float:
    """Since it was last asked."""
    if device != "cuda":
        return 0.0
    peak = torch.cuda.max_memory_allocated() / 2**20
    torch.cuda.reset_peak_memory_stats()
    return peak


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(description="A new frame: kept states beside the window anew")
    parser.add_argument("--cases", nargs="+", default=["light", "swin_t"], choices=CASES)
    parser.add_argument("--window", type=int, default=14)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--bf16", action="store_true", help="bfloat16 autocast")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path, help="JSON file to write")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    precision = torch.bfloat16 if options.bf16 else torch.float32
    rows = []
    print(
        f"{'T = ' + str(options.window):<10}{'frame':>9}{'window ms':>11}{'stream ms':>11}", end=""
    )
    print(f"{'frames/s':>10}{'ratio':>7}{'difference':>12}")
    for name in options.cases:
        case = CASES[name]
        generator = torch.Generator().manual_seed(0)
        frames = torch.randn(options.window, 3, case.height, case.width, generator=generator)
        network = build(case).to(options.device)
        result = measure(network, frames.to(options.device), options.rounds, precision)
        ratio = result.window / result.stream
        print(f"{name:<10}{f'{case.height}x{case.width}':>9}{1e3 * result.window:11.1f}", end="")
        print(f"{1e3 * result.stream:11.1f}{1 / result.stream:10.1f}", end="")
        print(f"{ratio:7.1f}{result.difference:12.1e}")
        rows.append({"case": name, **case._asdict(), **result._asdict(), "ratio": ratio})
    report = {
        "torch": torch.__version__,
        "machine": platform.processor() or platform.machine(),
        **{k: v for k, v in vars(options).items() if k not in ("out", "cases")},
        "rows": rows,
    }
    if options.out is not None:
        write_atomically(options.out, (json.dumps(report, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
