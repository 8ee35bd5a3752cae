"""Time the detectors on a GPU: TransVOD Lite on clips and on streams, and training steps of all.

From uint8 frames on the device (a stream: on the host) to predictions, and from a batch to updated
weights; random weights, noise with a few boxes a frame. A part that fails is named in the table
with its reason, and the others go on; no part begins once `--seconds` are over.

    python -m benchmarks.gpu_speed --out gpu_speed.json
    python -m benchmarks.gpu_speed --parts clips streams --no-compile
    python -m benchmarks.gpu_speed --device cpu --tiny --no-compile      # to see that it runs
"""

from __future__ import annotations

import gc
import json
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmarks.gpu_device import gpu_parser, in_precision, parse, wait
from benchmarks.gpu_steps import (
    BOTH,
    FULL,
    TINY,
    TRAINED,
    Recipe,
    Sizes,
    Step,
    draw,
    predicting,
    streaming,
    training,
)
from benchmarks.time_limit import time_limit
from structures import Batch
from structures.atomic_file import write_atomically

_BLOCK = 5  # steps between two waits for the device
_PART_LIMIT = 75  # seconds for one part, so that the others get their turn


class Part(NamedTuple):
    """One row: what makes its step, how many frames a step sees, and in what number format."""

    group: str
    name: str
    make: Callable[[], Step]
    frames: int
    precision: str = "bf16"
    compiles: bool = False


def video_parts(sizes: Sizes, device: torch.device) -> Iterator[Part]:
    """TransVOD Lite on clips and streams, and its training steps."""
    count = sizes.frames
    for name, recipe in sizes.video.items():
        clip = draw(1, count, recipe.side, device)
        host = clip.to("cpu").clips[0]

        def clips(compiled: bool, its: Recipe = recipe, clip: Batch = clip) -> Step:
            detector = its.build(device, **TRAINED)
            if compiled:
                detector.network.compile()
            return predicting(detector, clip)

        def streams(compiled: bool, its: Recipe = recipe, host: Tensor = host) -> Step:
            detector = its.build(device, **TRAINED)
            if compiled:
                # Of one frame, whose kernels are too short to hide their launches: replayed.
                detector.network.single_frame.compile(mode="reduce-overhead")  # type: ignore[operator, union-attr]
            return streaming(detector, host)

        def steps(more: dict[str, Any], its: Recipe = recipe, clip: Batch = clip) -> Step:
            return training(its.build(device, **TRAINED, **more), clip)

        frugal = {**BOTH, "network": {"gradient_checkpointing": True}}
        yield Part("clips", name, partial(clips, False), count)
        yield Part("streams", name, partial(streams, False), 1)
        yield Part("steps", f"{name}, temporal stage", partial(steps, {}), count)
        yield Part("steps", f"{name}, both stages", partial(steps, BOTH), count)
        yield Part("steps", f"{name}, both, checkpointed", partial(steps, frugal), count)
        yield Part("clips", f"{name}, compiled", partial(clips, True), count, compiles=True)
        yield Part("streams", f"{name}, compiled", partial(streams, True), 1, compiles=True)


def image_parts(sizes: Sizes, device: torch.device) -> Iterator[Part]:
    """Training steps of image detectors in number and memory formats."""
    for name, recipe in sizes.images.items():
        batch = draw(recipe.pictures, 1, recipe.side, device)

        def step(
            last: bool = False, compiled: bool = False, its: Recipe = recipe, batch: Batch = batch
        ) -> Step:
            detector = its.build(device)
            if last:
                detector.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            if compiled:
                detector.network.compile()
            return training(detector, batch)

        count, both = recipe.pictures, f"{name}, channels_last"
        for precision in ("fp32", "tf32", "bf16"):
            yield Part("steps", name, step, count, precision)
        yield Part("steps", both, partial(step, True), count)
        yield Part("steps", f"{both}, compiled", partial(step, True, True), count, compiles=True)


def milliseconds(step: Step, device: torch.device, seconds: float) -> float:
    """Median time of a step over blocks of steps, after one block to warm up."""
    blocks: list[float] = []
    end = time.perf_counter() + 60
    while time.perf_counter() < end or len(blocks) < 2:
        start = time.perf_counter()
        for _ in range(_BLOCK):
            step()
        wait(device)
        blocks.append(1e3 * (time.perf_counter() - start) / _BLOCK)
        if len(blocks) == 1:
            end = time.perf_counter() + seconds
    return statistics.median(blocks[1:])


def measure(part: Part, device: torch.device, seconds: float) -> dict[str, Any]:
    """Milliseconds a step, frames a second and MiB of GPU memory, or why there are none."""
    row: dict[str, Any] = {}
    start = time.perf_counter()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    try:
        with time_limit(_PART_LIMIT), in_precision(part.precision, device):
            took = milliseconds(part.make(), device, seconds)
        row |= {"ms": took, "frames_per_second": 1e3 * part.frames / took}
    except Exception as error:  # noqa: BLE001 - whatever it is, it is named and the others go on
        row["failed"] = f"{type(error).__name__}: {str(error).strip()[:160]!r}"
    if device.type == "cuda":
        row["peak_mb"] = torch.cuda.max_memory_allocated() / 2**20
    row["seconds"] = time.perf_counter() - start
    gc.collect()
    if part.compiles:
        torch._dynamo.reset()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    return row


def label(part: Part) -> dict[str, Any]:
    """What a row says before anything is measured."""
    return {"part": part.group, "name": part.name, "precision": part.precision}


def print_row(row: dict[str, Any]) -> None:
    """One line of the table."""
    print(f"{row['part']:<9}{row['name']:<40}{row['precision']:<6}", end="")
    if "ms" in row:
        memory = f"{row['peak_mb']:10.0f}" if "peak_mb" in row else f"{'-':>10}"
        print(f"{row['ms']:10.2f}{row['frames_per_second']:10.1f}{memory}", flush=True)
    else:
        print(f"  {row.get('failed', 'not run: the time was over')}", flush=True)


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = gpu_parser((__doc__ or "").splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=["clips", "streams", "steps"])
    parser.add_argument("--no-compile", action="store_true", help="leave torch.compile out")
    parser.add_argument("--seconds", type=float, default=150, help="no part begins after these")
    options, device = parse(parser)
    sizes = TINY if options.tiny else FULL
    machine = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    print(f"{machine}, torch {torch.__version__}; clips of {sizes.frames} frames")
    print(f"{'part':<9}{'of':<40}{'format':<6}{'ms':>10}{'frames/s':>10}{'peak MiB':>10}")
    start = time.perf_counter()
    parts = [*video_parts(sizes, device), *image_parts(sizes, device)]
    rows: list[dict[str, Any]] = []
    # What compiles takes longest and comes last.
    for part in sorted(parts, key=lambda part: part.compiles):
        unwanted = options.parts is not None and part.group not in options.parts
        if unwanted or (part.compiles and options.no_compile):
            continue
        row = label(part)
        if time.perf_counter() - start < options.seconds:
            row |= measure(part, device, sizes.seconds)
        print_row(row)
        rows.append(row)
        if options.out is not None:
            report = {"machine": machine, "torch": torch.__version__, "rows": rows}
            write_atomically(options.out, (json.dumps(report, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
