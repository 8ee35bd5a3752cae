from __future__ import annotations

from typing import Any

import torch

from detectors.transvod_lite.positions import (
    TimeEmbedding,
    inverse_sigmoid,
    sine_position,
    time_offsets,
    token_centres,
    valid_ratios,
)


def test_golden_position(golden: dict[str, Any]) -> None:
    entry = golden["misc"]["position"]
    got = sine_position(entry["mask"], 2 * entry["num_pos_feats"])
    torch.testing.assert_close(got, entry["pos"], atol=1e-6, rtol=0)


def test_golden_inverse_sigmoid(golden: dict[str, Any]) -> None:
    entry = golden["misc"]["inverse_sigmoid"]
    torch.testing.assert_close(inverse_sigmoid(entry["x"]), entry["y"], atol=1e-12, rtol=0)


def test_token_centres_keep_their_pixel_when_a_map_is_padded() -> None:
    alone = [torch.zeros(1, 3, 4, dtype=torch.bool)]
    padded = [torch.ones(1, 5, 8, dtype=torch.bool)]
    padded[0][:, :3, :4] = False
    centres = token_centres([(3, 4)], valid_ratios(alone))[0, :, 0] * torch.tensor([4, 3])
    among_more = token_centres([(5, 8)], valid_ratios(padded))[0, :, 0] * torch.tensor([8, 5])
    torch.testing.assert_close(among_more.view(5, 8, 2)[:3, :4], centres.view(3, 4, 2))
    torch.testing.assert_close(centres[5], torch.tensor([1.5, 1.5]))


def test_times_count_from_the_last_frame_that_is_there() -> None:
    times = torch.tensor([[10.0, 12, 14], [10, 12, 14]])
    absent = torch.tensor([[False, False, False], [False, False, True]])
    expected = torch.tensor([[-4.0, -2, 0], [-2, 0, 2]])
    assert torch.equal(time_offsets(times, absent), expected)
    assert torch.equal(time_offsets(times, None)[1], expected[0])


def test_the_time_embedding_says_nothing_before_training_and_tells_frames_apart_after() -> None:
    embedding, times = TimeEmbedding(32), torch.tensor([0.0, -1.0, -30.0])
    assert not embedding(times).any()
    torch.nn.init.eye_(embedding.project.weight)
    codes = embedding(times)
    distances = torch.cdist(codes, codes) + torch.eye(len(codes))
    assert distances.min() > 0.2
