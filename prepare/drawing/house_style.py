"""What one house looks like: sizes, wall, windows, doors and roof, drawn from a generator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prepare.drawing.canvas import Colour, scaled
from prepare.drawing.ground_floor import DoorStyle
from prepare.drawing.materials import WALLS
from prepare.drawing.windows import WindowStyle

_WALL_COLOURS: dict[str, tuple[Colour, ...]] = {
    "brick": ((66, 76, 142), (78, 92, 158), (92, 112, 166), (60, 70, 105), (150, 178, 196)),
    "plaster": (
        (205, 222, 232), (160, 205, 230), (170, 180, 215), (190, 205, 190), (215, 205, 185),
        (150, 178, 205), (120, 165, 215), (225, 228, 228), (150, 160, 165), (130, 150, 200),
    ),
    "stone": ((165, 188, 200), (180, 195, 203), (150, 160, 165), (140, 170, 195)),
    "panels": ((175, 180, 180), (150, 150, 146), (200, 202, 198), (120, 130, 138)),
    "siding": ((205, 210, 210), (170, 150, 120), (125, 150, 130), (110, 150, 190), (110, 105, 100)),
}  # fmt: skip
_FRAMES: tuple[Colour, ...] = (
    (240, 242, 242), (240, 242, 242), (228, 232, 235), (60, 80, 105), (50, 52, 55), (70, 95, 60),
)  # fmt: skip
_DOORS: tuple[Colour, ...] = (
    (45, 65, 105), (60, 50, 45), (45, 75, 40), (110, 60, 35), (40, 40, 150), (60, 95, 145),
    (200, 205, 208), (125, 110, 60), (35, 35, 38), (90, 60, 110),
)  # fmt: skip
_SHUTTERS: tuple[Colour, ...] = (
    (60, 110, 45), (70, 70, 65), (45, 60, 110), (150, 105, 50), (200, 205, 205), (50, 45, 120),
)  # fmt: skip
_ROOFS: tuple[Colour, ...] = (
    (60, 75, 150), (55, 65, 110), (85, 82, 80), (75, 70, 65), (70, 95, 160), (110, 105, 98),
)  # fmt: skip
ROOF_KINDS = ("flat", "eaves", "mansard", "gable")


@dataclass(frozen=True)
class HouseStyle:
    """One house; lengths in metres. `bays` window axes lie on each of `floors` upper floors."""

    bays: int
    bay_width: float
    margin: float
    floors: int
    ground_height: float
    floor_height: float
    window_size: tuple[float, float]
    window_lift: float
    wall: str
    colour: Colour
    base_colour: Colour
    bands: bool
    quoins: bool
    roof: str
    roof_colour: Colour
    roof_height: float
    window: WindowStyle
    door: DoorStyle
    ground: str
    balconies: str
    setback: float

    @property
    def width(self) -> float:
        """Along the street."""
        return 2 * self.margin + self.bays * self.bay_width

    @property
    def wall_height(self) -> float:
        """From the pavement to the eaves."""
        return self.ground_height + self.floors * self.floor_height


def _pick(rng: np.random.Generator, choices: tuple[Colour, ...], spread: float = 0.1) -> Colour:
    return scaled(choices[rng.integers(len(choices))], float(rng.uniform(1 - spread, 1 + spread)))


def sample_window_style(rng: np.random.Generator, wall: str, bay_slack: float) -> WindowStyle:
    """Draw a window style; shutters only where `bay_slack` metres between windows allow them."""
    head = str(rng.choice(["flat", "flat", "lintel", "arch", "pediment"]))
    shuttered = wall != "panels" and bay_slack > 1.35 and rng.random() < 0.55
    trim = _pick(rng, ((205, 212, 216), (225, 228, 230), (165, 178, 188)))
    panes = [(1, 1), (2, 1), (2, 1), (1, 2), (2, 2), (2, 3), (3, 2)][rng.integers(7)]
    return WindowStyle(
        frame=_pick(rng, _FRAMES, 0.05),
        frame_width=float(rng.uniform(0.05, 0.085)),
        panes=panes,
        transom=panes[1] == 1 and rng.random() < 0.45,
        trim=trim,
        trim_width=0.0 if shuttered else float(rng.choice([0.0, 0.1, 0.16])),
        head="flat" if shuttered and head != "lintel" else head,
        sill=rng.random() < 0.8,
        shutters=_pick(rng, _SHUTTERS) if shuttered else None,
        blinds=float(rng.choice([0.0, 0.15, 0.4])),
        curtains=float(rng.choice([0.1, 0.5, 0.8])),
    )


def sample_door_style(rng: np.random.Generator, trim: Colour) -> DoorStyle:
    """Draw a door style whose surround matches the windows' trim."""
    return DoorStyle(
        colour=_pick(rng, _DOORS),
        double=rng.random() < 0.35,
        glazed=rng.random() < 0.35,
        fanlight=rng.random() < 0.5,
        head=str(rng.choice(["flat", "flat", "arch"])),
        surround=scaled(trim, float(rng.uniform(0.8, 1.05))),
        canopy=rng.random() < 0.25,
        steps=int(rng.integers(0, 4)),
    )


def sample_house(rng: np.random.Generator) -> HouseStyle:
    """Draw a house of one to three upper floors and two to four window axes."""
    wall = str(rng.choice(WALLS, p=[0.27, 0.33, 0.17, 0.11, 0.12]))
    colour = _pick(rng, _WALL_COLOURS[wall])
    bay_width = float(rng.uniform(2.3, 3.1))
    window_width = float(rng.uniform(1.05, 1.5))
    floor_height = float(rng.uniform(2.9, 3.5))
    window_height = float(min(rng.uniform(1.5, 2.15), floor_height - 1.0))
    window = sample_window_style(rng, wall, bay_width - window_width)
    return HouseStyle(
        bays=int(rng.choice([2, 3, 4], p=[0.35, 0.45, 0.2])),
        bay_width=bay_width,
        margin=float(rng.uniform(0.3, 0.8)),
        floors=int(rng.choice([1, 2, 3], p=[0.3, 0.5, 0.2])),
        ground_height=float(rng.uniform(3.3, 4.0)),
        floor_height=floor_height,
        window_size=(window_width, window_height),
        window_lift=float(rng.uniform(0.75, 0.95)),
        wall=wall,
        colour=colour,
        base_colour=scaled(colour, float(rng.uniform(0.6, 1.1))),
        bands=rng.random() < 0.5,
        quoins=wall in ("brick", "plaster") and rng.random() < 0.3,
        roof=str(rng.choice(ROOF_KINDS, p=[0.35, 0.3, 0.2, 0.15])),
        roof_colour=_pick(rng, _ROOFS),
        roof_height=float(rng.uniform(1.8, 3.2)),
        window=window,
        door=sample_door_style(rng, window.trim),
        ground=str(rng.choice(["home", "shop", "garage"], p=[0.55, 0.28, 0.17])),
        balconies=str(rng.choice(["none", "some", "all"], p=[0.68, 0.2, 0.12])),
        setback=float(rng.choice([0.0, 0.0, 0.25, 0.6])),
    )
