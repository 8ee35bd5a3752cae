"""Weights of torchvision's `ssd300_vgg16` and `vgg16`, by enum name or from a file."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence

from torch import Tensor
from torchvision.models import VGG16_Weights
from torchvision.models.detection import SSD300_VGG16_Weights

from detectors.pretrained_weights import (
    coco_slots,
    differences,
    pick_class_rows,
    read_weights,
    require_fit,
)
from detectors.ssd300.network import SSD300Network
from detectors.ssd300.vgg import VGG16Trunk

logger = logging.getLogger(__name__)

_FIRST_LAYER_OF_EXTRA_0 = 23  # torchvision's `extra.0` starts with pool4
_FIRST_LAYER_OF_DENSE = 30  # and its `extra.0.7` with pool5


def rename(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Torchvision's `ssd300_vgg16` state under the names of `SSD300Network` with `VGG16Trunk`.

    Args:
        state: 71 tensors; nothing is added, dropped or reshaped.

    Raises:
        ValueError: at the first key that torchvision's network does not have.
    """
    return {our_key(key): tensor for key, tensor in state.items()}


def our_key(key: str) -> str:
    """The name in `SSD300Network` of a tensor of torchvision's `ssd300_vgg16`.

    Raises:
        ValueError: if torchvision's network has no such tensor.
    """
    if key == "backbone.scale_weight":
        return "trunk.l2norm.scale"
    rules = (
        (r"backbone\.features\.(\d+)\.(\w+)", lambda i: f"trunk.layers.{i}"),
        (
            r"backbone\.extra\.0\.([135])\.(\w+)",
            lambda i: f"trunk.layers.{_FIRST_LAYER_OF_EXTRA_0 + i}",
        ),
        (
            r"backbone\.extra\.0\.7\.([13])\.(\w+)",
            lambda i: f"trunk.layers.{_FIRST_LAYER_OF_DENSE + i}",
        ),
        (r"head\.classification_head\.module_list\.(\d)\.(\w+)", lambda i: f"conf.{i}"),
        (r"head\.regression_head\.module_list\.(\d)\.(\w+)", lambda i: f"loc.{i}"),
    )
    for pattern, name in rules:
        if found := re.fullmatch(pattern, key):
            return f"{name(int(found[1]))}.{found[2]}"
    if found := re.fullmatch(r"backbone\.extra\.([1-4])\.([02])\.(\w+)", key):
        return f"extras.{int(found[1]) - 1}.{found[2]}.{found[3]}"
    raise ValueError(f"torchvision's ssd300_vgg16 has no tensor {key!r}")


def load_detector_weights(
    network: SSD300Network, source: str, class_names: Sequence[str]
) -> list[str]:
    """Take over a torchvision `ssd300_vgg16` that was trained on COCO's 91 slots.

    Background and the classes that COCO has under the same name keep their classifier rows; other
    classes keep the rows they have in `network`. Everything else is copied.

    Args:
        network: with `VGG16Trunk`; changed in place.
        source: an enum name such as 'SSD300_VGG16_Weights.COCO_V1' or a file.
        class_names: of the labels 1..C of `network`.

    Returns:
        The class names whose rows were taken over.

    Raises:
        FileNotFoundError: if there is no such file, or the machine is offline.
        ValueError: if the weights are of another network; names the first tensor that differs.
    """
    if not isinstance(network.trunk, VGG16Trunk):
        raise ValueError(
            f"weights: {source} is an SSD with trunk 'vgg16'; for another trunk give trunk_weights"
        )
    state = _renamed(read_weights(source, SSD300_VGG16_Weights.COCO_V1), source)
    slots = coco_slots()
    taken = [name for name in class_names if name in slots]
    # Slot 0 is background in both; label 1 of ours is the first class name.
    rows = {0: 0} | {class_names.index(name) + 1: slots.index(name) for name in taken}
    own = network.state_dict()
    wanted = {
        key: (len(tensor) // (network.class_count + 1) * len(slots), *tensor.shape[1:])
        if key.startswith("conf.")
        else tuple(tensor.shape)
        for key, tensor in own.items()
    }
    require_fit(differences(state, wanted), source, "torchvision's ssd300_vgg16")
    for key in state:
        if key.startswith("conf."):
            state[key] = pick_class_rows(
                state[key], own[key], rows, len(slots), network.class_count + 1
            )
    network.load_state_dict(state)
    logger.info(
        "%s: took over the network and the classifier of background and %d of %d classes: %s",
        source,
        len(taken),
        len(class_names),
        ", ".join(taken) or "none",
    )
    return taken


def load_vgg_weights(trunk: VGG16Trunk, source: str) -> None:
    """Start conv1_1..conv5_3 from an image classifier's weights; conv6 and conv7 stay random.

    Args:
        trunk: changed in place.
        source: 'imagenet' for `VGG16_Weights.IMAGENET1K_FEATURES` (made by Caffe, which the trunk's
            normalisation is for), that enum name, or a file with `features.*` tensors like it.

    Raises:
        FileNotFoundError: if there is no such file, or the machine is offline.
        ValueError: if the weights are of another network; names the first tensor that differs.
    """
    if source == "imagenet":
        source = str(VGG16_Weights.IMAGENET1K_FEATURES)
    prefix = "features."
    found = read_weights(source, VGG16_Weights.IMAGENET1K_FEATURES)
    state = {k.removeprefix(prefix): t for k, t in found.items() if k.startswith(prefix)}
    convolutions = trunk.layers[:_FIRST_LAYER_OF_DENSE]
    wanted = {key: tuple(tensor.shape) for key, tensor in convolutions.state_dict().items()}
    require_fit(differences(state, wanted), source, "torchvision's vgg16")
    convolutions.load_state_dict(state)
    logger.info("%s: took over conv1_1 to conv5_3", source)


def _renamed(state: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    try:
        return rename(state)
    except ValueError as error:
        raise ValueError(f"weights: {source} holds another network: {error}") from error
