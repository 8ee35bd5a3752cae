"""Torchvision's detection networks as our recipes want them: built, normalised and frozen."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import get_model_builder, mobilenet_v3_large
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FasterRCNN
from torchvision.models.detection.fcos import FCOS
from torchvision.models.detection.retinanet import RetinaNet, RetinaNetHead
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.models.detection.ssd import SSD
from torchvision.models.detection.ssdlite import SSDLiteFeatureExtractorMobileNet, SSDLiteHead
from torchvision.ops import FrozenBatchNorm2d, MultiScaleRoIAlign

from detectors.torchvision_family.anchors import set_anchors
from detectors.torchvision_family.recipe import Recipe
from detectors.torchvision_family.timm_fpn import TimmFPN, timm_fpn_backbone


def build_network(recipe: Recipe, class_slots: int, backbone: TimmFPN | None = None) -> nn.Module:
    """A detection network of torchvision with random weights, all of which learn.

    Draws the same random numbers as torchvision's builder. All heads answer in float32, also under
    autocast: boxes in bfloat16 are off by up to 4 px of 1000.

    Args:
        recipe: its shape. `norm` 'frozen' fixes the statistics of the backbone's batch
            normalisation, 'frozen_eps_0' also leaves out their epsilon.
        class_slots: C + 1, with slot 0 for background.
        backbone: instead of the architecture's own, for Faster R-CNN, RetinaNet and FCOS.

    Raises:
        ValueError: if anchors or normalisation do not fit the architecture.
    """
    options = dict(recipe.options or {})
    if backbone is not None:
        network: Any = _over_timm(recipe.architecture, backbone, class_slots, options)
    else:
        builder = get_model_builder(recipe.architecture)
        network = builder(weights=None, weights_backbone=None, num_classes=class_slots, **options)
    if not recipe.reduced_tail:
        _widen_tail(network, class_slots)
    if recipe.norm != "batch":
        _freeze_norm(network, 0.0 if recipe.norm == "frozen_eps_0" else None)
    set_anchors(network, recipe.anchor_sizes, recipe.anchor_ratios)
    if hasattr(network, "rpn"):
        _rest_masks(network.roi_heads)
        answering = [network.backbone, network.rpn.head, network.roi_heads.box_predictor]
    else:
        answering = [network.backbone, network.head]
    for part in answering:
        part.register_forward_hook(_in_float32)
    return network


def backbone_stages(network: Any) -> list[list[nn.Module]]:
    """The backbone's layers by stage, from the picture up, as torchvision counts them to freeze."""
    if isinstance(network, SSD):
        features: Any = network.backbone.features
        lower, upper = features
        # Torchvision parts the block in which the stride becomes 32 between two feature maps.
        blocks: list[list[nn.Module]] = (
            [[b] for b in lower[:-1]] + [[lower[-1], upper[0]]] + [[b] for b in upper[1:]]
        )
    else:
        body = network.backbone.body
        if hasattr(body, "layer4"):
            return [
                [body.conv1, body.bn1],
                [body.layer1],
                [body.layer2],
                [body.layer3],
                [body.layer4],
            ]
        blocks = [[block] for block in body.values()]
    starts: list[int] = [0, *_strided_blocks(), len(blocks) - 1, len(blocks)]
    return [
        [layer for block in blocks[start:end] for layer in block] for start, end in pairwise(starts)
    ]


def freeze_stages(network: nn.Module, trainable: int) -> None:
    """Stop all backbone stages from learning but the last `trainable`.

    Raises:
        ValueError: if the backbone has fewer.
    """
    stages = backbone_stages(network)
    _require_stages(trainable, len(stages))
    for stage in stages[: len(stages) - trainable]:
        for layer in stage:
            layer.requires_grad_(False)


def _strided_blocks() -> list[int]:
    with torch.device("meta"):
        blocks = mobilenet_v3_large(weights=None).features
    return [index for index, block in enumerate(blocks) if getattr(block, "_is_cn", False)]


def _over_timm(
    architecture: str, backbone: TimmFPN, class_slots: int, options: dict[str, Any]
) -> nn.Module:
    """A detector over another backbone, with anchors as torchvision has them for its own."""
    options |= {"image_mean": list(backbone.mean), "image_std": list(backbone.std)}
    ratios = ((0.5, 1.0, 2.0),) * len(backbone.strides)
    if architecture.startswith("retinanet"):
        # Three sizes an octave: 32, 40 and 50 px at stride 8.
        sides = tuple(
            tuple(int(4 * stride * 2 ** (third / 3)) for third in range(3))
            for stride in backbone.strides
        )
        anchors = AnchorGenerator(sides, ratios)
        if architecture.endswith("_v2"):
            options["head"] = _retinanet_v2_head(backbone, anchors, class_slots)
        return RetinaNet(backbone, class_slots, anchor_generator=anchors, **options)
    if architecture == "fcos_resnet50_fpn":
        points = AnchorGenerator(tuple((s,) for s in backbone.strides), ((1.0,),) * len(ratios))
        return FCOS(backbone, class_slots, anchor_generator=points, **options)
    # An anchor of 32 px at stride 4, twice as large a level; the coarsest level, which pools
    # another one, gives proposals only.
    anchors = AnchorGenerator(tuple((8 * stride,) for stride in backbone.strides), ratios)
    pooled = MultiScaleRoIAlign(list(backbone.levels[:-1]), 7, sampling_ratio=2)
    return FasterRCNN(
        backbone, class_slots, rpn_anchor_generator=anchors, box_roi_pool=pooled, **options
    )


def _retinanet_v2_head(
    backbone: TimmFPN, anchors: AnchorGenerator, class_slots: int
) -> RetinaNetHead:
    """Torchvision's second head: normalised by groups, and boxes that learn from GIoU."""
    groups = 32
    if backbone.out_channels % groups:
        raise ValueError(
            f"pyramid_channels: the head of retinanet_resnet50_fpn_v2 normalises {groups} groups "
            f"of channels, so a multiple of {groups} is needed; got {backbone.out_channels}"
        )
    norm = partial(nn.GroupNorm, groups)
    counts = anchors.num_anchors_per_location()
    head = RetinaNetHead(backbone.out_channels, counts[0], class_slots, norm)
    head.regression_head._loss_type = "giou"
    return head


def _widen_tail(network: Any, class_slots: int) -> None:
    """SSDLite over the whole MobileNetV3, as torchvision has it with ImageNet weights."""
    if not isinstance(network, SSD):
        raise ValueError("reduced_tail is for ssdlite320_mobilenet_v3_large alone; leave it out")
    norm = partial(nn.BatchNorm2d, eps=0.001, momentum=0.03)
    features = mobilenet_v3_large(weights=None, norm_layer=norm).features
    network.backbone = SSDLiteFeatureExtractorMobileNet(features, _strided_blocks()[-1], norm)
    with torch.no_grad():
        network.backbone.eval()
        frame = torch.zeros(1, 3, 320, 320, device=next(network.parameters()).device)
        channels = [maps.shape[1] for maps in network.backbone(frame).values()]
        network.backbone.train()
    counts = network.anchor_generator.num_anchors_per_location()
    network.head = SSDLiteHead(channels, counts, class_slots, norm)


def _freeze_norm(network: Any, eps: float | None) -> None:
    """Replace the backbone's batch normalisations by ones with fixed statistics."""
    body = getattr(network.backbone, "body", None)
    if body is None:
        raise ValueError("norm: this backbone learns its normalisation; leave out norm, or 'batch'")
    for parent in list(body.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, nn.BatchNorm2d):
                frozen = FrozenBatchNorm2d(layer.num_features, layer.eps if eps is None else eps)
                parent.add_module(name, frozen)


def timm_pyramid(
    name: str,
    weights: str | None,
    arguments: Mapping[str, Any] | None,
    trainable: int | None,
    width: int,
    dense: bool,
) -> TimmFPN:
    """A timm backbone of which the last `trainable` stages learn, or all; see `timm_fpn_backbone`.

    Raises:
        ValueError: if it has fewer stages.
    """
    frozen = 0
    if trainable is not None:
        stages = len(timm_fpn_backbone(name, None, arguments, dense=dense).levels) - 1 - dense
        _require_stages(trainable, stages)
        frozen = stages - trainable
    return timm_fpn_backbone(name, weights, arguments, frozen, width, dense)


def _require_stages(trainable: int, stages: int) -> None:
    if not 0 <= trainable <= stages:
        raise ValueError(
            f"trainable_backbone_layers: this backbone has {stages} stages, so 0 to {stages} of "
            f"them can learn; got {trainable}"
        )


def _rest_masks(heads: RoIHeads) -> None:
    """Masks are neither in our targets nor evaluated; without its pooling the branch rests."""
    heads.mask_roi_pool = None
    for part in (heads.mask_head, heads.mask_predictor):
        if part is not None:
            part.requires_grad_(False)


def _in_float32(_module: nn.Module, _inputs: Any, output: Any) -> Any:
    """Forward hook: float32 copies of half-precision outputs; others as they are."""
    if isinstance(output, Tensor):
        return output.float()
    if isinstance(output, Mapping):
        return {name: value.float() for name, value in output.items()}
    return type(output)(_in_float32(_module, _inputs, value) for value in output)
