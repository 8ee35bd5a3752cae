"""What the labels of a set depend on, as `meta.json` has it, and whether two sets agree in it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2

from datamodules.coco_distorted import CocoDistortedDataModule
from datamodules.distortions import ENGINE_VERSION
from evaluation.conditions import Condition
from utility.detection_labels import Thresholds
from utility.tables import FORMAT

# Labels are made anew out of the same detections when these change.
_DERIVED = ("variant", "thresholds", "detectors", "data.root")


def label_facts(
    datamodule: CocoDistortedDataModule,
    variant: str,
    thresholds: Thresholds,
    split: Mapping[str, int | float],
) -> dict[str, Any]:
    """The content of `meta.json` of a set without detectors.

    Args:
        datamodule: set up for a test; its test pictures are labelled.
        variant: of the labels.
        thresholds: likewise.
        split: the arguments of `parents.split_parents`.
    """
    data = datamodule.annotations("test")
    return {
        "format": FORMAT,
        "data": {
            "name": datamodule.name,
            "drawn": datamodule.drawn,
            "digest": datamodule.data_digest("test"),
            "pictures": len(data),
            "classes": list(data.classes.names),
            "root": str(data_root(data.roots)),
        },
        "ladder": _ladder(datamodule.conditions[1:]),
        "conditions": list(datamodule.conditions),
        "variant": variant,
        "thresholds": asdict(thresholds),
        "split": dict(split),
        "detectors": {},
        "versions": {
            "distortions": ENGINE_VERSION,
            "jpeg": "baseline, chroma 4:2:0",
            "opencv": cv2.__version__,
        },
    }


def _ladder(conditions: Sequence[str]) -> dict[str, list[int]]:
    """Kind -> levels."""
    ladder: dict[str, list[int]] = {}
    for condition in map(Condition.from_name, conditions):
        ladder.setdefault(condition.kind, []).append(condition.level)
    return ladder


def data_root(roots: Sequence[Path]) -> Path:
    """The folder that all pictures lie below."""
    return Path(os.path.commonpath([root.resolve() for root in roots]))


def require_same(
    known: Mapping[str, Any], wanted: Mapping[str, Any], folder: Path, ignore: Sequence[str] = ()
) -> None:
    """Refuse a label set that was made of other pictures, levels or encoders.

    Args:
        known: its `meta.json`.
        wanted: what would be written.
        folder: of the set.
        ignore: keys that may differ, besides those that labels are derived by.

    Raises:
        ValueError: naming all that differs.
    """
    old, new = _flat(known), _flat(wanted)
    skipped = (*_DERIVED, *ignore)
    different = [
        f"{key} is {_short(old.get(key))}, expected {_short(new.get(key))}"
        for key in {**new, **old}
        if old.get(key) != new.get(key) and not key.startswith(skipped)
    ]
    if different:
        raise ValueError(
            f"{folder} holds other labels: {'; '.join(different)}. Give the new ones another "
            "name=, or remove the folder"
        )


def require_same_detectors(
    known: Mapping[str, Any], wanted: Mapping[str, Mapping[str, Any]], folder: Path
) -> None:
    """Refuse a detector under a name that another one has in the set already.

    Raises:
        ValueError: naming what differs.
    """
    for name, key in wanted.items():
        old = known["detectors"].get(name, key)
        different = [f"{k} is {_short(old.get(k))}, expected {_short(key[k])}" for k in key
                     if old.get(k) != key[k]]  # fmt: skip
        if different:
            raise ValueError(
                f"{folder} holds labels of another {name}: {'; '.join(different)}. Name this one "
                "otherwise (names=), or give the labels another name="
            )


def _flat(node: Any, key: str = "") -> dict[str, Any]:
    if not isinstance(node, Mapping):
        return {key: node}
    parts = (_flat(value, f"{key}.{name}" if key else str(name)) for name, value in node.items())
    return {k: v for part in parts for k, v in part.items()} or {key: {}}


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
