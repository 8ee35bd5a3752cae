"""A scene: a field of the sun, everything that happens in it, and when the camera looks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from prepare.drawing_solar.camera import EXPOSURE, SHORT_EXPOSURE, Exposure
from prepare.drawing_solar.course import Course, erupting, flashing, standing
from prepare.drawing_solar.eclipse import Eclipse
from prepare.drawing_solar.layout import Layout
from prepare.drawing_solar.patches import (
    Loop,
    Patch,
    active_region,
    bright_point,
    flare,
    loop,
    prominence,
)
from prepare.drawing_solar.plans import PLANS, Plan
from prepare.drawing_solar.pointing import Floats, Sky
from prepare.drawing_solar.quiet_sun import QuietSun
from solar.frame_wcs import RADIUS_OF_THE_SUN
from solar.observer import Observer

CADENCE = 24.0  # s
EXTENT = 230.4  # arcsec, side of a field
FIRST_DAY = datetime(2011, 1, 1, tzinfo=UTC)
LIMB_OFFSET = (-35.0, -5.0)  # arcsec from the limb to the middle of a field
HOURS, STRIDE, SEED_STRIDE = 52560, 37, 7919  # six years; from a sequence or seed to the next
LOOK_ALIKES = (2, 5)  # plumes that are no jets: from, to (exclusive)
THROUGHPUT = (0.5, 1.0)  # of the telescope, which loses light over the years
FLARE_LIGHT = 100.0  # DN/s that shorten every second exposure


@dataclass(frozen=True, eq=False)
class Scene:
    """What a sequence shows.

    Attributes:
        name: Of the sequence, e.g. 'drawn_0003'.
        start: Of the first exposure, aware, UTC.
        times: float64 [T], s since then.
        observer: Where the telescope is.
        centre: Tx and Ty of the field's middle in arcsec.
        sun: Behind everything.
        courses: Jets, then their look-alikes.
        patches: Everything else that shines.
        eclipse: Or none.
        exposures: [T].
        throughput: Part of the light that arrives.
    """

    name: str
    start: datetime
    times: NDArray[np.float64]
    observer: Observer
    centre: tuple[float, float]
    sun: QuietSun
    courses: tuple[Course, ...]
    patches: tuple[Patch | Loop, ...]
    eclipse: Eclipse | None
    exposures: tuple[Exposure, ...]
    throughput: float

    @property
    def jets(self) -> tuple[Course, ...]:
        """Those of `courses` that are to be found."""
        return tuple(course for course in self.courses if course.jet)

    @property
    def limb(self) -> float:
        """Radius of the sun in arcsec."""
        return self.observer.apparent_radius(RADIUS_OF_THE_SUN)

    def moment(self, frame: int) -> datetime:
        """When the exposure of a frame begins."""
        return self.start + timedelta(seconds=float(self.times[frame]))

    def rate(self, sky: Sky, frame: int) -> Floats:
        """float32 [H, W], DN/s."""
        total = self.sun.rate(sky, frame)
        for source in (*self.courses, *self.patches):
            total = total + source.rate(sky, frame)
        if self.eclipse is not None:
            total = total * self.eclipse.light(sky, frame)
        return np.asarray(total * self.throughput, np.float32)


def draw_scene(rng: np.random.Generator, seed: int, number: int, frames: int) -> Scene:
    """Draw the scene of a sequence.

    Args:
        rng: Where it comes from.
        seed: Of the data set; with the number it gives the scene an hour of its own.
        number: Of the sequence; decides which of `PLANS` it follows.
        frames: T.
    """
    plan = PLANS[number % len(PLANS)]
    hour = (seed * SEED_STRIDE + number * STRIDE) % HOURS
    start = FIRST_DAY + timedelta(hours=hour, seconds=float(rng.uniform(60, 1800)))
    observer = Observer.earth(start)
    limb = observer.apparent_radius(RADIUS_OF_THE_SUN)
    centre = _centre(rng, plan, limb)
    times = np.arange(frames) * CADENCE + rng.normal(0, 0.05, frames)
    layout = Layout(rng, centre, EXTENT, limb, plan.limb)
    courses = _courses(rng, plan, layout, times)
    patches, exposures = _patches(rng, plan, layout, times)
    eclipse = None
    if plan.eclipse:
        direction, begin = float(rng.uniform(-np.pi, np.pi)), frames - frames // 3
        eclipse = Eclipse(centre, EXTENT * math.sqrt(0.5), direction, begin, frames // 4)
    return Scene(
        name=f"drawn_{number:04d}",
        start=start,
        times=times,
        observer=observer,
        centre=centre,
        sun=QuietSun(rng, centre, EXTENT * math.sqrt(2), limb, times),
        courses=courses,
        patches=patches,
        eclipse=eclipse,
        exposures=exposures,
        throughput=float(rng.uniform(*THROUGHPUT)),
    )


def _centre(rng: np.random.Generator, plan: Plan, limb: float) -> tuple[float, float]:
    angle = rng.uniform(-np.pi, np.pi) if plan.position is None else plan.position
    radius = limb + rng.uniform(*LIMB_OFFSET) if plan.limb else limb * rng.uniform(0, 0.7)
    return float(radius * math.cos(angle)), float(radius * math.sin(angle))


def _courses(
    rng: np.random.Generator, plan: Plan, layout: Layout, times: NDArray[np.float64]
) -> tuple[Course, ...]:
    courses = []
    together = rng.uniform(0.0, 1.0)
    for trait in plan.jets:
        plume = layout.plume(trait, aligned=plan.position is not None)
        if plume is not None:
            latest = max(times[2], times[-2] - plume.clear_ages()[1])
            onset = times[2] + together * (latest - times[2]) + rng.uniform(0, CADENCE)
            courses.append(erupting(plume, float(onset), times))
    for _ in range(int(rng.integers(*LOOK_ALIKES))):
        plume = layout.plume()
        if plume is not None:
            if rng.random() < 0.6:
                courses.append(standing(rng, plume, times))
            else:
                latest = max(times[1], times[-1] - plume.clear_ages()[1] / 2)
                onset = float(rng.uniform(times[0], latest))
                courses.append(flashing(rng, plume, onset, times))
    return tuple(courses)


def _patches(
    rng: np.random.Generator, plan: Plan, layout: Layout, times: NDArray[np.float64]
) -> tuple[tuple[Patch | Loop, ...], tuple[Exposure, ...]]:
    patches: list[Patch | Loop] = []
    for _ in range(int(rng.integers(0, 4))):
        patches.append(bright_point(rng, layout.place()[0], times))
    if rng.random() < 0.4:
        patches += active_region(rng, layout.place()[0], times)
    if rng.random() < 0.4:
        patches.append(loop(rng, *layout.place(), times))
    if plan.limb and rng.random() < 0.5:
        patches.append(prominence(rng, *layout.place(), times))
    seconds = EXPOSURE + rng.uniform(-0.01, 0.01, len(times))
    exposures = [Exposure(float(value)) for value in seconds]
    if plan.flare:
        burst = flare(rng, layout.place()[0], times)
        patches.append(burst)
        for frame in range(1, len(times), 2):
            if burst.gains[frame] > FLARE_LIGHT:
                exposures[frame] = Exposure(SHORT_EXPOSURE, automatic=True)
    return tuple(patches), tuple(exposures)
