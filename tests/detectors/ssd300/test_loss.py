"""MultiBox loss against the golden tensors, torchvision and its stated edge cases."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from detectors.ssd300.box_codes import encode
from detectors.ssd300.loss import MultiBoxLoss
from detectors.ssd300.priors import build_priors

PRIORS = build_priors("coco")
NO_BOXES, NO_LABELS = torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64)


def outputs(frames: int, classes: int = 3, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randn(frames, 8732, 4, generator=generator)
    return codes, torch.randn(frames, 8732, classes + 1, generator=generator)


@pytest.mark.parametrize("frame", [0, 1])
def test_golden_loss_of_single_frames(golden: dict, golden_targets: list, frame: int) -> None:
    losses = MultiBoxLoss()(
        golden["bbox_regression"][frame : frame + 1],
        golden["cls_logits"][frame : frame + 1],
        PRIORS,
        [golden["targets_300"][frame]],
        [golden_targets[frame]["labels"]],
    )
    for name, value in golden["loss_each"][frame].items():
        assert losses[name].item() == pytest.approx(value, rel=1e-5)


def test_equals_torchvision_on_a_batch() -> None:
    from torchvision.models.detection.ssd import ssd300_vgg16

    with torch.device("meta"):
        theirs = ssd300_vgg16(weights=None, weights_backbone=None, num_classes=4)
    codes, logits = outputs(4)
    boxes = [
        torch.tensor([[10.0, 10, 60, 90], [12, 9, 63, 91], [100, 50, 250, 280]]),
        torch.tensor([[0.0, 0, 300, 300]]),
        NO_BOXES,
        torch.tensor([[33.0, 40, 44, 71], [200, 200, 224, 243]]),
    ]
    labels = [torch.tensor([1, 2, 3]), torch.tensor([2]), NO_LABELS, torch.tensor([3, 1])]
    targets = [{"boxes": b, "labels": k} for b, k in zip(boxes, labels, strict=True)]
    matches = [
        theirs.proposal_matcher(torch_iou(b)) if len(b) else torch.full((8732,), -1) for b in boxes
    ]
    expected = theirs.compute_loss(
        targets, {"bbox_regression": codes, "cls_logits": logits}, [PRIORS] * 4, matches
    )
    losses = MultiBoxLoss()(codes, logits, PRIORS, boxes, labels)
    for name, value in expected.items():
        assert losses[name].item() == pytest.approx(value.item(), rel=1e-5)


def torch_iou(boxes: Tensor) -> Tensor:
    from torchvision.ops import box_iou

    return box_iou(boxes, PRIORS)


def test_frames_without_boxes_teach_nothing_unless_negatives_are_asked_for() -> None:
    codes, logits = outputs(2)
    empty = ([NO_BOXES] * 2, [NO_LABELS] * 2)
    paper = MultiBoxLoss()(codes, logits, PRIORS, *empty)
    assert paper["bbox_regression"] == paper["classification"] == 0
    asked = MultiBoxLoss(min_negatives=5)(codes, logits, PRIORS, *empty)
    entropy = F.cross_entropy(logits.flatten(0, 1), torch.zeros(2 * 8732).long(), reduction="none")
    hardest = entropy.view(2, -1).topk(5).values.sum()
    assert asked["classification"].item() == pytest.approx(hardest.item(), rel=1e-5)
    assert asked["bbox_regression"] == 0


def test_three_negatives_for_each_positive() -> None:
    codes, logits = outputs(1)
    logits.requires_grad_()
    box = torch.tensor([[20.0, 20, 80, 100]])
    MultiBoxLoss()(codes, logits, PRIORS, [box], [torch.tensor([1])])["classification"].backward()
    taught = (logits.grad[0].abs().sum(-1) > 0).sum().item()
    positives = max(1, int((torch_iou(box)[0] >= 0.5).sum()))
    assert taught == 4 * positives


def test_negatives_are_capped_at_their_number() -> None:
    codes, logits = outputs(1)
    priors = PRIORS[:6]
    logits = logits[:, :6].requires_grad_()
    boxes = priors[[0, 2, 4]]
    loss = MultiBoxLoss(negative_ratio=3)
    loss(codes[:, :6], logits, priors, [boxes], [torch.tensor([1, 1, 1])])[
        "classification"
    ].backward()
    assert logits.grad.isfinite().all()


def test_l1_mean_is_a_quarter_of_plain_l1() -> None:
    codes, logits = outputs(1)
    box = torch.tensor([[20.0, 20, 80, 100]])
    label = [torch.tensor([1])]
    got = MultiBoxLoss(localisation="l1_mean")(codes, logits, PRIORS, [box], label)
    positive = torch_iou(box)[0] >= 0.5
    wanted = encode(box.expand(8732, 4), PRIORS)[positive]
    assert got["bbox_regression"].item() == pytest.approx(
        F.l1_loss(codes[0, positive], wanted).item()
    )


def test_normalised_by_positives_of_the_whole_batch() -> None:
    codes, logits = outputs(2)
    box, label = torch.tensor([[20.0, 20, 80, 100]]), torch.tensor([1])
    loss = MultiBoxLoss()
    one = loss(codes[:1], logits[:1], PRIORS, [box], [label])
    with_empty = loss(codes, logits, PRIORS, [box, NO_BOXES], [label, NO_LABELS])
    assert one["classification"].item() == pytest.approx(with_empty["classification"].item())


def test_loc_weight_scales_the_regression_alone() -> None:
    codes, logits = outputs(1)
    arguments = (codes, logits, PRIORS, [torch.tensor([[20.0, 20, 80, 100]])], [torch.tensor([1])])
    one, two = MultiBoxLoss()(*arguments), MultiBoxLoss(loc_weight=2)(*arguments)
    assert two["bbox_regression"].item() == pytest.approx(2 * one["bbox_regression"].item())
    assert two["classification"] == one["classification"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"forced": "hungarian"}, "forced must be one of overwrite, greedy"),
        ({"localisation": "giou"}, "localisation must be one of smooth_l1_sum, l1_mean"),
        ({"min_negatives": -1}, "must not be negative"),
    ],
)
def test_bad_choices_are_named(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MultiBoxLoss(**arguments)


def test_the_mean_over_processes_is_the_loss_of_their_joint_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    codes, logits = outputs(2)
    boxes = [
        torch.tensor([[10.0, 10, 60, 90], [100, 50, 250, 280]]),
        torch.tensor([[5.0, 5, 9, 9]]),
    ]
    labels = [torch.tensor([1, 3]), torch.tensor([2])]
    joint = MultiBoxLoss()(codes, logits, PRIORS, boxes, labels)
    counts: list[Tensor] = []
    monkeypatch.setattr("detectors.ssd300.loss.mean_over_processes", counts.append)
    for i in range(2):
        with pytest.raises(AttributeError):  # what each process would send
            MultiBoxLoss()(
                codes[i : i + 1], logits[i : i + 1], PRIORS, boxes[i:][:1], labels[i:][:1]
            )
    assert counts[0] != counts[1]
    mean = torch.stack(counts).double().mean()
    monkeypatch.setattr("detectors.ssd300.loss.mean_over_processes", lambda count: mean)
    each = [
        MultiBoxLoss()(codes[i : i + 1], logits[i : i + 1], PRIORS, boxes[i:][:1], labels[i:][:1])
        for i in range(2)
    ]
    for name, value in joint.items():
        shared = torch.stack([losses[name] for losses in each]).mean()
        assert shared.item() == pytest.approx(value.item(), rel=1e-6)
