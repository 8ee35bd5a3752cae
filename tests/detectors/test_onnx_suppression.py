"""Suppression of many groups at once against torchvision's, group by group."""

import torch
from torchvision.ops import nms

from detectors.onnx_suppression import unsuppressed


def test_every_group_is_suppressed_as_torchvision_does_it_alone():
    random = torch.Generator().manual_seed(0)
    corners = torch.rand(4, 50, 2, generator=random) * 80
    boxes = torch.cat((corners, corners + 5 + torch.rand(4, 50, 2, generator=random) * 40), 2)
    scores = torch.rand(4, 50, generator=random)
    scores[3] = 0.05  # nothing of this group is above the threshold
    kept = unsuppressed(boxes, scores, 0.45, 0.1)
    for group in range(4):
        alive = (scores[group] > 0.1).nonzero().flatten()
        wanted = alive[nms(boxes[group, alive], scores[group, alive], 0.45)]
        assert kept[group].nonzero().flatten().tolist() == sorted(wanted.tolist())
    assert 4 < int(kept.sum()) < 150
