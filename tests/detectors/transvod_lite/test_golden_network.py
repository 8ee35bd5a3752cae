"""The whole network against the reference: outputs, losses, gradients, size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from detectors.transvod_lite.loss import SetCriterion
from detectors.transvod_lite.network import DetectionOutput, TransVODLiteNetwork
from detectors.transvod_lite.reference_names import our_key

DEAD_PARAMETERS = 140_579  # two heads of the reference that nothing calls
MODELS = ["model_A", "model_B"]

Build = Callable[..., TransVODLiteNetwork]


def assert_outputs(
    output: DetectionOutput, expected: dict[str, Any], atol: float, rtol: float
) -> None:
    pairs = [*output.auxiliary, output[:2]]
    wanted = [*expected.get("aux_outputs", [])[: len(pairs) - 1], expected]
    for (logits, boxes), entry in zip(pairs[-len(wanted) :], wanted, strict=True):
        torch.testing.assert_close(logits[0], entry["pred_logits"], atol=atol, rtol=rtol)
        torch.testing.assert_close(boxes[0], entry["pred_boxes"], atol=atol, rtol=rtol)


@pytest.mark.parametrize("multi", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_golden_outputs(
    golden: dict[str, Any], golden_network: Build, golden_clip: Any, name: str, multi: bool
) -> None:
    network, (frames, padding) = golden_network(name, multi), golden_clip(name)
    stored = "multi" if multi else "single"
    with torch.no_grad():
        single = network(frames, padding)
        double = network.double()(frames.double(), padding)
    assert_outputs(single, golden[name][stored]["outputs"], 1e-4, 1e-4)
    assert_outputs(double, golden[name][f"{stored}_fp64"]["outputs"], 1e-10, 0)


@pytest.mark.parametrize("multi", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_golden_losses_and_gradients(
    golden: dict[str, Any], golden_network: Build, golden_clip: Any, name: str, multi: bool
) -> None:
    network, entry = golden_network(name, multi), golden[name]["multi" if multi else "single"]
    if multi:
        network.freeze_single_frame_stage()
    logits, boxes, auxiliary, _ = network(*golden_clip(name))
    outputs = [(a.flatten(0, 1), b.flatten(0, 1)) for a, b in [*auxiliary, (logits, boxes)]]
    targets = golden[name]["targets"]
    losses = SetCriterion().eval()(
        outputs, [t["labels"] for t in targets], [t["boxes"] for t in targets]
    )
    total = torch.stack(list(losses.values())).sum()
    assert total.item() == pytest.approx(entry["loss_total"], rel=1e-5)
    total.backward()
    ours = dict(network.named_parameters())
    learning = {key for key, parameter in ours.items() if parameter.grad is not None}
    seen = set()
    for name_there, norm in entry["grad_norms"].items():
        key = our_key(name_there.replace("transformer.decoder.bbox_embed", "bbox_embed"))
        assert key is not None
        seen.add(key)
        assert ours[key].grad.norm().item() == pytest.approx(norm, rel=1e-3, abs=1e-5), key  # type: ignore[union-attr]
    for name_there, gradient in entry["grads"].items():
        key = our_key(name_there.replace("transformer.decoder.bbox_embed", "bbox_embed"))
        bound = 1e-3 * gradient.abs().max().item()
        torch.testing.assert_close(ours[str(key)].grad, gradient, atol=bound, rtol=0)
    assert learning == seen


@pytest.mark.parametrize(
    ("backbone", "multi", "single"),
    [
        ("swin_t", 46_935_802, 40_373_582),
        ("swin_s", 68_253_706, 61_691_486),
        ("swin_b", 106_274_744, 99_712_524),
    ],
)
def test_as_many_parameters_as_the_published_networks(
    backbone: str, multi: int, single: int
) -> None:
    with torch.device("meta"):
        whole = TransVODLiteNetwork(31, backbone, time_embedding=False)
        alone = TransVODLiteNetwork(31, backbone, keep=())
    assert sum(p.numel() for p in whole.parameters()) + DEAD_PARAMETERS == multi
    assert sum(p.numel() for p in alone.parameters()) == single
