"""Where a GPU's time goes: clips and streams of TransVOD Lite, and training steps.

For each case the time of a step, how much of it the device computes (the rest waits for the host),
the parts of the network, and the operators that take longest.

    python -m benchmarks.gpu_profile --out gpu_profile.json
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.autograd.profiler_util import FunctionEventAvg
from torch.profiler import ProfilerActivity, profile

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
from structures.atomic_file import write_atomically

_STEPS = 3
_PARTS = {
    "backbone": "single_frame.backbone",
    "pyramid": "single_frame.pyramid",
    "encoder": "single_frame.encoder",
    "decoder": "single_frame.decoder",
    "temporal stage": "temporal",
}


class Case(NamedTuple):
    """A step to look into, and the network whose parts it runs; `parts` is empty for others."""

    name: str
    make: Callable[[], tuple[Step, nn.Module]]
    parts: dict[str, str]


def cases(sizes: Sizes, device: torch.device) -> Iterator[Case]:
    """The largest video network on clips, streams and in training; every image detector."""
    name, recipe = list(sizes.video.items())[-1]
    clip = draw(1, sizes.frames, recipe.side, device)
    host = clip.to("cpu").clips[0]

    def video(make: Callable[..., Step], data: Any, **more: Any) -> tuple[Step, nn.Module]:
        detector = recipe.build(device, **TRAINED, **more)
        return make(detector, data), detector.network

    yield Case(f"{name}, clip", partial(video, predicting, clip), _PARTS)
    yield Case(f"{name}, stream", partial(video, streaming, host), _PARTS)
    yield Case(f"{name}, step of the temporal stage", partial(video, training, clip), _PARTS)
    yield Case(f"{name}, step of both stages", partial(video, training, clip, **BOTH), _PARTS)
    for image, its in sizes.images.items():
        yield Case(f"{image}, step, channels_last", partial(_image_step, its, device), {})


def _image_step(recipe: Recipe, device: torch.device) -> tuple[Step, nn.Module]:
    detector = recipe.build(device)
    detector.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    batch = draw(recipe.pictures, 1, recipe.side, device)
    return training(detector, batch), detector.network


def look_into(case: Case, device: torch.device, rows: int) -> dict[str, Any]:
    """Profile a case in bf16: milliseconds a step, in all, on the device, by part and operator."""
    step, network = case.make()
    for _ in range(_STEPS):
        step()
    start = _now(device)
    for _ in range(_STEPS):
        step()
    whole = (_now(device) - start) / _STEPS
    parts = part_times(step, network, case.parts, device)
    cuda = device.type == "cuda"
    with profile(activities=[ProfilerActivity.CPU, *[ProfilerActivity.CUDA] * cuda]) as profiler:
        for _ in range(_STEPS):
            step()
        wait(device)
    events = [e for e in profiler.key_averages() if not e.is_user_annotation]
    own = _own_device_time if cuda else _own_cpu_time
    # Kernels stand beside the operators that launch them, with the same times.
    operators = [e for e in events if "CPU" in str(e.device_type)]
    kernels = [e for e in events if "CPU" not in str(e.device_type)] if cuda else operators
    top = [
        {"operator": e.key, "ms": own(e) / 1e3 / _STEPS, "calls": e.count // _STEPS}
        for e in sorted(operators, key=own, reverse=True)[:rows]
    ]
    launches = sum(e.count for e in events if "LaunchKernel" in e.key) // _STEPS
    waits = sum(e.count for e in events if "Synchronize" in e.key) // _STEPS
    return {
        "case": case.name,
        "ms": 1e3 * whole,
        "device_ms": sum(map(own, kernels)) / 1e3 / _STEPS,
        "launches": launches,
        "waits": waits,
        "parts_ms": parts,
        "operators": top,
    }


def _own_device_time(event: FunctionEventAvg) -> float:
    return float(event.self_device_time_total)


def _own_cpu_time(event: FunctionEventAvg) -> float:
    return float(event.self_cpu_time_total)


def part_times(
    step: Step, network: nn.Module, parts: dict[str, str], device: torch.device
) -> dict[str, float]:
    """Milliseconds of each part's forward pass, in a step that waits before and after it."""
    starts: dict[str, float] = {}
    took = dict.fromkeys(parts, 0.0)
    hooks = []
    for name, path in parts.items():
        module = network.get_submodule(path)

        def begin(*_: Any, name: str = name) -> None:
            starts[name] = _now(device)

        def end(*_: Any, name: str = name) -> None:
            took[name] += 1e3 * (_now(device) - starts[name])

        hooks += [module.register_forward_pre_hook(begin), module.register_forward_hook(end)]
    try:
        step()
    finally:
        for hook in hooks:
            hook.remove()
    return took


def _now(device: torch.device) -> float:
    wait(device)
    return time.perf_counter()


def print_case(found: dict[str, Any]) -> None:
    """A case as a small table."""
    print(f"\n{found['case']}: {found['ms']:.1f} ms a step, {found['device_ms']:.1f} ms of it on")
    print(f"  the device; {found['launches']} launches, {found['waits']} waits of the host")
    for name, took in found["parts_ms"].items():
        print(f"  forward of {name:<39}{took:9.2f} ms")
    for row in found["operators"]:
        print(
            f"  {row['operator'][:48]:<50}{row['ms']:9.2f} ms {row['calls']:7d} calls", flush=True
        )


def main() -> None:
    """Profile, print, and write JSON where asked to."""
    parser = gpu_parser((__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=12, help="operators of a case")
    parser.add_argument("--seconds", type=float, default=60, help="no case begins after these")
    options, device = parse(parser)
    end = time.perf_counter() + options.seconds
    report = []
    for case in cases(TINY if options.tiny else FULL, device):
        if time.perf_counter() > end:
            print(f"\n{case.name}: not run, the time was over")
            continue
        try:
            with time_limit(60), in_precision("bf16", device):
                report.append(look_into(case, device, options.rows))
            print_case(report[-1])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is named and the others go on
            print(f"\n{case.name}: failed, {type(error).__name__}: {str(error)[:200]}")
        if device.type == "cuda":
            torch.cuda.empty_cache()
        if options.out is not None:
            write_atomically(options.out, (json.dumps(report, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
