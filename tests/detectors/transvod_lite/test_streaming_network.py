"""Causal detection of a stream against the same network on the whole window, at every frame."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from detectors.transvod_lite.network import TransVODLiteNetwork
from detectors.transvod_lite.streaming_network import StreamingNetwork

Build = Callable[..., TransVODLiteNetwork]


def video(frames: int, height: int = 32, width: int = 40, seed: int = 0) -> Tensor:
    return torch.randn(frames, 3, height, width, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def offline(
    network: TransVODLiteNetwork, frames: Tensor, times: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """What the network says of the last frame of a clip [T, 3, H, W]."""
    output = network(frames[None], times=None if times is None else times[None])
    return output.logits[0, -1], output.boxes[0, -1]


def assert_same(streamed: tuple[Tensor, Tensor], expected: tuple[Tensor, Tensor]) -> None:
    for ours, theirs in zip(streamed, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def test_200_frames_equal_the_network_on_each_window(small_network: Build) -> None:
    network, frames, window = small_network(motion_attention=True), video(200), 5
    stream = StreamingNetwork(network, window)
    for t in range(200):
        clip = frames[max(0, t - window + 1) : t + 1]
        assert_same(stream.detect(frames[t]), offline(network, clip))


@pytest.mark.parametrize(
    "settings",
    [
        {"levels": "multi"},
        {"temporal_encoder_layers": 1},
        {"refine_references": True},
        {"time_embedding": False, "keep": [10]},
    ],
)
def test_every_kind_of_network_streams_exactly(
    small_network: Build, settings: dict[str, Any]
) -> None:
    network, frames = small_network(**settings), video(7)
    stream = StreamingNetwork(network, 3)
    for t in range(7):
        assert_same(stream.detect(frames[t]), offline(network, frames[max(0, t - 2) : t + 1]))


def test_frames_outside_of_the_window_do_not_count_and_those_inside_do(
    small_network: Build,
) -> None:
    network, frames = small_network(), video(6)

    def last(changed: int) -> Tensor:
        stream, given = StreamingNetwork(network, 3), frames.clone()
        given[changed] += 1
        return [stream.detect(frame)[0] for frame in given][-1]

    assert torch.equal(last(0), last(2))
    assert not torch.allclose(last(0), last(3), atol=1e-4)


def test_times_with_gaps_far_from_zero(small_network: Build) -> None:
    network, frames = small_network(), video(4)
    times = torch.tensor([0.0, 1, 4, 4.5])
    for start in (0.0, 1e9):
        stream = StreamingNetwork(network, 3)
        for t in range(4):
            window = slice(max(0, t - 2), t + 1)
            streamed = stream.detect(frames[t], start + times[t].item())
            assert_same(streamed, offline(network, frames[window], times[window]))
    with pytest.raises(ValueError, match=r"time 1e\+09 of a frame is not after 1e\+09"):
        stream.detect(frames[0], 1e9)


def test_reset_and_another_size_start_a_new_clip(
    small_network: Build, caplog: pytest.LogCaptureFixture
) -> None:
    network, frames, wider = small_network(), video(3), video(3, 32, 56)
    stream = StreamingNetwork(network, 3)
    stream.detect(frames[0])
    stream.reset()
    assert_same(stream.detect(frames[1]), offline(network, frames[1:2]))
    assert not caplog.records
    with caplog.at_level(logging.INFO, "detectors.transvod_lite.streaming_network"):
        for t in range(3):
            assert_same(stream.detect(wider[t]), offline(network, wider[: t + 1]))
    assert [r.getMessage() for r in caplog.records] == [
        "a frame of 56x32 after frames of 40x32 (width x height): a new clip starts"
    ]


def test_one_backbone_pass_a_frame(small_network: Build) -> None:
    network, seen = small_network(), []
    stream = StreamingNetwork(network, 4)
    network.single_frame.backbone.register_forward_hook(
        lambda module, given, result: seen.append(given[0].shape[0])
    )
    for frame in video(9):
        stream.detect(frame)
    assert seen == [1] * 9


def tensor_bytes() -> int:
    """Memory of all tensors that live, each block counted once."""
    gc.collect()
    blocks = {
        tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
        for tensor in gc.get_objects()
        if type(tensor) in (Tensor, torch.nn.Parameter)
    }
    return sum(blocks.values())


@pytest.mark.slow
def test_memory_is_flat_over_5000_frames(small_network: Build) -> None:
    network = small_network(decoder_layers=1, queries=4, keep=[2], feedforward=8)
    stream, frames = StreamingNetwork(network, 3), video(7, 16, 16)
    tensors, objects = [], []
    for t in range(5_000):
        stream.detect(frames[t % len(frames)])
        if t in (500, 2_500, 4_999):
            tensors.append(tensor_bytes())
            objects.append(sys.getallocatedblocks())
    assert tensors[0] == tensors[1] == tensors[2]
    assert objects[2] - objects[1] < 500  # Python's own, over 2,499 frames


def test_the_temporal_stage_asked_for_one_frame_gives_that_one_of_all(small_network: Build) -> None:
    network, frames = small_network(), video(6)
    assert network.temporal is not None
    with torch.no_grad():
        state, _ = network.single_frame(frames)
        times = torch.tensor([[0.0, 1, 2], [0, 2, 5]])
        absent = torch.tensor([[False, False, False], [False, False, True]])
        (*_, every), (*_, one) = (network.temporal(state, times, absent, only=f) for f in (None, 1))
    for whole, part in zip(every, one, strict=True):
        torch.testing.assert_close(part, whole[:, 1:2], atol=1e-5, rtol=0)


def test_wrong_use_is_refused(small_network: Build) -> None:
    network = small_network()
    with pytest.raises(ValueError, match="window must be at least 1 frame, got 0"):
        StreamingNetwork(network, 0)
    with pytest.raises(ValueError, match="sees each frame alone"):
        StreamingNetwork(small_network(keep=[]), 3)
    with pytest.raises(ValueError, match="eval mode"):
        StreamingNetwork(network.train(), 3)
