"""Which kinds of sequences there are. They take turns, so that ten in a row hold every kind."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Trait = Literal[
    "any",
    "brief",  # as short as what one subject of the catalogue shows
    "behind",  # rooted behind the limb
]


@dataclass(frozen=True)
class Plan:
    """What to draw.

    Attributes:
        jets: Traits of each jet; all begin within two minutes.
        limb: Whether the field lies at the limb; on the disk otherwise.
        position: Of the field around the limb, radians anticlockwise from solar west; any
            where not given. Jets point the same way then.
        flare: Whether a flare shortens exposures.
        eclipse: Whether the earth's edge enters.
    """

    jets: tuple[Trait, ...] = ("any",)
    limb: bool = True
    position: float | None = None
    flare: bool = False
    eclipse: bool = False


PLANS = (
    Plan(position=math.pi / 2),  # a north-pointing jet: the one that mirrored boxes miss
    Plan(jets=("any", "any")),
    Plan(jets=()),
    Plan(limb=False),
    Plan(jets=("behind",)),
    Plan(),
    Plan(jets=("brief",)),
    Plan(jets=(), eclipse=True),
    Plan(position=-math.pi / 2),  # a box whose angle crosses ±π
    Plan(limb=False, flare=True),
)
