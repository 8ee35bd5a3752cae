"""Which box holds at which time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from prepare.jet_catalogue.jet import SUBJECT, Jet, Subject
from prepare.jet_catalogue.placement import box_at

START = datetime(2013, 10, 28, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def make_jet(starts: Sequence[float], exact: bool = False) -> Jet:
    """Subject i has a box whose corners are all (i, 10 i)."""
    subjects = tuple(
        Subject(i, at(s), at(s) + SUBJECT, np.full((4, 2), [i, 10.0 * i]), np.array([i, i]), 0.1)
        for i, s in enumerate(starts)
    )
    end = at(starts[-1]) + SUBJECT
    nan = float("nan")
    return Jet("a", "SOL", START, end, exact, np.zeros(2), nan, nan, nan, nan, "", subjects)


def subject_at(jet: Jet, seconds: float) -> float | None:
    box = box_at(jet, at(seconds))
    return None if box is None else float(box.corners[0, 0])


def test_a_frame_has_the_box_of_the_latest_subject_that_has_begun() -> None:
    jet = make_jet([0, 312, 624])
    assert subject_at(jet, 311) == 0
    assert subject_at(jet, 312.12) == 1, "two subjects have this frame, the later one holds"
    assert subject_at(jet, 336) == 1
    assert subject_at(jet, 624 + 336) == 2


def test_times_are_compared_with_slack() -> None:
    jet = make_jet([0, 312])
    assert subject_at(jet, -0.6) is None
    assert subject_at(jet, -0.4) == 0, "a subject's start is truncated, a frame's may be rounded"
    assert subject_at(jet, 0) == 0, "not later than: equal counts"
    assert subject_at(jet, 312 + 336 + 12) == 1
    assert subject_at(jet, 312 + 336 + 12.1) is None


def test_a_last_subject_that_shares_more_frames_holds_from_its_start() -> None:
    jet = make_jet([0, 120])
    assert subject_at(jet, 119) == 0
    assert subject_at(jet, 121) == 1


def test_between_the_neighbours_of_a_missing_subject_boxes_are_generated() -> None:
    jet = make_jet([0, 624])
    before, between = box_at(jet, at(340)), box_at(jet, at(480))
    assert before is not None
    assert not before.generated
    assert between is not None
    assert between.generated
    assert not between.uncertain
    assert between.corners == pytest.approx(np.full((4, 2), [0.5, 5.0])), "half-way from 336 to 624"
    assert between.base == pytest.approx([0.5, 0.5])


def test_the_first_and_the_last_subject_are_uncertain() -> None:
    jet = make_jet([0, 312, 624])
    flags = [box.uncertain for s in (10, 330, 700) if (box := box_at(jet, at(s)))]
    assert flags == [True, False, True]
    single = box_at(make_jet([0]), at(100))
    assert single is not None
    assert single.uncertain


def test_ends_that_the_catalogue_knows_are_certain() -> None:
    box = box_at(make_jet([0], exact=True), at(0))
    assert box is not None
    assert not box.uncertain


def test_a_jet_without_boxes_has_none_at_any_time() -> None:
    nan = float("nan")
    jet = Jet("a", "SOL", at(0), at(99), False, np.zeros(2), nan, nan, nan, nan, "", ())
    assert box_at(jet, at(5)) is None
