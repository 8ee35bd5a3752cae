"""The criterion against the golden tensors, and what it does with absent frames and regions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed
import torch.multiprocessing
from torch import Tensor

from detectors.transvod_lite.loss import SetCriterion
from detectors.transvod_lite.matching import Output

NO_BOXES, NO_LABELS = torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64)


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = torch.load(
        shared / "golden" / "transvod_lite.pt", weights_only=True, mmap=True
    )
    return loaded


def outputs_of(entry: dict[str, Any], auxiliary: str = "aux_outputs") -> list[Output]:
    parts = [*entry.get(auxiliary, []), entry]
    return [(part["pred_logits"], part["pred_boxes"]) for part in parts]


def truth_of(targets: list[dict[str, Tensor]]) -> tuple[list[Tensor], list[Tensor]]:
    return [target["labels"] for target in targets], [target["boxes"] for target in targets]


def assert_golden(losses: dict[str, Tensor], entry: dict[str, Any]) -> None:
    named = {name: value for name, value in entry["losses"].items() if name.startswith("loss_")}
    assert set(losses) == set(named)
    for name, value in named.items():
        weighted = value * entry["weight_dict"][name]
        assert losses[name].item() == pytest.approx(weighted, rel=1e-5), name
    assert torch.stack(list(losses.values())).sum().item() == pytest.approx(
        entry["loss_total"], rel=1e-5
    )


def example(seed: int = 0) -> tuple[Output, list[Tensor], list[Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(3, 6, 4, generator=generator)
    boxes = torch.rand(3, 6, 4, generator=generator) * 0.3 + 0.2
    wanted = [torch.rand(n, 4, generator=generator) * 0.3 + 0.2 for n in (2, 1, 0)]
    return (logits, boxes), [torch.tensor([3, 0]), torch.tensor([1]), NO_LABELS], wanted


def test_golden_criterion_and_its_gradients(golden: dict[str, Any]) -> None:
    entry = golden["misc"]["criterion"]
    outputs = outputs_of(entry, "aux")
    logits, boxes = (part.clone().requires_grad_() for part in outputs[-1])
    losses = SetCriterion()([*outputs[:-1], (logits, boxes)], *truth_of(entry["targets"]))
    assert_golden(losses, entry)
    torch.stack(list(losses.values())).sum().backward()
    for found, expected in ((logits.grad, entry["grad_logits"]), (boxes.grad, entry["grad_boxes"])):
        torch.testing.assert_close(found, expected, atol=1e-4 * expected.abs().max(), rtol=0)


def test_golden_criterion_without_targets(golden: dict[str, Any]) -> None:
    entry = golden["misc"]["criterion_empty"]
    losses = SetCriterion()(outputs_of(entry), [NO_LABELS] * 2, [NO_BOXES] * 2)
    assert losses["loss_ce"].item() == pytest.approx(2 * entry["losses"]["loss_ce"], rel=1e-5)
    assert losses["loss_bbox"].item() == losses["loss_giou"].item() == 0


@pytest.mark.parametrize("model", ["model_A", "model_B"])
@pytest.mark.parametrize("stage", ["single", "multi"])
def test_golden_losses_of_both_stages(golden: dict[str, Any], model: str, stage: str) -> None:
    entry = golden[model][stage]
    losses = SetCriterion()(outputs_of(entry["outputs"]), *truth_of(golden[model]["targets"]))
    assert_golden(losses, entry)


@pytest.mark.parametrize("model", ["model_A", "model_B"])
def test_golden_losses_in_float64(golden: dict[str, Any], model: str) -> None:
    entry = golden[model]["multi_fp64"]
    losses = SetCriterion()(outputs_of(entry["outputs"]), *truth_of(golden[model]["targets"]))
    assert all(value.dtype == torch.float64 for value in losses.values())
    assert torch.stack(list(losses.values())).sum().item() == pytest.approx(
        entry["loss_total"], rel=1e-10
    )


def test_half_precision_outputs_give_float32_losses() -> None:
    (logits, boxes), labels, wanted = example()
    half = logits.bfloat16(), boxes.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        losses = SetCriterion()([half], labels, wanted)
    expected = SetCriterion()([(half[0].float(), half[1].float())], labels, wanted)
    for name, value in losses.items():
        assert value.dtype == torch.float32
        assert value.item() == expected[name].item()


def test_absent_frames_count_for_nothing() -> None:
    (logits, boxes), labels, wanted = example()
    whole = logits.clone().requires_grad_()
    present = torch.tensor([True, False, True])
    losses = SetCriterion()([(whole, boxes)], labels, wanted, frame_present=present)
    rest = [(logits[[0, 2]], boxes[[0, 2]])]
    expected = SetCriterion()(rest, [labels[0], labels[2]], [wanted[0], wanted[2]])
    for name, value in losses.items():
        torch.testing.assert_close(value, expected[name])
    losses["loss_ce"].backward()
    assert whole.grad is not None
    assert whole.grad[1].abs().max() == 0
    assert whole.grad[2].abs().max() > 0


def test_queries_in_an_ignored_region_are_no_false_alarms() -> None:
    (logits, _), labels, wanted = example()
    boxes = torch.full((3, 6, 4), 0.1)
    boxes[2, 4] = torch.tensor([0.9, 0.9, 0.1, 0.1])  # away from the region
    region = torch.tensor([[0.1, 0.1, 0.12, 0.2]])
    leaf = logits.clone().requires_grad_()
    ignored = [None, region, region]
    losses = SetCriterion()([(leaf, boxes)], labels, wanted, ignored)
    losses["loss_ce"].backward()
    assert leaf.grad is not None
    punished = leaf.grad.abs().amax(-1) > 0
    assert punished[0].all()
    assert punished[1].sum() == 1  # its matched query
    assert punished[2].tolist() == [False, False, False, False, True, False]


def test_ignored_regions_change_nothing_where_there_are_none() -> None:
    output, labels, wanted = example()
    plain = SetCriterion()([output], labels, wanted)
    for ignored in ([None] * 3, [NO_BOXES] * 3):
        assert SetCriterion()([output], labels, wanted, ignored) == plain


def test_a_box_half_in_the_region_is_a_false_alarm() -> None:
    logits, boxes = torch.zeros(1, 1, 2), torch.tensor([[[0.5, 0.5, 0.2, 0.2]]])
    half = torch.tensor([[0.25, 0.5, 0.5, 1.0]])
    losses = SetCriterion()([(logits, boxes)], [NO_LABELS], [NO_BOXES], [half])
    assert losses["loss_ce"] > 0


def test_more_boxes_than_queries_still_count() -> None:
    logits, boxes = torch.zeros(1, 1, 2), torch.tensor([[[0.5, 0.5, 0.2, 0.2]]])
    wanted = torch.tensor([[0.5, 0.5, 0.2, 0.2], [0.1, 0.1, 0.1, 0.1]])
    losses = SetCriterion()([(logits, boxes)], [torch.tensor([0, 1])], [wanted])
    assert losses["loss_bbox"].item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    "arguments", [{"cost": [1.0, 2.0]}, {"weight": [1.0, -2.0, 1.0]}, {"weight": []}]
)
def test_wrong_weights_are_named(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(arguments))} must be three weights"):
        SetCriterion(**arguments)


def _process(rank: int, file: str) -> None:
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    torch.distributed.init_process_group("gloo", f"file://{file}", rank=rank, world_size=2)
    (logits, boxes), labels, wanted = example()
    count = 3 if rank == 0 else 1  # boxes of the whole batch: the mean is 2
    frames = slice(0, 2) if rank == 0 else slice(1, 2)
    batch = [(logits[frames], boxes[frames])], labels[frames], wanted[frames]
    criterion = SetCriterion()
    shared_count = criterion(*batch)["loss_bbox"]
    if rank == 0:  # in eval mode nobody is waited for
        own_count = criterion.eval()(*batch)["loss_bbox"]
        assert (shared_count / own_count).item() == pytest.approx(count / 2)
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_processes_divide_by_their_mean_number_of_boxes(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(_process, (str(tmp_path / "rendezvous"),), nprocs=2)
