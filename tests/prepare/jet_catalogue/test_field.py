"""What a video of a jet shows of the sky."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from prepare.jet_catalogue.field import field_of
from prepare.jet_catalogue.jet import Jet, Subject
from solar.aia_frame import Region

START = datetime(2013, 10, 28, 1, tzinfo=UTC)
SKY = Region(-1300, -1300, 1300, 1300)


def make_jet(name: str, width: float, height: float) -> Jet:
    """Around (500", 300")."""
    half = np.array([width, height]) / 2
    corners = np.array([500.0, 300.0]) + half * [[-1, -1], [1, -1], [1, 1], [-1, 1]]
    subject = Subject(1, START, START, corners, corners[0], 0.4)
    nan = float("nan")
    return Jet(name, "S", START, START, False, corners[0], nan, nan, nan, nan, "", (subject,))


@pytest.mark.parametrize(("size", "side"), [((40, 100), 300), ((250, 100), 400)])
def test_the_field_is_a_square_with_room_around_the_jet(
    size: tuple[float, float], side: float
) -> None:
    for number in range(200):
        jet = make_jet(f"jet_{number}", *size)
        field, extent = field_of(jet, SKY), jet.extent()
        assert (field.right - field.left, field.top - field.bottom) == pytest.approx((side, side))
        assert min(extent.left - field.left, field.right - extent.right) >= 0.1 * size[0] - 1e-9
        assert min(extent.bottom - field.bottom, field.top - extent.top) >= 0.1 * size[1] - 1e-9


def test_jets_are_all_over_their_fields() -> None:
    fields = [field_of(make_jet(f"jet_{number}", 40, 100), SKY) for number in range(200)]
    places = np.array([[(500 - f.left) / 300, (300 - f.bottom) / 300] for f in fields])
    assert (places.std(axis=0) > 0.15).all()
    assert places.mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.05)


def test_the_jet_decides_the_offset() -> None:
    jet = make_jet("jet_1", 40, 100)
    assert field_of(jet, SKY) == field_of(make_jet("jet_1", 40, 100), SKY)
    assert field_of(jet, SKY) != field_of(make_jet("jet_2", 40, 100), SKY)


def test_the_field_stays_where_there_are_frames() -> None:
    # 320" wide with the jet at its left, 200" high.
    available = Region(470, 200, 790, 400)
    for number in range(50):
        field = field_of(make_jet(f"jet_{number}", 40, 100), available)
        assert (field.bottom, field.top) == (200, 400)
        assert field.right - field.left == pytest.approx(300)
        assert field.left >= 470
        assert field.right <= 790
