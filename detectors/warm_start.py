"""Starting a training from the weights of another one."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from detectors.base import Detector
from detectors.checkpoint import checkpoint_classes, load_weights_only, require_same_classes

logger = logging.getLogger(__name__)

_SHOWN = 20  # names listed of each kind; more would bury the rest of the account


def warm_start(module: Detector, path: Path) -> str:
    """Load the weights whose names and shapes agree, and say what was and was not loaded.

    Args:
        module: gets the weights; the rest of its own stay as they are.
        path: a Lightning checkpoint, or a plain state dict of a detector or of its `network`.

    Returns:
        The account, which is also logged.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it cannot be read safely, holds no weights, none of them fits, or it has as
            many classes as the module but other ones, which shapes cannot tell apart.
    """
    content = load_weights_only(path)
    found = _state_dict(path, content)
    _require_no_mixed_up_classes(module, path, content)
    own = module.state_dict()
    fitting = {n: t for n, t in found.items() if n in own and own[n].shape == t.shape}
    account = _account(path, own, found, fitting)
    if not fitting:
        raise ValueError(
            f"{path}: no weight fits {type(module).__name__}; take a checkpoint of the same "
            f"architecture\n{account}"
        )
    module.load_state_dict(fitting, strict=False)
    logger.info("%s", account)
    return account


def _require_no_mixed_up_classes(module: Detector, path: Path, content: Any) -> None:
    """Weights of a head for equally many other classes fit by shape and would be taken."""
    hyperparameters = content.get("hyper_parameters", {})
    if "class_names" in hyperparameters:
        classes = checkpoint_classes(content)
        if len(classes) == len(module.classes):
            require_same_classes(path, classes, module.classes)


def _state_dict(path: Path, content: Any) -> dict[str, Tensor]:
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not content:
        raise ValueError(f"{path}: holds no weights; expected a checkpoint or a state dict")
    other = [name for name, value in content.items() if not isinstance(value, Tensor)]
    if other:
        raise ValueError(
            f"{path}: expected tensors by name, but {other[:3]} hold something else; save the "
            "state dict alone"
        )
    if any(str(name).startswith("network.") for name in content):
        return dict(content)
    return {f"network.{name}": value for name, value in content.items()}


def _account(
    path: Path,
    own: Mapping[str, Tensor],
    found: Mapping[str, Tensor],
    fitting: Mapping[str, Tensor],
) -> str:
    reshaped = [
        f"{name}: {list(found[name].shape)} in the file, {list(own[name].shape)} here"
        for name in found
        if name in own and name not in fitting
    ]
    rows = {
        "loaded": list(fitting),
        "shape differs, left as it was": reshaped,
        "missing in the file, left as it was": [name for name in own if name not in found],
        "unused of the file": [name for name in found if name not in own],
    }
    lines = [f"Warm start from {path}"]
    for title, names in rows.items():
        lines.append(f"  {len(names):5d}  {title}")
        if title != "loaded":
            lines += [f"           {name}" for name in names[:_SHOWN]]
            lines += [f"           and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
    return "\n".join(lines)
