"""TransVOD Lite as a detector: contract, clips in batches, targets, weights, refusals."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from detectors.checks import check_detector
from detectors.transvod_lite.module import TransVODLite
from structures import Batch, Target, collate

Build = Callable[..., TransVODLite]
NAMES = ["drifting", "swinging", "pulsing"]


def moving(frames: int, size: tuple[int, int], first_id: int = 1) -> tuple[torch.Tensor, list[Any]]:
    """A bright square that moves to the right over noise."""
    generator = torch.Generator().manual_seed(first_id)
    clip = torch.randint(0, 90, (frames, 3, *size), dtype=torch.uint8, generator=generator)
    targets = []
    for t in range(frames):
        x = 6 + 3 * t
        clip[t, :, 20:44, x : x + 24] = 230
        box = torch.tensor([[x, 20, x + 24, 44]]).float()
        targets.append(Target(box, torch.tensor([1]), first_id + t, time=0.5 * t))
    return clip, targets


@pytest.mark.parametrize(
    "options",
    [
        {"keep": []},
        {"freeze_single_frame": False},
        {"freeze_single_frame": True},
    ],
    ids=["image detector", "end to end", "single-frame stage frozen"],
)
def test_keeps_the_contract_of_every_detector(small_detector: Build, options: dict) -> None:
    optimizer = partial(torch.optim.AdamW, lr=2e-4)
    check_detector(small_detector(optimizer=optimizer, **{"keep": [12, 8, 5], **options}))


@pytest.mark.parametrize("keep", [[], [6, 4]])
def test_a_clip_gives_the_same_in_any_batch(small_detector: Build, keep: list[int]) -> None:
    detector = small_detector(keep=keep).eval()
    samples = [moving(3, (64, 90)), moving(1, (96, 64), 10), moving(2, (75, 75), 20)]
    together = detector.predict(collate(samples))
    assert [p.image_id for p in together] == [1, 2, 3, 10, 20, 21]
    alone = [p for sample in samples for p in detector.predict(collate([sample]))]
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one.scores, other.scores, atol=1e-5, rtol=0)
        torch.testing.assert_close(one.boxes, other.boxes, atol=1e-3, rtol=0)


def test_frames_tell_each_other_only_in_the_temporal_stage(small_detector: Build) -> None:
    clip, targets = moving(3, (64, 64))
    for keep, same in (([], True), ([6, 4], False)):
        detector = small_detector(keep=keep).eval()
        in_clip = detector.predict(Batch([clip], [targets]))[0]
        alone = detector.predict(Batch([clip[:1]], [targets[:1]]))[0]
        agree = torch.allclose(in_clip.scores, alone.scores, atol=1e-5)
        assert agree is same, keep


def test_times_of_targets_reach_the_network(small_detector: Build) -> None:
    detector = small_detector(keep=[6, 4], cadence=0.5).eval()
    clip, targets = moving(3, (64, 64))
    plain = detector.predict(Batch([clip], [targets]))[0].scores
    for target in targets:
        target.time = None  # counted instead, which is the same at this cadence
    torch.testing.assert_close(detector.predict(Batch([clip], [targets]))[0].scores, plain)
    for t, target in enumerate(targets):
        target.time = 7.0 * t
    assert not torch.allclose(detector.predict(Batch([clip], [targets]))[0].scores, plain)


@pytest.mark.parametrize("keep", [[], [6, 4]])
def test_ignored_regions_and_crowds_ask_for_nothing(small_detector: Build, keep: list[int]) -> None:
    detector = small_detector(keep=keep).eval()
    clip, targets = moving(2, (64, 64))
    nothing = [Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), 1) for _ in targets]
    region, crowd = torch.tensor([[0.0, 0, 64, 64]]), torch.tensor([True])
    everywhere = [Target(t.boxes, t.labels, 1, iscrowd=crowd, ignore=region) for t in targets]
    with torch.no_grad():
        spared = detector.losses(Batch([clip], [everywhere]))
        empty = detector.losses(Batch([clip], [nothing]))
    assert not any(spared.values())
    assert empty["loss_ce"] > 0


def test_both_stages_have_losses_where_both_learn(small_detector: Build) -> None:
    batch = collate([moving(2, (64, 64))])
    frozen = set(small_detector(keep=[6, 4]).losses(batch))
    both = set(small_detector(keep=[6, 4], freeze_single_frame=False).losses(batch))
    assert frozen == {f"loss_{what}{i}" for what in ("ce", "bbox", "giou") for i in ("", "_0")}
    assert both - frozen == {f"single_frame_{name}" for name in frozen}


def test_a_frozen_stage_stays_in_eval_mode_and_gets_no_gradient(small_detector: Build) -> None:
    detector = small_detector(keep=[6, 4], parameter_groups=[{"pattern": r"backbone\."}])
    detector.train()
    assert not detector.network.single_frame.training
    torch.stack(list(detector.losses(collate([moving(2, (64, 64))])).values())).sum().backward()
    assert all(p.grad is None for p in detector.network.single_frame.parameters())


def test_released_weights_are_taken_over_by_class_name(
    small_detector: Build, golden: dict[str, Any], tmp_path: Path
) -> None:
    config = golden["model_A"]["config"]
    file = tmp_path / "released.pth"
    args = argparse.Namespace(lr=2e-4)
    torch.save({"model": golden["model_A"]["state_dict"], "args": args}, file)
    swin, model = config["swin"], config["model"]
    detector = TransVODLite(
        ["zebra", "jet", "airplane"],
        weights=str(file),
        network={
            "backbone": "swin",
            "backbone_arguments": {
                "embed": swin["embed_dim"],
                "depths": swin["depths"],
                "heads": swin["num_heads"],
                "drop_path": 0.0,
            },
            "d_model": model["hidden_dim"],
            "heads": model["nheads"],
            "feedforward": model["dim_feedforward"],
            "encoder_layers": model["enc_layers"],
            "decoder_layers": model["dec_layers"],
        },
    )
    rows = golden["model_A"]["state_dict"]["temp_class_embed_list.2.weight"]
    assert detector.network.temporal is not None
    ours = detector.network.temporal.steps()[-1].class_head.weight
    assert torch.equal(ours[2], rows[1])
    assert not torch.equal(ours[1], rows[1])
    assert detector.imported_classes == ["zebra", "airplane"]
    assert detector.hparams["weights"] is None  # a checkpoint asks for the file no more


def test_weights_of_another_backbone_are_refused(
    small_detector: Build, golden: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "released.pth"
    torch.save({"model": golden["model_A"]["state_dict"]}, file)
    with pytest.raises(ValueError, match=r"released\.pth does not fit.*(?s:.*)backbone and sizes"):
        small_detector(weights=str(file))
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pth"):
        small_detector(weights=str(tmp_path / "nowhere.pth"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"short_side": 0}, "short_side"),
        ({"short_side": 100, "long_side": 90}, "long_side"),
        ({"cadence": 0.0}, "cadence"),
        ({"keap": [3]}, "did you mean 'keep'"),
        ({"keep": [30]}, "keep"),
        ({"class_count": 4}, "no setting 'class_count'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    small_detector: Build, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        small_detector(**options)


def test_the_export_is_told_why_there_is_no_graph(small_detector: Build) -> None:
    with pytest.raises(NotImplementedError, match="clips"):
        small_detector().detection_graph()


def test_titles_tell_the_stages_apart(small_detector: Build) -> None:
    assert small_detector(keep=[6]).title == "TransVOD Lite (swin)"
    assert small_detector(keep=[]).title == "TransVOD Lite (swin, single frames)"
