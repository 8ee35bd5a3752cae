"""A target that breaks the contract is named with what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from structures import Target

BOXES = torch.tensor([[0.0, 0.0, 10.0, 8.0], [2.0, 3.0, 4.0, 5.0]])
LABELS = torch.tensor([1, 3])


def target(**changes: Any) -> Target:
    return Target(**{"boxes": BOXES, "labels": LABELS, "image_id": 42, **changes})


def test_a_sound_target_passes() -> None:
    target().check(height=8, width=10)


def test_no_objects_are_legal() -> None:
    target(boxes=BOXES[:0], labels=LABELS[:0]).check(height=8, width=10)


@given(st.integers(1, 50), st.integers(1, 50), st.data())
def test_every_box_with_area_in_the_frame_passes(
    height: int, width: int, data: st.DataObject
) -> None:
    x1, y1 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    x2, y2 = data.draw(st.integers(x1 + 1, width)), data.draw(st.integers(y1 + 1, height))
    box = torch.tensor([[x1, y1, x2, y2]], dtype=torch.float32)
    target(boxes=box, labels=LABELS[:1]).check(height, width)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"boxes": BOXES.double()}, r"boxes must be float32 \[2, 4\].*float64"),
        ({"boxes": BOXES[:1]}, r"boxes must be float32 \[2, 4\] for 2 labels.*\[1, 4\]"),
        ({"boxes": BOXES[:, :3]}, r"got torch.float32 \[2, 3\]"),
        ({"labels": LABELS.int()}, r"labels must be int64.*int32"),
        ({"labels": LABELS - 1}, r"0 is background\), got torch.int64 \[0, 2\]"),
        ({"boxes": BOXES + 1}, r"box 0 \[1.0, 1.0, 11.0, 9.0\] .*leaves the 10x8 frame"),
        ({"boxes": BOXES[:, [0, 1, 0, 3]]}, "box 0 .* is empty"),
        ({"boxes": BOXES * float("nan")}, "box 0 .*not finite"),
    ],
)
def test_a_broken_target_is_named_by_its_image(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="image 42: .*" + message):
        target(**changes).check(height=8, width=10)


def test_moving_keeps_every_field_and_the_original() -> None:
    full = target(
        area=torch.ones(2),
        iscrowd=torch.zeros(2, dtype=torch.bool),
        ignore=torch.zeros(1, 4),
        track_id=torch.arange(2),
        time=1.5,
    )
    moved = full.to("meta")
    tensors = [moved.boxes, moved.labels, moved.area, moved.iscrowd, moved.ignore, moved.track_id]
    assert all(tensor is not None and tensor.is_meta for tensor in tensors)
    assert (moved.image_id, moved.time) == (42, 1.5)
    assert not full.boxes.is_meta
    assert target().to("meta").area is None
