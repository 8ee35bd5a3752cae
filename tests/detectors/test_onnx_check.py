"""Sets of detections, and the pictures on which they are compared."""

import pytest
import torch

from detectors.onnx_pictures import drawn_batches
from detectors.onnx_sets import difference
from structures import Prediction

BOXES = [[10.0, 20.0, 60.0, 90.0], [100.0, 40.0, 180.0, 95.0], [12.0, 22.0, 66.0, 96.0]]


def prediction(boxes=BOXES, scores=(0.9, 0.6, 0.6), labels=(1, 2, 1)) -> Prediction:
    return Prediction(torch.tensor(boxes), torch.tensor(scores), torch.tensor(labels), 0)


def test_the_order_of_detections_is_of_no_account():
    found = prediction([BOXES[i] for i in (0, 2, 1)], labels=(1, 1, 2))
    assert difference(prediction(), found).alone == ([], [])


def test_the_largest_deviations_are_told():
    moved = [[10.004, 20.0, 60.0, 90.0], BOXES[1], BOXES[2]]
    found = difference(prediction(), prediction(moved, (0.9, 0.60005, 0.6)))
    assert found.alone == ([], [])
    assert found.box == pytest.approx(0.004, abs=1e-5)
    assert found.score == pytest.approx(5e-5, abs=1e-6)


@pytest.mark.parametrize(
    "other",
    [
        prediction(scores=(0.9, 0.6002, 0.6)),
        prediction([BOXES[0], [100.02, 40.0, 180.0, 95.0], BOXES[2]]),
        prediction(labels=(1, 1, 1)),
    ],
    ids=["score", "box", "label"],
)
def test_what_differs_by_more_than_the_tolerance_stands_alone(other: Prediction):
    assert difference(prediction(), other).alone == ([1], [1])


def test_a_detection_has_one_partner_only():
    twice = prediction([BOXES[0]] * 3, (0.9, 0.9, 0.9), (1, 1, 1))
    once = prediction(BOXES, (0.9, 0.9, 0.9), (1, 1, 1))
    assert [len(alone) for alone in difference(twice, once).alone] == [2, 2]


def test_nothing_agrees_with_nothing():
    nothing = Prediction(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.int64), 0)
    assert difference(nothing, nothing).alone == ([], [])
    assert difference(nothing, prediction()).alone == ([], [0, 1, 2])


def test_drawn_pictures_have_several_sizes_and_batches_and_no_flat_area():
    *batches, black = drawn_batches(None)
    assert len({frames.shape[2:] for frames in batches}) > 4
    assert len({len(frames) for frames in batches}) > 2
    assert all(frames.dtype == torch.uint8 and frames.shape[1] == 3 for frames in batches)
    for frames in batches:
        cells = frames.float().unfold(2, 8, 8).unfold(3, 8, 8).flatten(4)
        assert float(cells.std(-1).amin()) > 0
    assert not black.any()
    assert all(len(frames) == 3 for frames in drawn_batches(3))
