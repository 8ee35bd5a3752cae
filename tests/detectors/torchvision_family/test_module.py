"""Torchvision's detectors keep the contract, and give what torchvision itself gives."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import get_model_builder

from detectors.checks import check_detector
from detectors.torchvision_family.module import TorchvisionDetector
from detectors.torchvision_family.recipe import ARCHITECTURES
from structures import Batch, Target, collate

MOBILE = "fasterrcnn_mobilenet_v3_large_320_fpn"
SSDLITE = "ssdlite320_mobilenet_v3_large"
SMALL = {"min_size": 96, "max_size": 160}


def detector(architecture: str = MOBILE, **options: Any) -> Any:
    torch.manual_seed(0)
    small = {} if architecture == SSDLITE else SMALL
    return TorchvisionDetector(["cat", "dog"], architecture=architecture, **{**small, **options})


def pictures(*sizes: tuple[int, int]) -> Batch:
    generator = torch.Generator().manual_seed(5)
    samples: list[Any] = []
    for index, (height, width) in enumerate(sizes):
        frame = torch.randint(0, 256, (1, 3, height, width), dtype=torch.uint8, generator=generator)
        boxes = torch.tensor([[4.0, 6, 40, 50], [20, 10, width - 3, height - 5]])
        samples.append((frame, [Target(boxes, torch.tensor([1, 2]), 7 * index + 3)]))
    return collate(samples)


@pytest.mark.slow
@pytest.mark.usefixtures("few_regions")
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_keeps_the_contract_of_every_detector(architecture: str) -> None:
    sgd = functools.partial(torch.optim.SGD, lr=1e-3)
    # Ten large trunks: every layer of them runs at this size, too.
    smaller = {} if architecture == SSDLITE else {"min_size": 64, "max_size": 112}
    check_detector(detector(architecture, optimizer=sgd, score_threshold=0.0, **smaller))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_starts_as_torchvision_starts_with_the_same_seed(architecture: str) -> None:
    own = detector(architecture).network.state_dict()
    torch.manual_seed(0)
    builder = get_model_builder(architecture)
    theirs = builder(weights=None, weights_backbone=None, num_classes=3).state_dict()
    assert list(own) == list(theirs)
    assert all(torch.equal(own[key], theirs[key]) for key in own)


@pytest.mark.parametrize("architecture", [MOBILE, SSDLITE])
def test_predictions_do_not_depend_on_the_batch(architecture: str) -> None:
    module = detector(architecture, score_threshold=0.0).eval()
    batch = pictures((96, 128), (150, 60), (96, 128), (60, 150))
    with torch.no_grad():
        together = module.predict(batch)
        alone = [
            module.predict(Batch([clip], [targets]))[0]
            for clip, targets in zip(batch.clips, batch.targets, strict=True)
        ]
    assert [p.image_id for p in together] == [3, 10, 17, 24]
    for one, two in zip(together[1::2], alone[1::2], strict=True):  # in groups of their own
        assert torch.equal(one.boxes, two.boxes)
        assert torch.equal(one.scores, two.scores)
    for one, two in zip(together[::2], alone[::2], strict=True):
        torch.testing.assert_close(one.scores, two.scores)


def test_losses_in_eval_mode_repeat_and_leave_random_numbers_and_modes_alone() -> None:
    module = detector().eval()
    batch = pictures((96, 128), (150, 60))
    state = torch.get_rng_state()
    modes = [part.training for part in module.modules()]
    with torch.no_grad():
        first = module.losses(batch)
        second, predictions = module.losses_and_predictions(batch)
    assert torch.equal(torch.get_rng_state(), state)
    assert [part.training for part in module.modules()] == modes
    assert set(first) == {"loss_classifier", "loss_box_reg", "loss_objectness", "loss_rpn_box_reg"}
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert [p.image_id for p in predictions] == [3, 10]


def test_modes_are_restored_when_the_network_fails() -> None:
    module = detector()
    module.network.roi_heads.box_predictor.cls_score = nn.Linear(3, 3)  # of another width
    module.eval()
    with pytest.raises(RuntimeError):
        module.losses(pictures((96, 128)))
    assert not any(part.training for part in module.modules())
    assert "forward" not in vars(module.network.backbone)


def test_one_backbone_pass_serves_losses_and_predictions() -> None:
    module = detector().eval()
    shapes = []
    body = module.network.backbone.body
    body.register_forward_hook(lambda *call: shapes.append(tuple(call[1][0].shape)))
    with torch.no_grad():
        module.losses_and_predictions(pictures((96, 128), (128, 96), (192, 256)))
    assert shapes == [(2, 3, 96, 128), (1, 3, 128, 96)]


def test_crowds_are_not_learnt() -> None:
    module = detector(SSDLITE).eval()
    batch = pictures((96, 128))
    (target,) = batch.frame_targets()
    fewer = Target(target.boxes[:1], target.labels[:1], 3)
    target.iscrowd = torch.tensor([False, True])
    crowd, single = (module.losses(Batch(batch.clips, [[t]])) for t in (target, fewer))
    assert torch.equal(crowd["classification"], single["classification"])


@pytest.mark.parametrize(
    ("architecture", "trainable", "first"),
    [
        ("fasterrcnn_resnet50_fpn", 3, "backbone.body.layer2.0.conv1.weight"),
        ("fasterrcnn_resnet50_fpn", 5, "backbone.body.conv1.weight"),
        (MOBILE, 2, "backbone.body.13.block.0.0.weight"),
        (MOBILE, 0, "backbone.fpn.inner_blocks.0.0.weight"),
        (SSDLITE, 2, "backbone.features.0.13.0.weight"),
        (SSDLITE, 1, "backbone.features.1.3.0.weight"),
    ],
)
def test_stages_are_frozen_from_the_picture_up(
    architecture: str, trainable: int, first: str
) -> None:
    network = detector(architecture, trainable_backbone_layers=trainable).network
    learning = [name for name, p in network.named_parameters() if p.requires_grad]
    assert learning[0] == first


def test_only_the_backbone_of_a_timm_pyramid_is_frozen() -> None:
    module = detector(
        "fasterrcnn_resnet50_fpn", backbone="resnet10t", trainable_backbone_layers=1
    ).train()
    frozen = {
        name.split(".")[2] for name, p in module.network.named_parameters() if not p.requires_grad
    }
    assert frozen == {"conv1", "bn1", "layer1", "layer2", "layer3"}
    assert module.network.rpn.anchor_generator.sizes == ((32,), (64,), (128,), (256,), (512,))
    losses = module.losses(pictures((96, 128)))
    torch.stack(list(losses.values())).sum().backward()
    assert module.network.backbone.body.layer4[0].bn2.weight.grad.any()


def test_anchors_of_other_shapes_and_numbers_learn() -> None:
    module = detector(anchor_sizes=[[16, 32], 64, 128], anchor_ratios=[[1.0], [1, 2], [1, 2]])
    assert module.network.rpn.head.cls_logits.out_channels == 2
    ssdlite = detector(SSDLITE, anchor_ratios=[2])
    for candidate in (module, ssdlite):
        losses = candidate.train().losses(pictures((96, 128), (96, 128)))
        assert all(bool(value.isfinite()) for value in losses.values())
    retina = detector("retinanet_resnet50_fpn", anchor_ratios=[0.5, 1])
    assert retina.network.head.classification_head.cls_logits.out_channels == 6 * 3


def test_proposals_that_teach_the_box_head_can_be_fewer() -> None:
    torch.manual_seed(1)
    heads = detector(sampled_proposals=16).network.roi_heads
    proposals = [torch.rand(200, 2).repeat(1, 2) * 60 + torch.tensor([0.0, 0, 30, 30])]
    truth = [{"boxes": torch.tensor([[5.0, 5, 60, 60]]), "labels": torch.tensor([1])}]
    chosen, _, labels, _ = heads.select_training_samples(proposals, truth)
    assert (len(chosen[0]), len(labels[0])) == (16, 16)


@pytest.mark.parametrize(
    ("architecture", "options", "message"),
    [
        (
            MOBILE,
            {"anchor_sizes": [32, 64]},
            r"has 3 feature levels, so 3 entries are needed.*got 2",
        ),
        (MOBILE, {"anchor_sizes": [[32, 64], 64, 128]}, r"gives? \[6, 3, 3\] anchors a location"),
        (MOBILE, {"anchor_ratios": [1.0, -2.0]}, "numbers above 0"),
        ("fcos_resnet50_fpn", {"anchor_sizes": [[8, 9]] * 5}, "one point a location"),
        (SSDLITE, {"anchor_sizes": [32] * 6}, "needs 7 numbers above 0"),
        (SSDLITE, {"min_size": 300}, "sees every picture as 320x320"),
        (SSDLITE, {"norm": "frozen"}, "learns its normalisation"),
        (MOBILE, {"norm": "group"}, "one of batch, frozen, frozen_eps_0, got 'group'"),
        (MOBILE, {"reduced_tail": False}, "for ssdlite320_mobilenet_v3_large alone"),
        (MOBILE, {"trainable_backbone_layers": 7}, "has 6 stages, so 0 to 6"),
        (MOBILE, {"nms_iou": 1.5}, r"nms_iou.*from 0 to 1, got \{'nms_iou': 1.5\}"),
        (MOBILE, {"max_detections": 0}, r"at least 1.*\{'max_detections': 0\}"),
        (MOBILE, {"sampled_proposals": 0}, r"at least 1.*\{'sampled_proposals': 0\}"),
        (
            "retinanet_resnet50_fpn",
            {"sampled_proposals": 64},
            "retinanet_resnet50_fpn has no proposals; leave",
        ),
        (MOBILE, {"min_size": []}, r"\{'min_size': \[\]\}"),
        (MOBILE, {"backbone": "resnet10t"}, "goes under one of fasterrcnn_resnet50_fpn"),
        (
            "fasterrcnn_resnet50_fpn",
            {"backbone": "resnet10t", "trainable_backbone_layers": 5},
            "has 4 stages, so 0 to 4",
        ),
        (
            "fasterrcnn_resnet50_fpn",
            {"backbone": "resnet10t", "weights": "a.pth"},
            "whole detector of torchvision",
        ),
        ("fasterrcnn_resnet_50", {}, "did you mean fasterrcnn_resnet50_fpn"),
        (MOBILE, {"class_names": ["cat", "Cat"]}, "class names collide"),
    ],
)
def test_bad_options_are_named(architecture: str, options: dict, message: str) -> None:
    names = options.pop("class_names", ["cat", "dog"])
    with pytest.raises(ValueError, match=message):
        TorchvisionDetector(names, architecture=architecture, **options)


def test_mask_rcnn_is_evaluated_on_its_boxes_and_not_trained() -> None:
    module = detector("maskrcnn_resnet50_fpn", score_threshold=0.0).eval()
    masks = module.network.roi_heads.mask_head
    masks.register_forward_hook(lambda *call: pytest.fail("masks are computed"))
    with torch.no_grad():
        losses, (prediction,) = module.losses_and_predictions(pictures((96, 128)))
    assert "loss_mask" not in losses
    assert len(prediction.boxes) > 0
    boxes = torch.ones(1, 4)
    with pytest.raises(ValueError, match=r"cannot be trained here.*without masks.*faster_rcnn"):
        module.coverage(boxes, torch.ones(1).long(), torch.ones(1, 2).long())
    assert detector().coverage(boxes, torch.ones(1).long(), torch.ones(1, 2).long()) == {}


def test_a_detector_without_its_weights_files_is_the_same_network(tmp_path: Any) -> None:
    frozen = detector(norm="frozen_eps_0", trainable_backbone_layers=2)
    again = TorchvisionDetector(**frozen.hparams)
    assert repr(again.network) == repr(frozen.network)
    learning: list[list[str]] = [
        [n for n, p in module.named_parameters() if p.requires_grad] for module in (frozen, again)
    ]
    assert learning[0] == learning[1]
    assert "eps=0.0" in repr(again.network)


def test_half_precision_stops_at_the_heads() -> None:
    module = detector().eval()
    seen: list[torch.dtype] = []

    def note(_part: nn.Module, _inputs: Any, output: tuple[list[Tensor], list[Tensor]]) -> None:
        seen.extend(value.dtype for level in output for value in level)

    module.network.rpn.head.register_forward_hook(note)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        (prediction,) = module.predict(pictures((96, 128)))
    assert set(seen) == {torch.float32}
    assert prediction.boxes.dtype == torch.float32
