"""Targets in shares of their frame, labels as columns, crowds left out."""

from __future__ import annotations

import torch

from detectors.transvod_lite.truth import frame_truths
from structures import Batch, Target


def test_boxes_are_shares_of_their_own_frame_and_labels_are_columns() -> None:
    wide = Target(torch.tensor([[20.0, 10, 60, 50]]), torch.tensor([3]), 1)
    tall = Target(
        torch.tensor([[0.0, 0, 50, 100], [10, 10, 20, 20]]),
        torch.tensor([1, 2]),
        2,
        iscrowd=torch.tensor([False, True]),
        ignore=torch.tensor([[0.0, 0, 50, 50]]),
    )
    frames = [torch.zeros(1, 3, 100, 200, dtype=torch.uint8), torch.zeros(1, 3, 100, 50).byte()]
    truth = frame_truths(Batch(frames, [[wide], [tall]]))
    assert [labels.tolist() for labels in truth.labels] == [[2], [0]]
    torch.testing.assert_close(truth.boxes[0], torch.tensor([[0.2, 0.3, 0.2, 0.4]]))
    torch.testing.assert_close(truth.boxes[1], torch.tensor([[0.5, 0.5, 1.0, 1.0]]))
    assert truth.ignored[0] is None
    torch.testing.assert_close(truth.ignored[1], torch.tensor([[0.5, 0.25, 1.0, 0.5]]))
