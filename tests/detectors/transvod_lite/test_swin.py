from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torchvision.models.swin_transformer import SwinTransformer

from detectors.transvod_lite.swin import (
    SwinBackbone,
    Variant,
    WindowAttention,
    load_imagenet_weights,
)

VARIANT = Variant(16, (2, 2, 2, 2), (1, 2, 2, 4), 0.2)


def backbone(**settings: Any) -> SwinBackbone:
    torch.manual_seed(0)
    return SwinBackbone(VARIANT, **settings).eval()


def torchvision_swin() -> SwinTransformer:
    torch.manual_seed(1)
    return SwinTransformer([4, 4], 16, [2, 2, 2, 2], [1, 2, 2, 4], [7, 7]).eval()


def test_golden_stage_maps(traced: tuple[dict[str, Any], dict[str, list[Any]]]) -> None:
    expected, seen = traced
    maps = seen["single_frame.backbone"][0]
    for index, got in enumerate(maps):
        wanted = expected["inter"]["swin_stage_norm_out"][str(index)]
        torch.testing.assert_close(got, wanted, atol=1e-4, rtol=1e-4)


def test_torchvision_gives_the_same_maps_with_the_same_weights(tmp_path: Path) -> None:
    theirs, ours = torchvision_swin(), backbone()
    torch.save(theirs.state_dict(), tmp_path / "swin.pth")
    load_imagenet_weights(ours, str(tmp_path / "swin.pth"))
    images = torch.randn(2, 3, 264, 332)  # no multiple of 8 windows, maps larger than a window
    with torch.no_grad():
        x = theirs.features[:6](images)
        expected = ours.norms[1](x).permute(0, 3, 1, 2)
        got = ours(images)[1]
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size", [(64, 64), (61, 90), (4, 7)])
def test_maps_have_strides_8_16_and_32_rounded_up(size: tuple[int, int]) -> None:
    with torch.no_grad():
        maps = backbone()(torch.randn(1, 3, *size))
    for level, stride in zip(maps, (8, 16, 32), strict=True):
        assert level.shape[-2:] == tuple(-(-side // stride) for side in size)


def test_a_map_of_one_window_is_shifted_too() -> None:
    # Torchvision drops the shift here; the published weights were trained with it.
    torch.manual_seed(0)
    attention = WindowAttention(8, [7, 7], [3, 3], 2).eval()
    x = torch.randn(1, 7, 7, 8)
    changed = x.clone()
    changed[0, 1, 1] += 1
    with torch.no_grad():
        moved = (attention(changed) - attention(x)).abs().amax(-1)[0]
    assert (moved[:3, :3] > 1e-4).all()
    assert moved[3:].max() < 1e-6
    assert moved[:, 3:].max() < 1e-6


def test_gradient_checkpointing_changes_no_gradient() -> None:
    images = torch.randn(1, 3, 40, 56)
    gradients = []
    for checkpointing in (False, True):
        swin = backbone(gradient_checkpointing=checkpointing).train()
        torch.manual_seed(0)  # for drop-path
        torch.stack([m.square().mean() for m in swin(images)]).sum().backward()
        gradients.append([p.grad for p in swin.features.parameters()])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, recomputed)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    other = SwinTransformer([4, 4], 24, [2, 2, 2, 2], [1, 2, 2, 4], [7, 7])
    torch.save(other.state_dict(), tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"does not fit this Swin.*features|expected \(16"):
        load_imagenet_weights(backbone(), str(tmp_path / "other.pth"))


def test_a_swin_has_four_stages() -> None:
    with pytest.raises(ValueError, match="four stages"):
        SwinBackbone(Variant(16, (2, 2), (1, 2), 0.1))
