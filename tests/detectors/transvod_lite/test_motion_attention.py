from __future__ import annotations

import math

import torch
from torch import Tensor

from detectors.transvod_lite.motion_attention import MotionAttention, differences, places

Case = tuple[MotionAttention, Tensor, Tensor, Tensor]


def case(frames: int = 4, keep: int = 3) -> Case:
    """A layer that has learnt something, queries [2, T * K, 32], boxes and times of them."""
    torch.manual_seed(0)
    layer = MotionAttention(32, 4).eval()
    torch.nn.init.xavier_uniform_(layer.project.weight)
    boxes = torch.rand(2, frames * keep, 4) * 0.4 + 0.2
    times = torch.arange(frames).float().repeat_interleave(keep).expand(2, -1)
    return layer, torch.randn(2, frames * keep, 32), boxes, times


def test_it_says_nothing_before_training() -> None:
    _, queries, boxes, times = case()
    where = places(boxes, times)
    assert not MotionAttention(32, 4)(queries, where, queries, where).any()


def test_equals_the_sum_over_pairs() -> None:
    layer, queries, boxes, times = case()
    where = places(boxes, times)
    ask, key = layer.ask(layer.norm(queries)), layer.key(layer.norm(queries))
    expected = torch.zeros_like(queries)
    for b, n in ((b, n) for b in range(2) for n in range(queries.shape[1])):
        apart = where[b] - where[b, n]
        distance = torch.hypot(apart[:, :1], apart[:, 1:2])
        pairs = layer.pair(torch.cat((apart, distance), 1).asinh()).view(-1, 4, 17)
        heads = []
        for h in range(4):
            rows = slice(8 * h, 8 * h + 8)
            likeness = key[b, :, rows] @ ask[b, n, rows] / math.sqrt(8) + pairs[:, h, 0]
            heads.append(likeness.softmax(0) @ pairs[:, h, 1:])
        expected[b, n] = layer.project(torch.cat(heads))
    found = layer(queries, where, queries, where)
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)


def test_only_differences_of_place_size_and_time_count() -> None:
    layer, queries, boxes, times = case()
    here = places(boxes, times)
    moved = boxes + torch.tensor([0.1, -0.05, 0, 0])
    larger = torch.cat((moved[..., :2], moved[..., 2:] * 1.3), -1)
    there = places(larger, times + 5)
    plain, shifted = (layer(queries, where, queries, where) for where in (here, there))
    torch.testing.assert_close(shifted, plain, atol=1e-5, rtol=1e-4)
    faster = layer(queries, here, queries, places(boxes, 2 * times))
    assert not torch.allclose(faster, plain, atol=1e-3)


def test_all_in_16_bits_it_stays_close() -> None:
    layer, queries, boxes, times = case()
    where = places(boxes, times)
    exact = layer(queries, where, queries, where)
    half = layer.bfloat16()(queries.bfloat16(), where, queries.bfloat16(), where)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), exact, atol=0.1, rtol=0)


def test_absent_frames_are_not_seen() -> None:
    layer, queries, boxes, times = case()
    where = places(boxes, times)
    absent = torch.zeros(2, 12, dtype=torch.bool)
    absent[:, 9:] = True
    masked = layer(queries, where, queries, where, absent)[:, :9]
    shorter = layer(queries[:, :9], where[:, :9], queries[:, :9], where[:, :9])
    torch.testing.assert_close(masked, shorter)


def test_some_queries_ask_as_they_would_among_all() -> None:
    layer, queries, boxes, times = case()
    where = places(boxes, times)
    some = layer(queries[:, 3:6], where[:, 3:6], queries, where)
    torch.testing.assert_close(some, layer(queries, where, queries, where)[:, 3:6])


def test_boxes_without_a_side_give_finite_differences() -> None:
    where = places(torch.tensor([[[0.5, 0.5, 0.0, 0.0], [0.5, 0.5, 1.0, 1.0]]]), torch.zeros(1, 1))
    assert differences(where, where).isfinite().all()


def test_half_precision_stays_close() -> None:
    layer, queries, boxes, times = case()
    where = places(boxes, times)
    exact = layer(queries, where, queries, where)
    with torch.autocast("cpu", torch.bfloat16):
        half = layer(queries, where, queries, where)
    torch.testing.assert_close(half.float(), exact, atol=0.05, rtol=0.05)
