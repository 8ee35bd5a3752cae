"""SSD300 as a detector: contract, checkpoints, options."""

from __future__ import annotations

import functools
from pathlib import Path

import lightning
import pytest
import torch
from torch.utils.data import DataLoader
from torchvision.ops import box_iou

from detectors.checks import check_detector
from detectors.ssd300.module import SSD300
from structures import Batch, Target, collate

NAMES = ["building", "window", "door"]


def light(**options: object) -> SSD300:
    torch.manual_seed(0)
    return SSD300(NAMES, trunk="lcnet_050", priors="facades", **options)


def picture(image_id: int, size: tuple[int, int] = (210, 260)) -> tuple[torch.Tensor, list[Target]]:
    """A dark wall with two bright windows and a door."""
    frame = torch.full((1, 3, *size), 60, dtype=torch.uint8)
    boxes = [[20, 20, 60, 80], [120, 30, 160, 90], [90, 110, 130, 190]]
    for label, (x1, y1, x2, y2) in zip((2, 2, 3), boxes, strict=True):
        frame[:, label - 1, y1:y2, x1:x2] = 220
    shift = 4 * image_id
    target = Target(torch.tensor(boxes).float() + shift, torch.tensor([2, 2, 3]), image_id)
    return frame.roll((shift, shift), (2, 3)), [target]


def empty(image_id: int) -> tuple[torch.Tensor, list[Target]]:
    target = Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), image_id)
    return torch.zeros(1, 3, 64, 48, dtype=torch.uint8), [target]


def test_keeps_the_contract_of_every_detector() -> None:
    check_detector(light(optimizer=functools.partial(torch.optim.SGD, lr=1e-3)))


def test_losses_and_predictions_equal_the_single_calls() -> None:
    detector = light().eval()
    batch = collate([picture(0), empty(7)])
    with torch.no_grad():
        losses, predictions = detector.losses_and_predictions(batch)
        alone = detector.losses(batch)
    assert set(losses) == {"bbox_regression", "classification"}
    assert all(torch.equal(losses[name], alone[name]) for name in losses)
    for both, single in zip(predictions, detector.predict(batch), strict=True):
        assert torch.equal(both.boxes, single.boxes)
        assert both.image_id == single.image_id
    assert [p.image_id for p in predictions] == [0, 7]


def test_ignored_regions_are_not_mined_as_negatives() -> None:
    detector = light(min_negatives=20).eval()
    frame, (target,) = empty(1)
    with_region = Target(
        target.boxes, target.labels, 1, ignore=torch.tensor([[-500.0, -500, 500, 500]])
    )
    assert detector.losses(Batch([frame], [[target]]))["classification"] > 0
    assert detector.losses(Batch([frame], [[with_region]]))["classification"] == 0


def test_crowds_are_not_learnt() -> None:
    detector = light().eval()
    frame, (target,) = picture(0)
    target.iscrowd = torch.tensor([False, False, True])
    fewer = Target(target.boxes[:2], target.labels[:2], 0)
    crowd, single = (detector.losses(Batch([frame], [[t]])) for t in (target, fewer))
    assert torch.equal(crowd["classification"], single["classification"])


@pytest.mark.slow
def test_overfits_a_few_pictures() -> None:
    thin = {"channels": [16, 32, 48, 64], "stem_width": 8}
    torch.manual_seed(0)
    detector = SSD300(NAMES, trunk="resnet10t", trunk_arguments=thin, priors="facades").train()
    batch = collate([picture(i) for i in range(4)])
    optimizer = torch.optim.AdamW(detector.parameters(), 3e-3)
    for _ in range(60):
        optimizer.zero_grad()
        torch.stack(list(detector.losses(batch).values())).sum().backward()
        optimizer.step()
    detector.eval()
    for prediction, target in zip(detector.predict(batch), batch.frame_targets(), strict=True):
        for label in (2, 3):
            wanted = target.boxes[target.labels == label]
            found = prediction.boxes[prediction.labels == label][: len(wanted)]
            assert box_iou(wanted, found).amax(1).min() > 0.75


def test_checkpoint_loads_alone(tmp_path: Path) -> None:
    detector = light(
        optimizer=functools.partial(torch.optim.SGD, lr=1e-4),
        nms_iou={"building": 0.45, "window": 0.1, "door": 0.1},
    )
    detector.operating_point = {"window": 0.4}
    trainer = lightning.Trainer(
        max_steps=1, accelerator="cpu", logger=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=tmp_path, enable_checkpointing=False,
    )  # fmt: skip
    loader = DataLoader([picture(0), picture(1)], batch_size=2, collate_fn=collate)
    trainer.fit(detector, loader)
    path = tmp_path / "last.ckpt"
    trainer.save_checkpoint(path)
    loaded = SSD300.load_from_checkpoint(path, weights_only=True)
    assert loaded.classes == detector.classes
    assert loaded.operating_point == {"window": 0.4}
    assert loaded.nms_iou == (0.45, 0.1, 0.1)
    for key, tensor in detector.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], tensor), key


def test_weight_sources_are_not_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    read: list[str] = []
    monkeypatch.setattr(
        "detectors.ssd300.module.load_detector_weights", lambda _, source, __: read.append(source)
    )
    monkeypatch.setattr(
        "detectors.ssd300.module.load_vgg_weights", lambda _, source: read.append(source)
    )
    detector = SSD300(["person"], weights="ssd.pth", trunk_weights="vgg.pth")
    assert read == ["vgg.pth", "ssd.pth"]
    assert detector.hparams["weights"] is None
    assert detector.hparams["trunk_weights"] is None
    assert detector.hparams_initial["weights"] == "ssd.pth"  # what the loggers show


def test_biases_learn_twice_as_fast_and_every_parameter_is_in_one_group() -> None:
    detector = light(
        optimizer=functools.partial(torch.optim.SGD, lr=1e-3, momentum=0.9, weight_decay=5e-4),
        parameter_groups=[{"pattern": r"\.bias$", "lr_scale": 2.0}],
    )
    biases, rest = detector.configure_optimizers().param_groups
    assert biases["lr"] == pytest.approx(2 * rest["lr"])
    members = [id(p) for group in (biases, rest) for p in group["params"]]
    assert sorted(members) == sorted(id(p) for p in detector.parameters())


def test_coverage_names_the_classes_it_saw() -> None:
    detector = light()
    boxes = torch.tensor([[0.0, 0, 1000, 500], [100, 100, 104, 400], [10, 10, 12, 12]])
    sizes = torch.tensor([[500, 1000], [500, 1000], [500, 1000]])
    coverage = detector.coverage(boxes, torch.tensor([1, 3, 3]), sizes)
    assert coverage["prior_recall_50/building"] == 1
    assert coverage["prior_recall_50/door"] == 0
    assert coverage["prior_recall_50"] == pytest.approx(1 / 3)
    assert "prior_recall_50/window" not in coverage
    assert detector.coverage(boxes[:0], torch.zeros(0).long(), sizes[:0]) == {}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"nms_iou": {"window": 0.1}},
            r"each class once: expected \['building', 'door', 'window'\]",
        ),
        ({"trainable_backbone_layers": 3}, "cannot freeze timm's lcnet_050"),
        ({"nms_iou": 3}, "nms_iou must be from 0 to 1, got .*'window': 3"),
        ({"score_threshold": 2}, "score_threshold in 0..1, got 400, 200 and 2"),
        ({"candidates_per_class": 0}, "candidates_per_class >= 1"),
        ({"max_detections": -1}, "max_detections >= 1"),
    ],
)
def test_bad_options_are_named(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        light(**options)


def test_trunk_arguments_are_for_timm() -> None:
    with pytest.raises(ValueError, match="trunk 'vgg16' takes none"):
        SSD300(NAMES, trunk_arguments={"channels": [1]})
