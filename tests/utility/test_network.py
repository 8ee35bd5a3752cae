"""How places of views become the answers for a picture."""

from __future__ import annotations

import pytest
import torch

from utility.network import HEADS, Outputs, UtilityNetwork

VIEWS = torch.linspace(-1, 1, 2 * 2 * 3 * 64 * 64).reshape(2, 2, 3, 64, 64).sin()


def network(pooling: str) -> UtilityNetwork:
    torch.manual_seed(0)
    return UtilityNetwork(2, "resnet10t", {}, None, HEADS, pooling=pooling).eval()  # type: ignore[arg-type]


def places(built: UtilityNetwork) -> torch.Tensor:
    """[2, places of both views, C]."""
    maps = built.backbone(VIEWS.flatten(0, 1))[-1]
    return maps.flatten(2).transpose(1, 2).reshape(2, -1, maps.shape[1])


@torch.no_grad()
def test_attention_begins_as_the_mean() -> None:
    for mean, attention in zip(network("mean")(VIEWS), network("attention")(VIEWS), strict=True):
        torch.testing.assert_close(mean, attention, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_attention_weighs_places() -> None:
    built = network("attention")
    torch.nn.init.normal_(built.attention.weight)
    features = places(built)
    weight = torch.exp(features @ built.attention.weight[0])
    weight /= weight.sum(dim=1, keepdim=True)
    expected = built.useful((weight[..., None] * features).sum(dim=1))
    torch.testing.assert_close(built(VIEWS).useful, expected, rtol=1e-4, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("pooling", ["mean", "attention"])
def test_what_is_lost_is_the_mean_over_places_of_what_is_lost_there(pooling: str) -> None:
    built = network(pooling)
    expected = built.lost(places(built)).exp().mean(dim=1)  # type: ignore[misc]
    torch.testing.assert_close(built(VIEWS).lost.exp(), expected, rtol=1e-4, atol=1e-5)


def test_only_the_heads_that_are_asked_for_answer() -> None:
    outputs = UtilityNetwork(1, "resnet10t", {}, None, ())(VIEWS)
    assert outputs._replace(useful=None) == Outputs(None, None, None, None, None)  # type: ignore[arg-type]


def test_another_pooling_is_refused() -> None:
    with pytest.raises(ValueError, match="pooling: must be mean or attention, got 'max'"):
        network("max")
