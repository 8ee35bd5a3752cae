"""Published weights in the detection networks of torchvision, with class rows kept by name."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import get_model_builder, get_model_weights
from torchvision.models.detection.ssd import SSD
from torchvision.models.detection.ssdlite import SSDLiteFeatureExtractorMobileNet

from detectors.pretrained_weights import (
    coco_slots,
    find_enum,
    is_enum_name,
    pick_class_rows,
    read_weights,
    require_fit,
)
from detectors.torchvision_family.networks import build_network
from detectors.torchvision_family.recipe import ARCHITECTURES, Recipe, require_architecture
from detectors.torchvision_family.state import assign, looks_like

logger = logging.getLogger(__name__)

# Layers with rows of classes: the pattern of their names, and rows that belong to one class.
_CLASS_LAYERS = (
    (re.compile(r"roi_heads\.box_predictor\.cls_score\.\w+"), 1),
    (re.compile(r"roi_heads\.box_predictor\.bbox_pred\.\w+"), 4),
    (re.compile(r"roi_heads\.mask_predictor\.mask_fcn_logits\.\w+"), 1),
    (re.compile(r"head\.classification_head\.cls_logits\.\w+"), 1),
    (re.compile(r"head\.classification_head\.module_list\.\d+\.1\.\w+"), 1),
)
# Bias of a classifier and, where that has rows of several anchors, the box regression beside it.
_CLASSIFIERS = (
    ("roi_heads.box_predictor.cls_score.bias", None),
    ("head.classification_head.cls_logits.bias", "head.regression_head.bbox_reg.bias"),
    (
        "head.classification_head.module_list.0.1.bias",
        "head.regression_head.module_list.0.1.bias",
    ),
)
_HEADS = ("fc.", "classifier.")


def load_detector_weights(
    network: nn.Module, recipe: Recipe, source: str, class_names: Sequence[str]
) -> list[str]:
    """Take over a detector of torchvision that was trained on COCO's 91 slots.

    Background and the classes that COCO has under the same name keep their rows; other classes keep
    those of `network`, and so do layers whose number of anchors differs.

    Args:
        network: as `build_network` made it; changed in place.
        recipe: that it was made by.
        source: an enum name of this architecture, or a file.
        class_names: of the labels 1..C of `network`.

    Returns:
        The class names whose rows were taken over.

    Raises:
        FileNotFoundError: if there is no such file, or the machine is offline.
        ValueError: if the weights are of another architecture or of other classes than COCO's.
    """
    state = read_weights(source, _own_enum(source, recipe.architecture))
    slots = coco_slots()
    theirs, kept = _their_layers(state, recipe, source)
    found = _class_slots(theirs)
    if found != len(slots):
        raise ValueError(
            f"weights: {source} was trained for {found} class slots (background included) and "
            f"does not say their names; expected the {len(slots)} of COCO. Start from a detector "
            "trained here by warm_start=<its best.ckpt>, or give COCO weights"
        )
    classifier_kept = any(_rows_of_a_class(key) for key in kept)
    taken = [name for name in class_names if name in slots and not classifier_kept]
    # Slot 0 is background in both; label 1 of ours is the first class name.
    rows = {0: 0} | {class_names.index(name) + 1: slots.index(name) for name in taken}
    own = network.state_dict()
    for key, tensor in own.items():
        per_class = _rows_of_a_class(key)
        if key in kept:
            theirs[key] = tensor
        elif per_class:
            theirs[key] = pick_class_rows(
                theirs[key], tensor, rows, len(slots), len(class_names) + 1, per_class
            )
    network.load_state_dict(theirs)
    _log_account(source, taken, class_names, kept)
    return taken


def load_backbone_weights(network: Any, architecture: str, source: str) -> None:
    """Start the backbone from an image classifier; all that the detector adds to it stays random.

    Args:
        network: as `build_network` made it, SSDLite with the whole tail; changed in place.
        architecture: its name.
        source: 'imagenet' for the weights that torchvision's reference trainings start from, an
            enum name of the backbone, or a file of it.

    Raises:
        FileNotFoundError: if there is no such file, or the machine is offline.
        ValueError: if the weights are of another network.
    """
    backbone = ARCHITECTURES[architecture].backbone
    if source == "imagenet":
        source = str(get_model_weights(backbone)["IMAGENET1K_V1"])
    state = read_weights(source, _own_enum(source, backbone))
    with torch.device("meta"):
        classifier: Any = get_model_builder(backbone)(weights=None)
    # Of its own classifier nothing is used, so it may be absent or of any classes.
    found = assign(classifier, {k: t for k, t in state.items() if not k.startswith(_HEADS)})
    found = {key: what for key, what in found.items() if not key.startswith(_HEADS)}
    if found:
        require_fit(found, source, f"torchvision's {backbone}", looks_like(state))
    if isinstance(network, SSD):
        # The extractor cuts one block of the classifier in two, and so renames what is in it.
        middle = len(network.backbone.features[0]) - 1  # type: ignore[arg-type,index]
        with torch.device("meta"):
            cut = SSDLiteFeatureExtractorMobileNet(classifier.features, middle, nn.BatchNorm2d)
        network.backbone.features.load_state_dict(cut.features.state_dict())  # type: ignore[union-attr]
    else:
        body = getattr(classifier, "features", classifier).state_dict()
        own = network.backbone.body.state_dict()
        network.backbone.body.load_state_dict({key: body[key] for key in own})
    logger.info("%s: took over the backbone", source)


def published_norm(architecture: str, weights: str | None, backbone_weights: str | None) -> str:
    """The normalisation with which torchvision uses weights, see `build_network`."""
    known = require_architecture(architecture)
    if not known.freezes_norm or (weights is None and backbone_weights is None):
        return "batch"
    first_coco = known.drops_eps and weights is not None and _is_first_coco(architecture, weights)
    return "frozen_eps_0" if first_coco else "frozen"


def _is_first_coco(architecture: str, source: str) -> bool:
    weights = get_model_weights(architecture)["COCO_V1"]
    if is_enum_name(source):
        return find_enum(source) is weights
    path = Path(source)
    if not path.is_file():
        return False  # which reading it will say
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    # Torchvision's file names end in the beginning of their hash.
    return found.startswith(weights.url.rsplit("-", 1)[-1].removesuffix(".pth"))


def _own_enum(source: str, name: str) -> str:
    """The enum names of a network; stops at the enum of another one, before fetching it."""
    members = list(get_model_weights(name))
    names = ", ".join(map(str, members))
    if is_enum_name(source) and find_enum(source) not in members:
        raise ValueError(
            f"weights: {source} is of another network than {name}, which takes {names}"
        )
    return names


def _their_layers(
    state: Mapping[str, Tensor], recipe: Recipe, source: str
) -> tuple[dict[str, Tensor], set[str]]:
    """The weights under today's names, and the names of layers that see another anchor number."""
    slots = _class_slots(state) or len(coco_slots())
    own, published = (
        _without_memory(candidate, slots) for candidate in (recipe, recipe.with_published_anchors())
    )
    if not assign(own, state):
        return own.state_dict(), set()
    if found := assign(published, state):
        require_fit(found, source, recipe.architecture, looks_like(state))
    wanted = own.state_dict()
    layers = published.state_dict()
    return layers, {key for key, tensor in layers.items() if tensor.shape != wanted[key].shape}


def _without_memory(recipe: Recipe, class_slots: int) -> nn.Module:
    with torch.device("meta"):
        return build_network(recipe, class_slots)


def _class_slots(state: Mapping[str, Tensor]) -> int | None:
    """C + 1 of the detector that a state is of; None if it has no classifier of ours."""
    for name, regression in _CLASSIFIERS:
        if name in state and (regression is None or regression in state):
            anchors = 1 if regression is None else max(1, len(state[regression]) // 4)
            return len(state[name]) // anchors
    return None


def _rows_of_a_class(key: str) -> int | None:
    return next((rows for pattern, rows in _CLASS_LAYERS if pattern.fullmatch(key)), None)


def _log_account(
    source: str, taken: Sequence[str], class_names: Sequence[str], kept: Iterable[str]
) -> None:
    logger.info(
        "%s: took over the network and the rows of background and %d of %d classes: %s",
        source,
        len(taken),
        len(class_names),
        ", ".join(taken) or "none",
    )
    if kept:
        logger.warning(
            "%s: other anchors, so these layers start at random: %s",
            source,
            ", ".join(sorted(kept)),
        )
