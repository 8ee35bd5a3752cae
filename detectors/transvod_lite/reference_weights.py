"""Checkpoints that the authors of TransVOD Lite released, under the names of our network."""

from __future__ import annotations

import argparse
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from detectors.checkpoint import load_weights_only
from detectors.pretrained_weights import differences, require_fit
from detectors.transvod_lite.network import TransVODLiteNetwork
from detectors.transvod_lite.reference_names import VID_SLOTS, our_key

logger = logging.getLogger(__name__)

_TEMPORAL = "temporal."
_CLASS_HEAD = re.compile(r".*\.class_heads?(\.\d+)?\.(weight|bias)")


class ReferenceLoad(NamedTuple):
    """What became of a released checkpoint.

    Attributes:
        loaded: how many of its tensors were taken over.
        surplus: its names that no network needs, see `our_key`.
        without_place: its names that this network has no room for: the temporal stage, if it is a
            single-frame one.
        new: our names that it says nothing about and that keep their values.
        missing_classes: our classes that it has no row for.
    """

    loaded: int
    surplus: list[str]
    without_place: list[str]
    new: list[str]
    missing_classes: list[str]

    def known(self, class_names: Sequence[str]) -> list[str]:
        """The classes that every head of the network has a row of the checkpoint for."""
        if any(_CLASS_HEAD.fullmatch(name) for name in self.new):
            return []
        return [name for name in class_names if name not in self.missing_classes]


def load_reference_weights(
    network: TransVODLiteNetwork,
    state: Mapping[str, Tensor],
    class_names: Sequence[str] | None = None,
    slots: Sequence[str] = VID_SLOTS,
    source: str = "the released checkpoint",
) -> ReferenceLoad:
    """Take over a released checkpoint, of the single-frame or of the whole network.

    Args:
        network: with the checkpoint's backbone and sizes; is changed.
        state: as `read_reference` gives it.
        class_names: of the network's columns, in order; rows of classes are taken over by name, and
            classes that the checkpoint does not know keep theirs. None takes over all rows as they
            stand.
        slots: name of each row of the checkpoint's class heads.
        source: of the weights, for messages.

    Raises:
        ValueError: if a tensor is unknown, lacking or of another shape.
    """
    named = {key: our_key(key) for key in state}
    surplus = [key for key, name in named.items() if name is None]
    foreign = [
        key
        for key, name in named.items()
        if name is not None and name.startswith(_TEMPORAL) and network.temporal is None
    ]
    dropped = {*surplus, *foreign}
    taken = {str(name): state[key] for key, name in named.items() if key not in dropped}
    missing: list[str] = []
    if class_names is not None:
        missing = [name for name in class_names if name not in slots]
        taken |= _class_rows(network, taken, class_names, slots)
    may_be_new = _new_names(network, taken)
    wanted = {
        key: tuple(t.shape) for key, t in network.state_dict().items() if key not in may_be_new
    }
    hint = "Give the network the checkpoint's backbone and sizes (queries, layers, d_model)."
    require_fit(differences(taken, wanted), source, "this TransVODLiteNetwork", hint)
    network.load_state_dict(taken, strict=False)
    report = ReferenceLoad(len(taken), surplus, foreign, sorted(may_be_new), missing)
    _log(source, report)
    return report


def read_reference(path: Path) -> dict[str, Tensor]:
    """The tensors of a released checkpoint, on the CPU.

    Its file also holds the `argparse.Namespace` of its training. That is plain data, so it is let
    through; any other object is refused, as loading it could run code.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, holds other objects, or has no state dict.
    """
    with torch.serialization.safe_globals([argparse.Namespace]):
        content = load_weights_only(path)
    state = content.get("model", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(isinstance(t, Tensor) for t in state.values()):
        raise ValueError(
            f"{path}: expected a dict with a state dict of tensors under 'model', as TransVOD "
            "Lite's training writes it"
        )
    return state


def _class_rows(
    network: TransVODLiteNetwork,
    taken: Mapping[str, Tensor],
    class_names: Sequence[str],
    slots: Sequence[str],
) -> dict[str, Tensor]:
    """Our class heads with the rows of those classes that the checkpoint knows."""
    rows = {i: slots.index(name) for i, name in enumerate(class_names) if name in slots}
    heads = {}
    for key, ours in network.state_dict().items():
        if not _CLASS_HEAD.fullmatch(key) or key not in taken:
            continue
        theirs = taken[key]
        if len(theirs) != len(slots):
            raise ValueError(
                f"{key}: the checkpoint has {len(theirs)} rows of classes, but {len(slots)} slots "
                "are named; give one name for each row"
            )
        if theirs.shape[1:] != ours.shape[1:]:
            continue  # of another width, which is told with all other differences
        heads[key] = ours.clone()
        heads[key][list(rows)] = theirs[list(rows.values())].to(ours)
    return heads


def _log(source: str, report: ReferenceLoad) -> None:
    logger.info(
        "%s: %d tensors taken over; %d that no network needs and %d of the temporal stage left "
        "out; %d of ours stay as they were, and so do the rows of %s",
        source,
        report.loaded,
        len(report.surplus),
        len(report.without_place),
        len(report.new),
        report.missing_classes or "no class",
    )


def _new_names(network: TransVODLiteNetwork, taken: Mapping[str, Tensor]) -> set[str]:
    """Names of ours that a released checkpoint may lack."""
    has_temporal = any(key.startswith(_TEMPORAL) for key in taken)
    mended = ("time_embedding", "motion_attention", f"{_TEMPORAL}encoder.")
    return {
        key
        for key in network.state_dict()
        if key.endswith("relative_position_index")
        or (key.startswith(_TEMPORAL) and not has_temporal)
        or any(part in key for part in mended)
    }
