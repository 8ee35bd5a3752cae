"""The data that passes between floors: clips, targets, predictions, classes and box geometry."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from structures.batch import Batch, collate
    from structures.classes import ClassList
    from structures.prediction import Prediction
    from structures.target import Target

__all__ = ["Batch", "ClassList", "Prediction", "Target", "collate"]

_HOMES = {
    "Batch": "structures.batch",
    "ClassList": "structures.classes",
    "Prediction": "structures.prediction",
    "Target": "structures.target",
    "collate": "structures.batch",
}


def __getattr__(name: str) -> Any:
    """Import at first use: the preparation of data needs files of this room, but not torch."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
