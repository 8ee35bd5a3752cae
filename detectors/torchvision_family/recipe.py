"""What shapes a detection network of torchvision, and what torchvision's builders decide of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from detectors.torchvision_family.anchors import Levels

NORMS = ("batch", "frozen", "frozen_eps_0")
OVER_TIMM = (
    "fasterrcnn_resnet50_fpn",
    "retinanet_resnet50_fpn",
    "retinanet_resnet50_fpn_v2",
    "fcos_resnet50_fpn",
)
_SSDLITE = "ssdlite320_mobilenet_v3_large"


@dataclass(frozen=True)
class Architecture:
    """What the builders of torchvision decide on the way.

    Attributes:
        backbone: the image classifier below it.
        freezes_norm: the batch statistics of a pre-trained backbone stay as they are.
        drops_eps: its first COCO weights are used without the epsilon of those statistics.
        trainable: backbone stages that learn when it starts from weights.
    """

    backbone: str = "resnet50"
    freezes_norm: bool = True
    drops_eps: bool = False
    trainable: int = 3


ARCHITECTURES: dict[str, Architecture] = {
    "fasterrcnn_resnet50_fpn": Architecture(drops_eps=True),
    "fasterrcnn_resnet50_fpn_v2": Architecture(freezes_norm=False),
    "fasterrcnn_mobilenet_v3_large_fpn": Architecture("mobilenet_v3_large"),
    "fasterrcnn_mobilenet_v3_large_320_fpn": Architecture("mobilenet_v3_large"),
    "retinanet_resnet50_fpn": Architecture(drops_eps=True),
    "retinanet_resnet50_fpn_v2": Architecture(freezes_norm=False),
    "fcos_resnet50_fpn": Architecture(),
    _SSDLITE: Architecture("mobilenet_v3_large", freezes_norm=False, trainable=6),
    "maskrcnn_resnet50_fpn": Architecture(drops_eps=True),
    "maskrcnn_resnet50_fpn_v2": Architecture(freezes_norm=False),
}


@dataclass(frozen=True)
class Recipe:
    """Everything that shapes a network but its weights; None stands for torchvision's own value.

    Attributes:
        architecture: one of `ARCHITECTURES`.
        norm: one of `NORMS`, see `build_network`.
        reduced_tail: SSDLite's backbone ends in half the channels (Howard et al. 2019, table 6).
        anchor_sizes: see `set_anchors`.
        anchor_ratios: see `set_anchors`.
        options: keyword arguments of torchvision's builder.
    """

    architecture: str
    norm: str = "batch"
    reduced_tail: bool = True
    anchor_sizes: Levels | None = None
    anchor_ratios: Levels | None = None
    options: Mapping[str, Any] | None = None

    def with_published_anchors(self) -> Recipe:
        """The same network with torchvision's anchors."""
        return replace(self, anchor_sizes=None, anchor_ratios=None)


def require_architecture(name: str) -> Architecture:
    """What is known of an architecture.

    Raises:
        ValueError: if it is none of ours; says which there are.
    """
    if name not in ARCHITECTURES:
        near = get_close_matches(name, ARCHITECTURES, n=1)
        hint = f"did you mean {near[0]}? There" if near else "there"
        raise ValueError(f"architecture: no {name!r} here; {hint} are {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]


def reduces_tail(architecture: str, backbone_weights: str | None) -> bool:
    """Whether torchvision builds a backbone with `Recipe.reduced_tail`; for SSDLite alone it asks.

    ImageNet weights are of the whole MobileNetV3, the published detector is not.
    """
    return architecture != _SSDLITE or backbone_weights is None


def builder_options(
    architecture: str,
    min_size: int | Sequence[int] | None,
    max_size: int | None,
    nms_iou: float | None,
    score_threshold: float | None,
    max_detections: int | None,
    pre_nms_top_k: int | None,
    sampled_proposals: int | None,
) -> dict[str, Any]:
    """Keyword arguments of torchvision's builder; what is None is left to it.

    Raises:
        ValueError: if a number is out of range, or the architecture has no such setting.
    """
    if architecture == _SSDLITE and (min_size is not None or max_size is not None):
        raise ValueError(
            f"min_size, max_size: {architecture} sees every picture as 320x320; leave them out"
        )
    two_stage = architecture.startswith(("fasterrcnn", "maskrcnn"))
    if sampled_proposals is not None and not two_stage:
        raise ValueError(f"sampled_proposals: {architecture} has no proposals; leave it out")
    sides = [min_size] if isinstance(min_size, int) else list(min_size or ())
    counts = {
        "max_size": max_size,
        "max_detections": max_detections,
        "pre_nms_top_k": pre_nms_top_k,
        "sampled_proposals": sampled_proposals,
    }
    shares = {"nms_iou": nms_iou, "score_threshold": score_threshold}
    wrong: dict[str, Any] = {k: n for k, n in counts.items() if n is not None and n < 1}
    wrong |= {k: n for k, n in shares.items() if n is not None and not 0 <= n <= 1}
    if min_size is not None and (not sides or min(sides) < 1):
        wrong["min_size"] = min_size
    if wrong:
        raise ValueError(
            "needs min_size, max_size, max_detections, pre_nms_top_k and sampled_proposals of at "
            f"least 1 and nms_iou and score_threshold from 0 to 1, got {wrong}"
        )
    box = "box_" if two_stage else ""
    values = {
        "min_size": tuple(sides) or None,
        "max_size": max_size,
        f"{box}nms_thresh": nms_iou,
        f"{box}score_thresh": score_threshold,
        f"{box}detections_per_img": max_detections,
        "rpn_pre_nms_top_n_test" if two_stage else "topk_candidates": pre_nms_top_k,
        "box_batch_size_per_image": sampled_proposals,
    }
    return {name: value for name, value in values.items() if value is not None}


def require_one_start(
    architecture: str,
    weights: str | None,
    backbone: str | None,
    backbone_weights: str | None,
    norm: str | None,
) -> None:
    """Check that a network starts from one source only.

    Args:
        architecture: one of `ARCHITECTURES`.
        weights: of the whole detector.
        backbone: a timm model's name.
        backbone_weights: of the backbone alone.
        norm: one of `NORMS`, or None.

    Raises:
        ValueError: if two of them contradict each other; names both.
    """
    require_architecture(architecture)
    if norm not in (None, *NORMS):
        raise ValueError(f"norm must be null or one of {', '.join(NORMS)}, got {norm!r}")
    if weights is not None and (backbone is not None or backbone_weights is not None):
        raise ValueError(
            f"weights={weights} is a whole detector of torchvision with its backbone: leave out "
            "backbone and backbone_weights, or weights"
        )
    if backbone is None:
        return
    if architecture not in OVER_TIMM:
        raise ValueError(
            f"backbone={backbone}: a timm backbone goes under one of {', '.join(OVER_TIMM)}, not "
            f"under {architecture}"
        )
    if norm not in (None, "batch"):
        raise ValueError(
            f"norm={norm} is for torchvision's backbones; timm's {backbone} keeps its own, and "
            "trainable_backbone_layers freezes it with its stages"
        )
