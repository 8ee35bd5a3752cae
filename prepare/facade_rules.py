"""From the labels of a facade's pixels to boxes of buildings, windows and doors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from prepare.components import Component, connected_components, joined_components
from prepare.mask_classes import CLASS_NAMES
from prepare.touching import split_touching

BUILDING, WINDOW, DOOR = 1, 2, 3
MIN_EXTENT = 0.6
MAX_SPAN = 0.6


@dataclass(frozen=True)
class SizeLimit:
    """Smallest component that is kept, at native resolution.

    Args:
        side: Shorter side of the box in pixels.
        area: Area of the component in pixels.
        area_share: Area of the component as a share of the picture's.
    """

    side: float = 3
    area: float = 16
    area_share: float = 2e-5


@dataclass(frozen=True)
class FacadeRules:
    """What counts as a building, a window, a door.

    Args:
        connectivity: 4, or 8 to join components that touch in a corner.
        limits: Smallest component of each class in `CLASS_NAMES`.
        training_size: Side of the square that the detector resizes a picture to; boxes with a
            side under 2 px there are dropped. 0 keeps them.
        building_gap: Parts of a building are joined over gaps up to this share of the picture's
            width, e.g. a lamp post or a tree's trunk. 0 joins none.
        split_windows: Whether touching windows are parted.
    """

    connectivity: int = 4
    limits: dict[str, SizeLimit] = field(
        default_factory=lambda: dict.fromkeys(CLASS_NAMES, SizeLimit())
    )
    training_size: int = 300
    building_gap: float = 0.015
    split_windows: bool = True


@dataclass(frozen=True)
class FacadeBox:
    """One object of a facade.

    Args:
        label: 1..3 as in `CLASS_NAMES`.
        box: xyxy in pixels, half-open.
        area: Pixels of the object; those of a building include its windows and doors.
        truncated: Whether it touches the border of the picture.
        review: Whether a person should look: the object fills less than 60 % of its box, or is
            a window or door that spans more than 60 % of the picture's width.
    """

    label: int
    box: tuple[int, int, int, int]
    area: int
    truncated: bool
    review: bool


def facade_boxes(
    labels: npt.NDArray[np.uint8], rules: FacadeRules
) -> tuple[list[FacadeBox], Counter[str]]:
    """Objects of a facade.

    Args:
        labels: [H, W], 0 other, 1 building, 2 window, 3 door.
        rules: What to join, to part and to keep.

    Returns:
        The objects by class, and how many components were dropped by class and reason.
    """
    kept: list[FacadeBox] = []
    dropped: Counter[str] = Counter()
    height, width = labels.shape
    for label, component in _components(labels, rules):
        name = CLASS_NAMES[label - 1]
        reason = _too_small(component, rules.limits[name], rules.training_size, (width, height))
        if reason:
            dropped[f"{name}: {reason}"] += 1
            continue
        x1, y1, x2, y2 = component.box
        truncated = x1 == 0 or y1 == 0 or x2 == width or y2 == height
        wide = label != BUILDING and x2 - x1 > MAX_SPAN * width
        review = component.extent < MIN_EXTENT or wide
        kept.append(FacadeBox(label, component.box, component.area, truncated, review))
    return kept, dropped


def _components(
    labels: npt.NDArray[np.uint8], rules: FacadeRules
) -> Iterator[tuple[int, Component]]:
    """Components of every class with their label."""
    # Windows and doors are holes in a building's own pixels.
    gap = round(rules.building_gap * labels.shape[1])
    for component in joined_components(labels > 0, gap, rules.connectivity):
        yield BUILDING, component
    for component in connected_components(labels == WINDOW, rules.connectivity):
        for part in split_touching(component) if rules.split_windows else [component]:
            yield WINDOW, part
    for component in connected_components(labels == DOOR, rules.connectivity):
        yield DOOR, component


def _too_small(
    component: Component, limit: SizeLimit, training_size: int, size: tuple[int, int]
) -> str:
    """Why a component is dropped; empty where it is kept."""
    if component.area < max(limit.area, limit.area_share * size[0] * size[1]):
        return "area too small"
    if min(component.sides) < limit.side:
        return f"side under {limit.side:g} px"
    resized = (
        side * training_size / whole for side, whole in zip(component.sides, size, strict=True)
    )
    if training_size and min(resized) < 2:
        return f"side under 2 px at {training_size}x{training_size}"
    return ""
