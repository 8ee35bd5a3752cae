"""Time SSD300 beside torchvision's `ssd300_vgg16`: forward pass and train step.

Both have the same weights and get the same uint8 frames. A round runs every variant once, so that
whatever else the machine does falls on all of them; ratios are of medians over rounds.

    python -m benchmarks.ssd300_speed --out ssd300_speed.json
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models.detection import ssd300_vgg16
from torchvision.models.detection.ssd import SSD

from detectors.ssd300.loss import MultiBoxLoss
from detectors.ssd300.network import SSD300Network
from detectors.ssd300.torchvision_weights import rename
from detectors.ssd300.vgg import VGG16Trunk
from structures.atomic_file import write_atomically

BASELINE = "torchvision fp32"
Step = Callable[[], object]


@dataclass(frozen=True)
class Data:
    """A fixed batch: uint8 frames [3, 300, 300], boxes in pixels, labels 1..90."""

    frames: list[Tensor]
    boxes: list[Tensor]
    labels: list[Tensor]


def draw_data(batch_size: int, device: torch.device) -> Data:
    """Noise with ten boxes a frame."""
    generator = torch.Generator().manual_seed(0)
    frames, boxes, labels = [], [], []
    for _ in range(batch_size):
        frame = torch.randint(0, 256, (3, 300, 300), dtype=torch.uint8, generator=generator)
        corner = 200 * torch.rand(10, 2, generator=generator)
        size = 10 + 90 * torch.rand(10, 2, generator=generator)
        frames.append(frame.to(device))
        boxes.append(torch.cat([corner, corner + size], 1).to(device))
        labels.append(torch.randint(1, 91, (10,), generator=generator).to(device))
    return Data(frames, boxes, labels)


def our_steps(network: SSD300Network, data: Data) -> tuple[Step, Step]:
    """Forward and losses of our network, from uint8 frames."""
    loss = MultiBoxLoss()

    def forward() -> tuple[Tensor, Tensor]:
        return network(network.prepare(data.frames))

    def losses() -> dict[str, Tensor]:
        return loss(*forward(), network.priors, data.boxes, data.labels)

    return forward, losses


def torchvision_steps(model: SSD, data: Data) -> tuple[Step, Step]:
    """The same of torchvision's; its forward pass stops before decoding, as ours does."""

    def images() -> list[Tensor]:
        return [frame / 255 for frame in data.frames]

    def forward() -> dict[str, Tensor]:
        batch, _ = model.transform(images(), None)
        return model.head(list(model.backbone(batch.tensors).values()))

    def losses() -> dict[str, Tensor]:
        targets = zip(data.boxes, data.labels, strict=True)
        return model(images(), [{"boxes": b, "labels": k} for b, k in targets])

    return forward, losses


def variants(data: Data, device: torch.device, train: bool) -> dict[str, Step]:
    """Name -> one timed step, for both networks in four number and memory formats."""
    steps: dict[str, Step] = {}
    for precision in ("fp32", "bf16"):
        for layout in ("", " channels_last"):
            theirs = ssd300_vgg16(weights=None, weights_backbone=None)
            ours = SSD300Network(90, VGG16Trunk())
            ours.load_state_dict(rename(theirs.state_dict()))
            for name, model in (("torchvision", theirs), ("ours", ours)):
                model.to(device).train(train)
                if layout:
                    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
                build = torchvision_steps if name == "torchvision" else our_steps
                forward, losses = build(model, data)  # type: ignore[arg-type]
                step = _train_step(model, losses) if train else torch.inference_mode()(forward)
                steps[f"{name} {precision}{layout}"] = _in_precision(step, precision, device)
    return steps


def _train_step(model: nn.Module, losses: Callable[[], object]) -> Step:
    optimizer = torch.optim.SGD(model.parameters(), 1e-6, momentum=0.9, weight_decay=5e-4)

    def step() -> None:
        optimizer.zero_grad()
        torch.stack(list(losses().values())).sum().backward()  # type: ignore[attr-defined]
        optimizer.step()

    return step


def _in_precision(step: Step, precision: str, device: torch.device) -> Step:
    def run() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
            step()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return run


def measure(steps: dict[str, Step], rounds: int) -> dict[str, float]:
    """Median seconds of each step over interleaved rounds, after one warm-up."""
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for index in range(rounds + 1):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            if index:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def table(title: str, medians: dict[str, float], batch_size: int) -> list[dict[str, object]]:
    """Print one table; the ratio is time over that of torchvision in fp32."""
    rows: list[dict[str, object]] = []
    print(f"\n{title:<28}{'ms/image':>10}{'images/s':>10}{'time ratio':>12}{'same format':>13}")
    for name, seconds in medians.items():
        same = seconds / medians[name.replace("ours", "torchvision")]
        ratio = seconds / medians[BASELINE]
        milliseconds = 1e3 * seconds / batch_size
        print(f"{name:<28}{milliseconds:10.1f}{1e3 / milliseconds:10.1f}{ratio:12.3f}{same:13.3f}")
        rows.append(
            {
                "variant": name,
                "ms_per_image": milliseconds,
                "ratio_to_torchvision_fp32": ratio,
                "ratio_to_torchvision_in_same_format": same,
            }
        )
    return rows


def main() -> None:
    """Measure, print, and write JSON where asked to."""
    parser = argparse.ArgumentParser(description="SSD300 beside torchvision's ssd300_vgg16")
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path, help="JSON file to write")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    data = draw_data(options.batch_size, device)
    report: dict[str, object] = {
        "torch": torch.__version__,
        "machine": platform.processor() or platform.machine(),
        "device": options.device,
        "threads": options.threads,
        "batch_size": options.batch_size,
        "rounds": options.rounds,
    }
    for title, train in (("forward", False), ("train step", True)):
        medians = measure(variants(data, device, train), options.rounds)
        report[title.replace(" ", "_")] = table(title, medians, options.batch_size)
    if options.out is not None:
        write_atomically(options.out, (json.dumps(report, indent=2) + "\n").encode())


if __name__ == "__main__":
    main()
