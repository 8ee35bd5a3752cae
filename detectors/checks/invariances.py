"""Checks of what must not change `predict`, and of what `predict` must not change."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch

from detectors.base import Detector
from detectors.checks.batches import drawn_batch, expect, expect_same_batch, without_boxes
from detectors.checks.predictions import predict_in_eval_mode
from structures import Batch, Prediction

# A picture alone takes other convolution kernels than in a batch; their rounding moves a few
# detections across a threshold, so this share must agree rather than all.
_AGREEMENT = 0.95
_PIXELS = 0.5


def check_predict_leaves_module_unchanged(module: Detector) -> None:
    """Validation must not train: weights, buffers and modes stay as they were."""
    module.eval()
    state = {name: value.clone() for name, value in module.state_dict().items()}
    modes = [part.training for part in module.modules()]
    predict_in_eval_mode(module, drawn_batch(module))
    expect(
        modes == [part.training for part in module.modules()],
        "predict switches train or eval mode; restore the mode, or leave it to Lightning",
    )
    changed = [n for n, v in module.state_dict().items() if not torch.equal(v, state[n])]
    expect(not changed, f"predict changes {changed[:3]}; it may not write to weights or buffers")


def check_predict_leaves_batch_unchanged(module: Detector) -> None:
    """The batch is used again for losses, pictures and evaluation after predict."""
    batch = drawn_batch(module)
    before = copy.deepcopy(batch)
    predict_in_eval_mode(module, batch)
    expect_same_batch(batch, before, "predict")


def check_predict_ignores_truth(module: Detector) -> None:
    """A detector that looks at the boxes of its targets cheats, and fails on unlabelled data."""
    batch = drawn_batch(module)
    with_truth, without = (
        predict_in_eval_mode(module, batch),
        predict_in_eval_mode(module, without_boxes(batch)),
    )
    expect(
        _agree(with_truth, without),
        "predictions differ when the targets hold no boxes; predict may read image_id only",
    )


def check_predict_is_deterministic(module: Detector) -> None:
    """Two passes over the same frames agree exactly; otherwise no score can be reproduced."""
    batch = drawn_batch(module)
    torch.manual_seed(1)
    first = predict_in_eval_mode(module, batch)
    torch.manual_seed(2)
    second = predict_in_eval_mode(module, batch)
    for one, two in zip(first, second, strict=True):
        expect(
            torch.equal(one.boxes, two.boxes) and torch.equal(one.scores, two.scores),
            f"two predictions of image {one.image_id} differ; draw no random number and keep no "
            "state in eval mode",
        )


def check_batch_invariance(module: Detector) -> None:
    """What a clip shares a batch with must not matter, or scores depend on the batch size."""
    batch = drawn_batch(module, [(96, 128)] * 3)
    together = predict_in_eval_mode(module, batch)
    alone = [
        prediction
        for clip, targets in zip(batch.clips, batch.targets, strict=True)
        for prediction in predict_in_eval_mode(module, Batch([clip], [targets]))
    ]
    expect(
        _agree(together, alone),
        "predictions of a picture alone differ from those in a batch; no batch statistics in eval "
        "mode, no top-k over the whole batch",
    )


def _agree(first: Sequence[Prediction], second: Sequence[Prediction]) -> bool:
    """Whether the detections agree as sets, frame by frame, but for a few at a threshold."""
    pairs = list(zip(first, second, strict=True))
    return all(min(_found_in(a, b), _found_in(b, a)) >= _AGREEMENT for a, b in pairs)


def _found_in(one: Prediction, other: Prediction) -> float:
    """The share of the detections of `one` that `other` has too."""
    if len(one.scores) == 0:
        return 1.0
    same = torch.cdist(one.boxes, other.boxes, p=torch.inf) < _PIXELS
    same &= one.labels[:, None] == other.labels[None]
    same &= (one.scores[:, None] - other.scores[None]).abs() < 1e-3
    return float(same.any(dim=1).float().mean())


CHECKS = (
    check_predict_leaves_module_unchanged,
    check_predict_leaves_batch_unchanged,
    check_predict_ignores_truth,
    check_predict_is_deterministic,
    check_batch_invariance,
)
