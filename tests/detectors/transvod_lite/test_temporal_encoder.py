from __future__ import annotations

import torch
from torch import Tensor

from detectors.transvod_lite.layer_sizes import LayerSizes
from detectors.transvod_lite.positions import token_centres
from detectors.transvod_lite.temporal_encoder import TemporalEncoder

SHAPES = [(5, 6), (3, 3)]
TOKENS = 39


def awake_encoder() -> TemporalEncoder:
    torch.manual_seed(0)
    encoder = TemporalEncoder(LayerSizes(32, 4, 2, 16, 0.0, levels=2), 2).eval()
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return encoder


def run(
    encoder: TemporalEncoder, memory: Tensor, times: Tensor, absent: Tensor | None = None
) -> Tensor:
    clips, frames = times.shape
    centres = token_centres(SHAPES, torch.ones(clips * frames, 2, 2)).unflatten(0, times.shape)
    padding = torch.zeros(clips, frames, TOKENS, dtype=torch.bool)
    with torch.no_grad():
        return encoder(memory, centres, SHAPES, padding, times, absent)


def test_before_training_memory_passes_unchanged() -> None:
    encoder = TemporalEncoder(LayerSizes(32, 4, 2, 16, 0.0, levels=2), 2).eval()
    memory = torch.randn(2, 3, TOKENS, 32)
    assert torch.equal(run(encoder, memory, torch.arange(3.0).expand(2, 3)), memory)


def test_every_frame_sees_every_present_frame_of_its_clip_and_no_other() -> None:
    encoder, times = awake_encoder(), torch.arange(3.0).expand(2, 3)
    memory = torch.randn(2, 3, TOKENS, 32)
    changed = memory.clone()
    changed[0, 2] += torch.randn(TOKENS, 32)
    moved = (run(encoder, changed, times) - run(encoder, memory, times)).abs().amax((2, 3))
    assert (moved[0] > 1e-3).all()
    assert moved[1].max() < 1e-6
    absent = torch.tensor([[False, False, True], [False, False, False]])
    hidden = run(encoder, changed, times, absent) - run(encoder, memory, times, absent)
    assert hidden[0, :2].abs().max() < 1e-6


def test_an_absent_frame_is_as_none() -> None:
    encoder, memory = awake_encoder(), torch.randn(1, 3, TOKENS, 32)
    times = torch.tensor([[0.0, 1, 2]])
    absent = torch.tensor([[False, False, True]])
    expected = run(encoder, memory[:, :2], times[:, :2])
    torch.testing.assert_close(run(encoder, memory, times, absent)[:, :2], expected)


def test_order_counts_only_through_times() -> None:
    encoder, memory = awake_encoder(), torch.randn(1, 3, TOKENS, 32)
    order = torch.tensor([2, 0, 1])
    times = torch.tensor([[0.0, 1, 2]])
    plain = run(encoder, memory, times)
    torch.testing.assert_close(run(encoder, memory[:, order], times[:, order]), plain[:, order])
    assert not torch.allclose(run(encoder, memory[:, order], times), plain[:, order], atol=1e-3)
