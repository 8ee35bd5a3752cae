"""Matching against the golden tensors, brute force, and what it costs."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from detectors.transvod_lite.matching import (
    Output,
    Pairs,
    Truth,
    Weights,
    match,
    match_outputs,
    matching_costs,
)

WEIGHTS = Weights(2.0, 5.0, 2.0)


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = torch.load(
        shared / "golden" / "transvod_lite.pt", weights_only=True, mmap=True
    )
    return loaded


def output_of(entry: dict[str, Tensor]) -> Output:
    return entry["pred_logits"], entry["pred_boxes"]


def truth_of(targets: list[dict[str, Tensor]]) -> list[Truth]:
    return [(target["labels"], target["boxes"]) for target in targets]


def random_output(frames: int, queries: int, classes: int = 4, seed: int = 0) -> Output:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(frames, queries, classes, generator=generator)
    return logits, torch.rand(frames, queries, 4, generator=generator) * 0.4 + 0.2


def random_truth(counts: list[int], classes: int = 4, seed: int = 1) -> list[Truth]:
    generator = torch.Generator().manual_seed(seed)
    return [
        (
            torch.randint(classes, (count,), generator=generator),
            torch.rand(count, 4, generator=generator) * 0.4 + 0.2,
        )
        for count in counts
    ]


def assert_same_pairs(found: list[Pairs], expected: list[Pairs]) -> None:
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.equal(torch.stack(ours), torch.stack(theirs))


def test_golden_cost_matrix_and_pairs(golden: dict[str, Any]) -> None:
    entry = golden["misc"]["criterion"]
    logits, boxes = output_of(entry)
    # The golden columns are the targets of all frames in a row; ours are those of one frame.
    labels = torch.cat([t["labels"] for t in entry["targets"]])[None].expand(len(logits), -1)
    these = torch.cat([t["boxes"] for t in entry["targets"]])[None].expand(len(logits), -1, -1)
    costs = matching_costs(logits, boxes, labels, these, WEIGHTS)
    torch.testing.assert_close(costs, entry["cost_matrix"], atol=1e-5, rtol=1e-5)
    assert_same_pairs(match(logits, boxes, truth_of(entry["targets"]), WEIGHTS), entry["indices"])


@pytest.mark.parametrize("model", ["model_A", "model_B"])
def test_golden_pairs_of_all_rounds(golden: dict[str, Any], model: str) -> None:
    multi, targets = golden[model]["multi"], truth_of(golden[model]["targets"])
    rounds = [*multi["outputs"]["aux_outputs"], multi["outputs"]]
    found = match_outputs([output_of(entry) for entry in rounds], targets, WEIGHTS)
    for pairs, name in zip(found, ("aux0", "aux1", "final"), strict=True):
        assert_same_pairs(pairs, multi["matcher"][name])


def test_equals_brute_force() -> None:
    logits, boxes = random_output(1, 5)
    ((labels, these),) = random_truth([3])
    cost = matching_costs(logits, boxes, labels[None], these[None], WEIGHTS)[0]
    best = min(permutations(range(5), 3), key=lambda q: sum(cost[q[t], t] for t in range(3)))
    ((query, target),) = match(logits, boxes, [(labels, these)], WEIGHTS)
    assert {int(t): int(q) for q, t in zip(query, target, strict=True)} == dict(enumerate(best))


def test_outputs_matched_together_are_matched_each_on_its_own() -> None:
    outputs = [random_output(4, queries, seed=queries) for queries in (8, 5, 3)]
    truth = random_truth([2, 0, 5, 1])
    together = match_outputs(outputs, truth, WEIGHTS)
    for (logits, boxes), pairs in zip(outputs, together, strict=True):
        assert_same_pairs(pairs, match(logits, boxes, truth, WEIGHTS))


def test_a_frame_is_matched_as_if_it_were_alone() -> None:
    (logits, boxes), truth = random_output(3, 6), random_truth([4, 0, 1])
    together = match(logits, boxes, truth, WEIGHTS)
    alone = [
        match(logits[i : i + 1], boxes[i : i + 1], truth[i : i + 1], WEIGHTS)[0] for i in (0, 1, 2)
    ]
    assert_same_pairs(together, alone)


def test_more_targets_than_queries_leaves_targets_over() -> None:
    logits, boxes = random_output(1, 2)
    ((query, target),) = match(logits, boxes, random_truth([5]), WEIGHTS)
    assert query.tolist() == [0, 1]
    assert len(set(target.tolist())) == 2


def test_no_targets_at_all() -> None:
    logits, boxes = random_output(2, 3)
    for query, target in match(logits, boxes, random_truth([0, 0]), WEIGHTS):
        assert query.dtype == target.dtype == torch.int64
        assert len(query) == len(target) == 0


def test_half_precision_is_matched_in_float32() -> None:
    logits, boxes = (part.bfloat16() for part in random_output(2, 6))
    truth = random_truth([3, 2])
    expected = match(logits.float(), boxes.float(), truth, WEIGHTS)
    assert_same_pairs(match(logits, boxes, truth, WEIGHTS), expected)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_outputs_that_are_not_finite_are_named(bad: float) -> None:
    logits, boxes = random_output(1, 3)
    boxes[0, 1, 2] = bad
    with pytest.raises(ValueError, match=r"not finite.*learning rate"):
        match(logits, boxes, random_truth([1]), WEIGHTS)
