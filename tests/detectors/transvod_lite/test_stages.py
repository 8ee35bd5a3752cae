"""What passes between the parts of the network, against the reference's own tensors."""

from __future__ import annotations

from typing import Any

import torch

Traced = tuple[dict[str, Any], dict[str, list[Any]]]


def assert_golden(got: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)


def test_golden_pyramid(traced: Traced) -> None:
    expected, seen = traced
    merged = seen["in:single_frame.pyramid.projections.0"][0][0]
    assert_golden(merged, expected["inter"]["backbone_feat"])
    if "fpn_out" in expected["inter"]:
        for name, level in seen["single_frame.pyramid.fpn"][0].items():
            assert_golden(level, expected["inter"]["fpn_out"][name])
        assert_golden(seen["single_frame.pyramid.projections.0"][0], expected["inter"]["proj0"])


def test_golden_mask_and_position(traced: Traced) -> None:
    expected, seen = traced
    _, position, _, shapes, padding = seen["in:single_frame.encoder"][0]
    mask = expected["inter"]["backbone_mask"]
    assert torch.equal(padding.view(-1, *shapes[0]), mask)
    if "pos" in expected["inter"]:
        plain = position[1:3] - position[1:3].mean((0, 1))
        wanted = expected["inter"]["pos"].flatten(2).transpose(1, 2)
        assert_golden(plain, wanted - wanted.mean((0, 1)))


def test_golden_encoder(traced: Traced) -> None:
    expected, seen = traced
    if "encoder_layer0" in expected["inter"]:
        assert_golden(seen["single_frame.encoder.layers.0"][0], expected["inter"]["encoder_layer0"])
    assert_golden(seen["single_frame.encoder"][0], expected["inter"]["encoder_memory"])


def test_golden_decoder(traced: Traced) -> None:
    expected, seen = traced
    layers = seen["single_frame.decoder"][0]
    wanted = expected["inter"]["decoder_out"]
    assert_golden(torch.stack([layer.queries for layer in layers]), wanted["hs"])
    assert_golden(torch.stack([layer.boxes for layer in layers]), wanted["inter_references"])


def test_golden_rounds(traced: Traced) -> None:
    expected, seen = traced
    for index in range(3):
        room, wanted = f"temporal.rounds.{index}", expected["inter"]
        number = index + 1
        assert_golden(seen[f"in:{room}.query_encoder"][0][0], wanted[f"tqe{number}_in"])
        assert_golden(seen[f"{room}.query_encoder"][0], wanted[f"tqe{number}_out"])
        references = seen[f"in:{room}"][0][1].flatten(0, 1)
        assert_golden(references, wanted[f"tdtd{number}_ref_in"])
        assert_golden(references, wanted[f"tdtd{number}_ref_out"])
        assert_golden(seen[f"{room}.decoder_layer"][0], wanted[f"tdtd{number}_out"])


def test_golden_selection(traced: Traced) -> None:
    from detectors.transvod_lite.query_selection import select_queries

    expected, seen = traced
    candidates = [seen["single_frame"][0][0].logits]
    candidates += [seen[f"temporal.rounds.{i}"][0].logits.flatten(0, 1) for i in range(2)]
    for logits, wanted in zip(candidates, expected["shqm"], strict=True):
        assert_golden(logits.amax(-1).sigmoid(), wanted["scores"])
        numbers = torch.arange(logits.shape[1]).expand(len(logits), -1)[..., None]
        chosen, _ = select_queries(numbers, numbers, logits, wanted["k"])
        assert torch.equal(chosen[..., 0], wanted["indices"])
