"""What is true of drawn jets, frame by frame: jets with a subject, and so a box, for each frame."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from prepare.drawing_solar.course import Course
from prepare.drawing_solar.scene import Scene
from prepare.jet_catalogue.jet import Jet, Subject

CLEAR, FAINT = 0.0, 1.0  # sigma of a frame in which everybody sees the jet, or only somebody may


def exact_jets(scene: Scene, entries: Sequence[Mapping[str, Any]]) -> list[Jet]:
    """The jets of a scene that show in some frame of it.

    Args:
        scene: What was drawn.
        entries: Of `jet_entries`, in the order of the scene's jets.

    Returns:
        Under the ids of the entries; `sigma` of each subject is `CLEAR` or `FAINT`.
    """
    pairs = zip(scene.jets, entries, strict=True)
    found = [(entry, course, _subjects(scene, course)) for course, entry in pairs]
    return [
        Jet(
            id=entry["id"],
            sol=entry["SOL"],
            start=subjects[0].start,
            end=subjects[-1].end,
            exact_ends=True,
            base=np.array(course.plume.base),
            length=entry["max_height"]["mean"],
            width=entry["width"]["mean"],
            velocity=course.plume.speed,
            sigma=math.nan,
            flag=entry["flag"],
            subjects=subjects,
        )
        for entry, course, subjects in found
        if subjects
    ]


def _subjects(scene: Scene, course: Course) -> tuple[Subject, ...]:
    seen = [t for t in range(len(scene.times)) if course.is_clear(t) or course.is_faint(t)]
    return tuple(
        Subject(
            number=None,
            start=scene.moment(t),
            end=scene.moment(t),
            corners=course.plume.corners(float(course.ages[t])),
            base=np.array(course.plume.base),
            sigma=CLEAR if course.is_clear(t) else FAINT,
        )
        for t in seen
    )


def field_entry(scene: Scene, sol: str, extent: float) -> Jet:
    """The whole field as if it were a jet, so that a video is made of all of it.

    Args:
        scene: What was drawn.
        sol: Name of its trigger event.
        extent: Side of the field in arcsec.
    """
    corners = np.array(scene.centre) + extent / 2 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    begin, end = scene.moment(0), scene.moment(len(scene.times) - 1)
    base = np.array(scene.centre)
    whole = Subject(None, begin, end, corners, base, math.nan)
    return Jet(
        id=scene.name,
        sol=sol,
        start=begin,
        end=end,
        exact_ends=True,
        base=base,
        length=math.nan,
        width=math.nan,
        velocity=math.nan,
        sigma=math.nan,
        flag="",
        subjects=(whole,),
    )
