"""The terms of the predictor's loss, against formulas written out."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from utility.loss import TERMS, UtilityLoss, quality_target, ranking_loss, reached_levels
from utility.network import Outputs, UtilityNetwork
from utility.picture_batch import PictureBatch

NAN = float("nan")


def batch(**changes: object) -> PictureBatch:
    """Two parents at two qualities each, two targets."""
    columns = {
        "rows": torch.arange(4),
        "image_ids": torch.tensor([7, 7, 9, 9]),
        "qualities": torch.tensor([10, 40, 10, 40]),
        "y": torch.tensor([[0, 1], [1, 1], [-1, 0], [-1, 1]]),
        "u": torch.tensor([[-0.5, 0.6], [0.8, 0.5], [NAN, -1.0], [NAN, 0.3]]),
        "m": torch.tensor([[0.0, 0.7], [1.0, 0.7], [NAN, 0.0], [NAN, 0.5]]),
        "lost": torch.tensor([[2.0, 1.0], [0.0, 1.0], [NAN, 2.0], [NAN, 1.0]]),
    }
    return PictureBatch([torch.zeros(3, 1, 1)] * 4, **{**columns, **changes})  # type: ignore[arg-type]


def outputs(generator: int = 0) -> Outputs:
    torch.manual_seed(generator)
    shapes = {"useful": (4, 2), "utility": (4, 2), "kept": (4, 2, 4), "quality": (4,)}
    return Outputs(**{name: torch.randn(s) for name, s in shapes.items()}, lost=torch.randn(4, 2))


def test_both_labels_count_alike_and_no_statement_not_at_all() -> None:
    loss = UtilityLoss([0.8, 0.5], {"useful": 2.0})
    out, data = outputs(), batch()
    expected = 0.0
    shares = (0.8, 0.5)
    for n in range(4):
        for t in range(2):
            label = int(data.y[n, t])
            if label < 0:
                continue
            p = float(out.useful[n, t].sigmoid())
            weight = 0.5 / (shares[t] if label else 1 - shares[t])
            expected -= weight * math.log(p if label else 1 - p)
    found = loss(out, data)
    assert float(found["useful"]) == pytest.approx(2 * expected / 6, rel=1e-5)


def test_two_logits_are_the_cross_entropy_over_two_classes() -> None:
    torch.manual_seed(0)
    network = UtilityNetwork(1, "resnet10t", {}, None, (), two_logits=True).eval()
    views = torch.randn(3, 1, 3, 32, 32)
    pooled = network.backbone(views[:, 0])[-1].mean((2, 3))
    labels = torch.tensor([0, 1, 1])
    expected = F.cross_entropy(network.useful(pooled), labels)
    odds = network(views).useful[:, 0]
    found = F.binary_cross_entropy_with_logits(odds, labels.float())
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_terms_ignore_what_is_not_known() -> None:
    weights = dict.fromkeys(TERMS, 1.0)
    loss, data = UtilityLoss([0.5, 0.5], weights), batch()
    first = outputs()
    other = Outputs(*(tensor.clone() for tensor in first))
    other.useful[2:, 0] += 5
    other.utility[2:, 0] += 5
    other.kept[2:, 0] += 5
    other.lost[2:, 0] += 5
    a, b = loss(first, data), loss(other, data)
    assert set(a) == set(weights)
    assert all(torch.equal(a[term], b[term]) for term in weights)
    assert all(torch.isfinite(value) for value in a.values())


def test_objects_lost_are_learned_as_the_mean_of_a_poisson_distribution() -> None:
    """Its likelihood is highest where the expectation is the mean of what was counted."""
    loss = UtilityLoss([0.5, 0.5], {"useful": 1.0, "lost": 1.0})
    out, data = outputs(), batch()
    known = [(n, t) for n in range(4) for t in range(2) if not math.isnan(data.lost[n, t])]
    terms = [
        math.exp(float(out.lost[n, t])) - float(data.lost[n, t] * out.lost[n, t]) for n, t in known
    ]
    assert float(loss(out, data)["lost"]) == pytest.approx(sum(terms) / 6, rel=1e-5)
    mean = math.log(sum(float(data.lost[n, t]) for n, t in known) / 6)
    at = [
        float(loss(out._replace(lost=torch.full((4, 2), mean + off)), data)["lost"])
        for off in (-0.1, 0.0, 0.1)
    ]
    assert at[1] < min(at[0], at[2])


def test_only_a_wrong_order_of_qualities_costs() -> None:
    scores = torch.tensor([[0.2, 0.9], [0.7, 0.1], [0.5, 0.4], [0.1, 0.6]])
    # Target a: parent 7 in order, parent 9 unknown. Target b: parent 7's labels say otherwise
    # (u .6 at quality 10, .5 at 40), parent 9 in order.
    assert float(ranking_loss(scores, batch())) == 0
    wrong = scores.clone()
    wrong[3, 1] = 0.15  # parent 9, target b: .25 below the lower quality; two pairs count
    assert float(ranking_loss(wrong, batch())) == pytest.approx(0.25 / 2)


def test_a_batch_without_pairs_ranks_nothing() -> None:
    single = batch(image_ids=torch.arange(4))
    assert float(ranking_loss(torch.randn(4, 2), single)) == 0


def test_levels_are_fifths() -> None:
    m = torch.tensor([0.0, 0.19, 0.2, 0.5, 0.8, 1.0])
    assert reached_levels(m).sum(-1).tolist() == [0, 0, 1, 2, 4, 4]


def test_the_ladders_lie_within_one_of_zero() -> None:
    ends = quality_target(torch.tensor([5, 25, 80]))
    assert ends.tolist() == pytest.approx([1.0, 0.0, -1.0], abs=1e-6)


@pytest.mark.parametrize("weights", [{}, {"usefull": 1.0}, {"useful": -1.0}, {"utility": 1.0}])
def test_wrong_weights_are_told(weights: dict) -> None:
    with pytest.raises(ValueError, match="loss_weights: takes useful, utility"):
        UtilityLoss([0.5], weights)
