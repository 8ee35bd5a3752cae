"""Time the forms of deformable attention side by side, in the shapes that TransVOD Lite has.

A round runs every form once, so that whatever else the machine does falls on all of them; the
number given is the fastest round. On a CPU it is processor time, which other programs lengthen
less than wall time.

    python -m benchmarks.deformable_attention_speed --out deformable_attention_speed.json
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from detectors.transvod_lite.deformable_attention import deformable_attention
from detectors.transvod_lite.deformable_forms import by_embedding_bag, by_grid_sample
from detectors.transvod_lite.positions import token_centres
from structures.atomic_file import write_atomically

HEADS, WIDTH, POINTS = 8, 32, 4
_SHORTEST = 5e-3  # seconds that are timed at once


class Case(NamedTuple):
    """A call: N frames, (h, w) of each level, and queries a frame (None: one for each token)."""

    name: str
    frames: int
    shapes: list[tuple[int, int]]
    queries: int | None


def square(side: int, levels: int = 1) -> list[tuple[int, int]]:
    """Levels of a square frame, each half as fine as the one before."""
    sides = [-(-side // 2**level) for level in range(levels)]
    return [(each, each) for each in sides]


CASES = [
    Case("encoder 75x75", 1, square(75), None),
    Case("encoder 75x125", 1, [(75, 125)], None),
    Case("encoder 38x38", 1, square(38), None),
    Case("encoder 19x19", 1, square(19), None),
    Case("encoder 8x9", 1, [(8, 9)], None),
    Case("encoder 8x9, 8 frames", 8, [(8, 9)], None),
    Case("encoder 75, 3 levels", 1, square(75, 3), None),
    Case("encoder 38, 4 levels", 1, square(38, 4), None),
    Case("encoder 13, 3 levels", 1, square(13, 3), None),
    Case("decoder 75x75, 30 queries", 1, square(75), 30),
    Case("decoder 75x75, 100 queries", 1, square(75), 100),
    Case("decoder 75x75, 30 queries, 14 frames", 14, square(75), 30),
    Case("decoder 75x75, 80 queries, 14 frames", 14, square(75), 80),
    Case("decoder 75, 3 levels, 100 queries", 1, square(75, 3), 100),
    Case("decoder 75, 4 levels, 300 queries", 1, square(75, 4), 300),
    Case("decoder 19x19, 30 queries", 1, square(19), 30),
    Case("decoder 19x19, 100 queries", 1, square(19), 100),
    Case("decoder 8x9, 20 queries", 1, [(8, 9)], 20),
    Case("decoder 8x9, 20 queries, 4 frames", 4, [(8, 9)], 20),
    Case("decoder 8x9, 3 levels, 20 queries", 1, [(8, 9), (4, 5), (2, 3)], 20),
    Case("temporal encoder 19x19, 14 frames", 1, square(19) * 14, 361),
]


def usual(
    value: Tensor, shapes: list[tuple[int, int]], locations: Tensor, weights: Tensor
) -> Tensor:
    """What projects do that have no compiled kernel: all levels' samples, stacked, then summed."""
    frames, _, heads, width = value.shape
    grids = 2 * locations - 1
    samples = []
    for level, tokens in enumerate(value.split([h * w for h, w in shapes], 1)):
        plane = tokens.flatten(2).transpose(1, 2).reshape(-1, width, *shapes[level])
        grid = grids[:, :, :, level].transpose(1, 2).flatten(0, 1)
        samples.append(F.grid_sample(plane, grid, align_corners=False))
    shares = weights.transpose(1, 2).reshape(frames * heads, 1, locations.shape[1], -1)
    summed = (torch.stack(samples, -2).flatten(-2) * shares).sum(-1)
    return summed.view(frames, heads * width, -1).transpose(1, 2)


FORMS: dict[str, Callable[..., Tensor]] = {
    "usual": usual,
    "grid_sample": by_grid_sample,
    "embedding_bag": by_embedding_bag,
    "chosen": deformable_attention,
}


def draw(case: Case, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Value, locations and weights: points near the query's token, or near anywhere."""
    generator = torch.Generator().manual_seed(0)
    levels = len(case.shapes)
    tokens = sum(h * w for h, w in case.shapes)
    value = torch.randn(case.frames, tokens, HEADS, WIDTH, generator=generator)
    if case.queries is None:
        centres = token_centres(case.shapes, torch.ones(case.frames, levels, 2))
        centres = centres[:, :, None, :, None]
    else:
        centres = torch.rand(case.frames, case.queries, 1, 1, 1, 2, generator=generator)
    points = (case.frames, centres.shape[1], HEADS, levels, POINTS)
    locations = centres + 0.05 * torch.randn(*points, 2, generator=generator)
    weights = torch.rand(*points[:3], levels * POINTS, generator=generator).softmax(-1)
    return value.to(device), locations.to(device), weights.view(points).to(device)


def step(form: Callable[..., Tensor], case: Case, data: tuple[Tensor, ...], learn: bool) -> None:
    """One forward pass, and one backward where `learn`."""
    value, locations, weights = data
    result = form(value, case.shapes, locations, weights).contiguous()
    if learn:
        torch.autograd.grad(result, data, torch.ones_like(result))
    if value.is_cuda:
        torch.cuda.synchronize()


def measure(case: Case, device: torch.device, learn: bool, rounds: int) -> dict[str, float]:
    """Milliseconds of each form in its fastest round.

    Where nothing learns it is in inference mode, as in evaluation and in streams.
    """
    with torch.inference_mode(not learn):
        data = draw(case, device)
        for tensor in data:
            tensor.requires_grad_(learn)
        return _fastest(case, data, learn, rounds)


def _fastest(case: Case, data: tuple[Tensor, ...], learn: bool, rounds: int) -> dict[str, float]:
    clock = time.process_time if data[0].device.type == "cpu" else time.perf_counter
    start = clock()
    for form in FORMS.values():
        step(form, case, data, learn)
    repeats = max(1, round(_SHORTEST * len(FORMS) / max(clock() - start, 1e-6)))
    best = dict.fromkeys(FORMS, float("inf"))
    for _ in range(rounds):
        for name, form in FORMS.items():
            start = clock()
            for _ in range(repeats):
                step(form, case, data, learn)
            best[name] = min(best[name], 1e3 * (clock() - start) / repeats)
    return best


def table(title: str, device: torch.device, learn: bool, rounds: int) -> list[dict[str, object]]:
    """Measure all cases and print one table; the speed-up is over `usual`."""
    rows: list[dict[str, object]] = []
    heads = "".join(f"{name:>14}" for name in FORMS)
    print(f"\n{title + ', ms':<40}{'points':>10}{heads}{'speed-up':>10}", flush=True)
    for case in CASES:
        best = measure(case, device, learn, rounds)
        queries = case.queries or sum(h * w for h, w in case.shapes)
        points = case.frames * queries * HEADS * len(case.shapes) * POINTS
        gain = best["usual"] / best["chosen"]
        numbers = "".join(f"{best[name]:14.3f}" for name in FORMS)
        print(f"{case.name:<40}{points:>10}{numbers}{gain:10.2f}", flush=True)
        rows.append({"case": case.name, "points": points, "ms": best, "speed_up": gain})
    return rows


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(description="forms of deformable attention side by side")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="JSON file to write")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    report: dict[str, object] = {
        "torch": torch.__version__,
        "machine": platform.processor() or platform.machine(),
        "device": options.device,
        "threads": options.threads,
        "rounds": options.rounds,
    }
    for title, learn in (("forward", False), ("forward and backward", True)):
        report[title] = table(title, device, learn, options.rounds)
    if options.out is not None:
        write_atomically(options.out, (json.dumps(report, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
