"""Anchors of torchvision's detectors, other than those that they were published with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from torch import nn
from torchvision.models.detection.anchor_utils import AnchorGenerator, DefaultBoxGenerator
from torchvision.models.detection.fcos import FCOS
from torchvision.models.detection.retinanet import RetinaNet, RetinaNetHead
from torchvision.models.detection.rpn import RPNHead
from torchvision.models.detection.ssd import SSD
from torchvision.models.detection.ssdlite import SSDLiteHead

Levels = Sequence[float | Sequence[float]]

_SSDLITE_FRAME = 320


def set_anchors(network: Any, sizes: Levels | None, ratios: Levels | None) -> bool:
    """Give a detector other anchors; where their number a location changes, new layers that see it.

    Args:
        network: a detector of torchvision, changed in place.
        sizes: for each level of the feature pyramid one side in pixels of the resized picture, or
            several; None keeps the detector's own. For SSDLite seven rising sides in pixels of the
            320x320 frame: one for each of its six levels, and the next.
        ratios: height / width, one list for all levels or one for each; None keeps the detector's
            own. For SSDLite ratios above 1, each of which stands for itself and its inverse.

    Returns:
        Whether the number of anchors a location changed.

    Raises:
        ValueError: if they do not fit the detector's levels; says how many are needed.
    """
    if sizes is None and ratios is None:
        return False
    if isinstance(network, SSD):
        return _set_default_boxes(network, sizes, ratios)
    owner = network.rpn if hasattr(network, "rpn") else network
    old: AnchorGenerator = owner.anchor_generator
    levels = len(old.sizes)
    generator = AnchorGenerator(
        _of_levels("anchor_sizes", sizes, levels) or old.sizes,
        _for_all_or_each("anchor_ratios", ratios, levels) or old.aspect_ratios,
    )
    counts = set(generator.num_anchors_per_location())
    if len(counts) > 1:
        raise ValueError(
            "anchor_sizes and anchor_ratios give "
            f"{generator.num_anchors_per_location()} anchors a location by level; all levels share "
            "one head, so they need the same number"
        )
    owner.anchor_generator = generator
    count = counts.pop()
    if count == old.num_anchors_per_location()[0]:
        return False
    _renew_head(network, count)
    return True


def _renew_head(network: Any, count: int) -> None:
    """New last layers for `count` anchors a location."""
    if isinstance(network, FCOS):
        raise ValueError(
            f"FCOS has one point a location, so one anchor size a level; got {count} anchors "
            "(anchor_sizes, anchor_ratios)"
        )
    channels = network.backbone.out_channels
    if isinstance(network, RetinaNet):
        head = network.head
        fresh = RetinaNetHead(channels, count, head.classification_head.num_classes)
        head.classification_head.cls_logits = fresh.classification_head.cls_logits
        head.classification_head.num_anchors = count
        head.regression_head.bbox_reg = fresh.regression_head.bbox_reg
    else:
        network.rpn.head = RPNHead(channels, count, conv_depth=len(network.rpn.head.conv))


def _set_default_boxes(network: SSD, sizes: Levels | None, ratios: Levels | None) -> bool:
    old: Any = network.anchor_generator
    levels = len(old.aspect_ratios)
    scales = None if sizes is None else _numbers("anchor_sizes", sizes, levels + 1)
    generator = DefaultBoxGenerator(
        _for_all_or_each("anchor_ratios", ratios, levels) or old.aspect_ratios,
        scales=old.scales if scales is None else [side / _SSDLITE_FRAME for side in scales],
    )
    network.anchor_generator = generator
    counts = generator.num_anchors_per_location()
    if counts == old.num_anchors_per_location():
        return False
    head: Any = network.head
    blocks = head.classification_head.module_list
    channels = [block[0][0].in_channels for block in blocks]
    # torchvision's own normalisation of SSDLite
    norm = partial(nn.BatchNorm2d, eps=0.001, momentum=0.03)
    network.head = SSDLiteHead(channels, counts, head.classification_head.num_columns, norm)
    return True


def _of_levels(what: str, values: Levels | None, levels: int) -> Any:
    """One tuple of numbers for each level; None stays None."""
    if values is None:
        return None
    if len(values) != levels:
        raise ValueError(
            f"{what}: this detector has {levels} feature levels, so {levels} entries are needed, "
            f"finest level first; got {len(values)}: {list(values)}"
        )
    rows = [tuple(v) if isinstance(v, Sequence) else (v,) for v in values]
    for row in rows:
        _numbers(what, row, len(row))
    return tuple(rows)


def _for_all_or_each(what: str, values: Levels | None, levels: int) -> Any:
    """The same, where one list of plain numbers serves all levels."""
    if values is None or any(isinstance(value, Sequence) for value in values):
        return _of_levels(what, values, levels)
    return (tuple(_numbers(what, values, len(values))),) * levels


def _numbers(what: str, values: Sequence[Any], count: int) -> Sequence[float]:
    plain = [v for v in values if isinstance(v, int | float) and v > 0]
    if not count or len(values) != count or len(plain) != count:
        raise ValueError(
            f"{what}: needs {count or 'some'} numbers above 0 here, got {len(values)}: "
            f"{list(values)}"
        )
    return plain
