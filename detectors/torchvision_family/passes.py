"""Running a detection network of torchvision in another mode than its layers are in."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor


@contextmanager
def acting_as(network: Any, training: bool) -> Iterator[None]:
    """Within, the network gives losses (`training`) or detections; its layers keep their own mode.

    Torchvision decides by the `training` flag of a few parts, which hold no dropout nor batch
    statistics of their own. Pictures are resized as for detections in both cases.
    """
    parts = [getattr(network, name, None) for name in ("rpn", "roi_heads")]
    wanted = {part: training for part in (network, *parts) if part is not None}
    wanted[network.transform] = False
    before = {part: part.training for part in wanted}
    try:
        for part, flag in wanted.items():
            part.training = flag
        yield
    finally:
        for part, flag in before.items():
            part.training = flag


@contextmanager
def one_backbone_pass(network: Any) -> Iterator[None]:
    """Within, the feature maps of the first pass serve all, which must be of the same frames."""
    backbone = network.backbone
    run = backbone.forward
    kept: list[Any] = []

    def forward(images: Tensor) -> Any:
        if not kept:
            kept.append(run(images))
        return kept[0]

    backbone.forward = forward
    try:
        yield
    finally:
        del backbone.forward


@contextmanager
def fixed_draws(device: torch.device) -> Iterator[None]:
    """Within, random numbers are the same every time; after it they go on as if none were drawn."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(0)
        yield


def groups_of_one_size(network: Any, frames: Sequence[Tensor]) -> list[list[int]]:
    """Indices of frames that share a size once resized and padded.

    Torchvision pads a batch to its largest picture. Within such a group nothing is added to what a
    picture alone would get, so that its detections do not depend on the others.
    """
    groups: dict[tuple[int, ...], list[int]] = {}
    for index, frame in enumerate(frames):
        size = _padded_size(network.transform, frame.shape[1], frame.shape[2])
        groups.setdefault(size, []).append(index)
    return list(groups.values())


def _padded_size(transform: Any, height: int, width: int) -> tuple[int, ...]:
    if transform.fixed_size is not None:
        return transform.fixed_size
    shorter, longer = min(height, width), max(height, width)
    scale = min(transform.min_size[-1] / shorter, transform.max_size / longer)
    step = transform.size_divisible
    return tuple(math.ceil(math.floor(side * scale) / step) * step for side in (height, width))
