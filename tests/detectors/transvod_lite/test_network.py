from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from detectors.transvod_lite.network import TransVODLiteNetwork

Build = Callable[..., TransVODLiteNetwork]


def clip(frames: int, height: int, width: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, frames, 3, height, width, generator=generator)


def padded(clips: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Clips [1, T, 3, H, W] of any size and length as frames, padding and frame_absent."""
    longest, height, width = (max(c.shape[i] for c in clips) for i in (1, 3, 4))
    frames = torch.zeros(len(clips), longest, 3, height, width)
    padding = torch.ones(len(clips), longest, height, width, dtype=torch.bool)
    absent = torch.ones(len(clips), longest, dtype=torch.bool)
    for b, each in enumerate(clips):
        _, t, _, h, w = each.shape
        frames[b, :t, :, :h, :w] = each[0]
        padding[b, :t, :h, :w] = False
        absent[b, :t] = False
    return frames, padding, absent


@pytest.mark.parametrize("settings", [{}, {"levels": "multi", "temporal_encoder_layers": 1}])
def test_a_clip_gives_the_same_in_any_batch(small_network: Build, settings: dict[str, Any]) -> None:
    network = small_network(motion_attention=True, **settings)
    clips = [clip(3, 61, 90), clip(2, 96, 64, 1), clip(1, 75, 75, 2)]
    with torch.no_grad():
        together = network(*padded(clips))
        for b, each in enumerate(clips):
            alone, frames = network(each), each.shape[1]
            rows = zip(
                [*together.auxiliary, together[:2]], [*alone.auxiliary, alone[:2]], strict=True
            )
            for (logits, boxes), (own_logits, own_boxes) in rows:
                torch.testing.assert_close(logits[b, :frames], own_logits[0], atol=1e-5, rtol=1e-5)
                torch.testing.assert_close(boxes[b, :frames], own_boxes[0], atol=1e-5, rtol=1e-5)


def test_permuted_frames_give_permuted_outputs_without_time_embedding(
    small_network: Build,
) -> None:
    order = torch.tensor([2, 0, 3, 1])
    frames = clip(4, 64, 72)
    for timed in (False, True):
        network = small_network(
            time_embedding=timed, motion_attention=True, temporal_encoder_layers=1
        )
        with torch.no_grad():
            plain, permuted = network(frames), network(frames[:, order])
        equal = torch.allclose(permuted.logits, plain.logits[:, order], atol=1e-5, rtol=1e-5)
        assert equal is not timed


def test_times_count_relative_to_the_last_frame(small_network: Build) -> None:
    network, frames = small_network(), clip(3, 64, 64)
    with torch.no_grad():
        by_index = network(frames)
        later = network(frames, times=torch.tensor([[7.0, 8, 9]]))
        sparser = network(frames, times=torch.tensor([[7.0, 9, 11]]))
    torch.testing.assert_close(later.logits, by_index.logits)
    assert not torch.allclose(sparser.logits, by_index.logits, atol=1e-4)


def test_frames_of_other_clips_and_absent_frames_are_not_seen(small_network: Build) -> None:
    network = small_network()
    frames, padding, absent = padded([clip(3, 64, 64), clip(2, 64, 64, 1)])
    changed = frames.clone()
    changed[0] += 1
    changed[1, 2] = 5.0
    with torch.no_grad():
        before = network(frames, padding, absent)
        after = network(changed, padding, absent)
    torch.testing.assert_close(after.logits[1, :2], before.logits[1, :2])
    assert not torch.allclose(after.logits[0], before.logits[0], atol=1e-3)
    assert before.logits.isfinite().all()


def test_outputs_are_named_by_rounds_or_by_decoder_layers(small_network: Build) -> None:
    frames = clip(2, 64, 64)
    with torch.no_grad():
        rounds = small_network(keep=[6, 4, 1])(frames)
        layers = small_network(keep=[])(frames)
    assert rounds.logits.shape == (1, 2, 1, 3)
    assert [tuple(b.shape) for _, b in rounds.auxiliary] == [(1, 2, 6, 4), (1, 2, 4, 4)]
    assert layers.boxes.shape == (1, 2, 10, 4)
    assert len(layers.auxiliary) == 1


def test_one_class_and_one_query_do_not_crash(small_network: Build) -> None:
    with torch.no_grad():
        output = small_network(1, queries=1, keep=[1, 1])(clip(1, 40, 40))
    assert output.logits.shape == (1, 1, 1, 1)


@pytest.mark.parametrize("keep", [[11], [4, 6], [4, 0]])
def test_impossible_numbers_of_queries_are_refused(small_network: Build, keep: list[int]) -> None:
    with pytest.raises(ValueError, match="keep: each round keeps"):
        small_network(keep=keep)


@pytest.mark.parametrize("keep", [4, None, [4.5], [True], "44"])
def test_numbers_of_queries_are_a_list_of_whole_numbers(small_network: Build, keep: Any) -> None:
    with pytest.raises(ValueError, match="keep: must be a list of whole numbers"):
        small_network(keep=keep)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"d_model": 40}, "multiple of 32"),
        ({"levels": "all"}, "'sum' or 'multi'"),
        ({"decoder_layers": 0}, "at least 1"),
        ({"dropout": 1.5}, "dropout in 0..1"),
    ],
)
def test_impossible_sizes_are_refused(
    small_network: Build, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        small_network(**settings)


def test_refined_references_start_from_the_boxes_of_the_round_before(
    small_network: Build,
) -> None:
    frames = clip(2, 64, 64)
    given: list[Tensor] = []
    for refine in (False, True):
        network = small_network(keep=[10, 10], refine_references=refine)
        given.clear()
        assert network.temporal is not None
        for step in network.temporal.rounds:
            step.register_forward_pre_hook(lambda _, args: given.append(args[1]))
        with torch.no_grad():
            first = network(frames).auxiliary[0][1]
        known = given[0] if not refine else first
        assert torch.equal(given[1].flatten(2).sort().values, known.flatten(2).sort().values)


def test_warm_started_rounds_have_the_last_layers_heads(small_network: Build) -> None:
    network = small_network()
    network.warm_start_temporal_heads()
    assert network.temporal is not None
    decoder = network.single_frame.decoder
    for step in network.temporal.steps():
        for head, last in (
            (step.class_head, decoder.class_heads[-1]),
            (step.box_head, decoder.box_heads[-1]),
        ):
            pairs = zip(head.parameters(), last.parameters(), strict=True)
            assert all(torch.equal(a, b) and a is not b for a, b in pairs)
    with pytest.raises(ValueError, match="no temporal stage"):
        small_network(keep=[]).warm_start_temporal_heads()


def test_a_frozen_stage_neither_learns_nor_drops(small_network: Build) -> None:
    network = small_network(dropout=0.5).train()
    network.freeze_single_frame_stage()
    network.train()
    frames = clip(2, 64, 64)
    states: list[Tensor] = []
    network.single_frame.register_forward_hook(lambda *call: states.append(call[2][0].queries))
    outputs = [network(frames).logits for _ in range(2)]
    assert torch.equal(states[0], states[1])
    assert not torch.equal(outputs[0], outputs[1])
    assert not states[0].requires_grad
    outputs[0].sum().backward()
    learning = {name for name, p in network.named_parameters() if p.grad is not None}
    assert learning
    assert all(name.startswith("temporal.") for name in learning)


def test_every_parameter_learns_end_to_end(small_network: Build) -> None:
    network = small_network(
        levels="multi",
        motion_attention=True,
        temporal_encoder_layers=1,
        refine_references=True,
        gradient_checkpointing=True,
    ).train()
    output = network(*padded([clip(2, 64, 48), clip(1, 40, 64)]))
    parts = [*output.auxiliary, output[:2]]
    torch.stack([logits.sum() + boxes.square().sum() for logits, boxes in parts]).sum().backward()
    idle = {name for name, p in network.named_parameters() if p.grad is None}
    # The temporal stage starts from the last layer's queries: its heads say nothing there.
    assert {name.split(".")[2] for name in idle} == {"class_heads", "box_heads"}


def test_half_precision_keeps_boxes_and_logits_close(small_network: Build) -> None:
    network, frames = small_network(keep=[]), clip(1, 64, 64)
    with torch.no_grad():
        exact = network(frames)
        with torch.autocast("cpu", torch.bfloat16):
            half = network(frames)
    assert half.boxes.dtype == torch.float32
    torch.testing.assert_close(half.boxes, exact.boxes, atol=0.05, rtol=0)


@pytest.mark.slow
def test_encoder_decoder_and_temporal_stage_compile_in_one_piece(small_network: Build) -> None:
    network = small_network()
    frames = clip(2, 64, 72)
    with torch.no_grad():
        maps, paddings = network.single_frame.levels_of(frames[0])
        state, _ = network.single_frame.from_levels(maps, paddings)
        times = torch.tensor([[0.0, 1]])
        assert network.temporal is not None
        expected = network.temporal(state, times)[-1].logits

        def whole(maps: list[Tensor], paddings: list[Tensor], times: Tensor) -> Tensor:
            state, _ = network.single_frame.from_levels(maps, paddings)
            assert network.temporal is not None
            return network.temporal(state, times)[-1].logits

        compiled = torch.compile(whole, fullgraph=True, backend="eager")
        torch.testing.assert_close(compiled(maps, paddings, times), expected)
        backbone = torch.compile(network.single_frame.backbone, fullgraph=True, backend="eager")
        assert len(backbone(frames[0])) == 3


def test_kept_values_stand_for_the_memory(small_network: Build) -> None:
    network, frames = small_network(), clip(3, 64, 64)
    assert network.temporal is not None
    with torch.no_grad():
        state, _ = network.single_frame(frames[0])
        kept = network.temporal.with_values(state)
        got = network.temporal(kept, torch.arange(3.0)[None])[-1]
        expected = network(frames)
    assert kept.memory.numel() == 0
    torch.testing.assert_close(got.logits, expected.logits)
    torch.testing.assert_close(got.boxes, expected.boxes)
