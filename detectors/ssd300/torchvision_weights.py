"""Weights of torchvision's `ssd300_vgg16` and `vgg16`, by enum name or from a file."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.error import URLError

import torch
from torch import Tensor
from torchvision.models import VGG16_Weights, get_weight
from torchvision.models.detection import SSD300_VGG16_Weights

from detectors.checkpoint import load_weights_only
from detectors.ssd300.network import SSD300Network
from detectors.ssd300.vgg import VGG16Trunk

logger = logging.getLogger(__name__)

_ENUM_NAME = re.compile(r"\w+_Weights\.\w+")
_FIRST_LAYER_OF_EXTRA_0 = 23  # torchvision's `extra.0` starts with pool4
_FIRST_LAYER_OF_DENSE = 30  # and its `extra.0.7` with pool5


def coco_slots() -> tuple[str, ...]:
    """Names of the 91 class slots of torchvision's COCO detectors, background first.

    The ids that COCO leaves out are called 'unused 12' and so on, so that every name is unique.
    """
    categories = SSD300_VGG16_Weights.COCO_V1.meta["categories"]
    return tuple(f"unused {i}" if name == "N/A" else name for i, name in enumerate(categories))


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
    state = _renamed(_read(source), source)
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
    _check_shapes(state, wanted, source)
    for key in state:
        if key.startswith("conf."):
            state[key] = _pick_rows(state[key], own[key], rows, len(slots), network.class_count + 1)
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
    state = {k.removeprefix(prefix): t for k, t in _read(source).items() if k.startswith(prefix)}
    convolutions = trunk.layers[:_FIRST_LAYER_OF_DENSE]
    wanted = {key: tuple(tensor.shape) for key, tensor in convolutions.state_dict().items()}
    _check_shapes(state, wanted, source)
    convolutions.load_state_dict(state)
    logger.info("%s: took over conv1_1 to conv5_3", source)


def _read(source: str) -> dict[str, Tensor]:
    if _ENUM_NAME.fullmatch(source):
        return _fetch(source)
    path = Path(source)
    if not path.is_file():
        raise FileNotFoundError(
            f"weights: {source} is neither a file nor an enum name of torchvision such as "
            f"{SSD300_VGG16_Weights.COCO_V1}"
        )
    state = load_weights_only(path)
    if isinstance(state, dict) and isinstance(state.get("model"), dict):
        state = state["model"]  # as torchvision's reference training saves it
    if not isinstance(state, dict) or not all(isinstance(t, Tensor) for t in state.values()):
        raise ValueError(f"weights: {path} does not hold a state dict of tensors")
    return state


def _fetch(name: str) -> dict[str, Tensor]:
    try:
        weights = get_weight(name)
    except (ValueError, KeyError) as error:
        raise ValueError(f"weights: torchvision has no {name}: {error}") from error
    try:
        return dict(weights.get_state_dict(progress=False, check_hash=True, weights_only=True))
    except (URLError, OSError) as error:
        file_name = weights.url.rsplit("/", 1)[-1]
        folder = Path(torch.hub.get_dir()) / "checkpoints"
        raise FileNotFoundError(
            f"weights: could not download {name} ({error}). Offline? Fetch {weights.url} on "
            f"another machine and put it at {folder / file_name}, or give the path of the file "
            "in place of the name"
        ) from error


def _renamed(state: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    try:
        return rename(state)
    except ValueError as error:
        raise ValueError(f"weights: {source} holds another network: {error}") from error


def _check_shapes(
    state: Mapping[str, Tensor], wanted: Mapping[str, tuple[int, ...]], source: str
) -> None:
    for key, shape in wanted.items():
        got = tuple(state[key].shape) if key in state else "nothing"
        if got != shape:
            raise ValueError(
                f"weights: {source} does not fit; first difference at {key!r}: "
                f"expected {shape}, got {got}"
            )
    extra = sorted(set(state) - set(wanted))
    if extra:
        raise ValueError(f"weights: {source} does not fit; it also holds {extra[0]!r}")


def _pick_rows(
    theirs: Tensor, ours: Tensor, rows: Mapping[int, int], their_classes: int, our_classes: int
) -> Tensor:
    """Our classifier with some classes replaced; rows are box-major, then class."""
    picked = ours.clone().unflatten(0, (-1, our_classes))
    source = theirs.unflatten(0, (-1, their_classes))
    for label, slot in rows.items():
        picked[:, label] = source[:, slot]
    return picked.flatten(0, 1)
