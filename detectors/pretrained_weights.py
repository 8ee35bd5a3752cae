"""Weights that torchvision publishes, by enum name or from a file, and their rows of classes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchvision.models import get_weight
from torchvision.models.detection import SSD300_VGG16_Weights

from detectors.checkpoint import load_weights_only
from detectors.weights_server import require_answer

_ENUM_NAME = re.compile(r"\w+_Weights\.\w+")
_SHOWN = 5  # tensors listed of a file that does not fit; more would not say more


def coco_slots() -> tuple[str, ...]:
    """Names of the 91 class slots of torchvision's COCO detectors, background first.

    The ids that COCO leaves out are called 'unused 12' and so on, so that every name is unique.
    """
    categories = SSD300_VGG16_Weights.COCO_V1.meta["categories"]
    return tuple(f"unused {i}" if name == "N/A" else name for i, name in enumerate(categories))


def is_enum_name(source: str) -> bool:
    """Whether `source` is written like the name of a weights enum of torchvision."""
    return _ENUM_NAME.fullmatch(source) is not None


def find_enum(name: str) -> Any:
    """The member of torchvision's weights enums that has this name.

    Raises:
        ValueError: if torchvision has none.
    """
    try:
        return get_weight(name)
    except (ValueError, KeyError) as error:
        raise ValueError(f"weights: torchvision has no {name}: {error}") from error


def read_weights(source: str, example: object) -> Mapping[str, Tensor]:
    """A state dict on the CPU.

    Args:
        source: an enum name such as 'SSD300_VGG16_Weights.COCO_V1', or a file with a state dict,
            bare or under 'model' as torchvision's reference training saves it.
        example: an enum name for the message.

    Raises:
        FileNotFoundError: if there is no such file, or the machine is offline.
        ValueError: if there is no such enum, or the file is no state dict or cannot be read safely.
    """
    if is_enum_name(source):
        return _fetch(find_enum(source))
    path = Path(source)
    if not path.is_file():
        raise FileNotFoundError(
            f"weights: {source} is neither a file nor an enum name of torchvision such as {example}"
        )
    state = load_weights_only(path)
    if isinstance(state, dict) and isinstance(state.get("model"), dict):
        state = state["model"]
    if not isinstance(state, dict) or not all(isinstance(t, Tensor) for t in state.values()):
        ours = isinstance(state, dict) and "hyper_parameters" in state
        hint = "; it is a checkpoint of a training here, give it as warm_start" if ours else ""
        raise ValueError(f"weights: {path} does not hold a state dict of tensors{hint}")
    return state


def differences(
    state: Mapping[str, Tensor], wanted: Mapping[str, tuple[int, ...]]
) -> dict[str, str]:
    """What keeps tensors from fitting a network.

    Args:
        state: the tensors by name.
        wanted: the network's shapes by name.

    Returns:
        Name -> what was expected and what was got; empty if all fits.
    """
    found = {}
    for key, shape in wanted.items():
        got = tuple(state[key].shape) if key in state else "nothing"
        if got != shape:
            found[key] = f"expected {shape}, got {got}"
    for key in sorted(set(state) - set(wanted)):
        found[key] = f"expected nothing, got {tuple(state[key].shape)}"
    return found


def require_fit(found: Mapping[str, str], source: str, network: str, hint: str = "") -> None:
    """Stop at weights that do not fit.

    Args:
        found: the result of `differences`.
        source: enum name or file, for the message.
        network: what they should fit.
        hint: what to do, if that is known.

    Raises:
        ValueError: if there are differences; lists the first five.
    """
    if not found:
        return
    rows = [f"  {key!r}: {what}" for key, what in list(found.items())[:_SHOWN]]
    raise ValueError(
        f"weights: {source} does not fit {network}: {len(found)} tensors differ, the first are\n"
        + "\n".join(rows)
        + (f"\n{hint}" if hint else "")
    )


def pick_class_rows(
    theirs: Tensor,
    ours: Tensor,
    rows: Mapping[int, int],
    their_classes: int,
    our_classes: int,
    per_class: int = 1,
) -> Tensor:
    """Our layer with the rows of some classes replaced by theirs.

    Args:
        theirs: float [A · their_classes · per_class, ...], by anchor, then class.
        ours: float [A · our_classes · per_class, ...].
        rows: our class -> their class.
        their_classes: background included.
        our_classes: background included.
        per_class: neighbouring rows that belong to one class, such as the 4 of a box.

    Returns:
        A new tensor, shaped like `ours`.
    """
    picked = ours.clone().unflatten(0, (-1, our_classes, per_class))
    source = theirs.unflatten(0, (-1, their_classes, per_class))
    for label, slot in rows.items():
        picked[:, label] = source[:, slot]
    return picked.flatten(0, 2)


def _fetch(weights: Any) -> Mapping[str, Tensor]:
    file = Path(torch.hub.get_dir()) / "checkpoints" / weights.url.rsplit("/", 1)[-1]
    try:
        if not file.is_file():
            require_answer(weights.url)
        return weights.get_state_dict(progress=False, check_hash=True, weights_only=True)
    except (OSError, RuntimeError) as error:  # the last of a file that was cut off
        raise FileNotFoundError(
            f"weights: could not get {weights} ({error}). Offline? Fetch {weights.url} on "
            f"another machine and put it at {file}, or give the path of the file in place of the "
            "name"
        ) from error
