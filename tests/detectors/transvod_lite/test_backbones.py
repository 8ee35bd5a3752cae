from __future__ import annotations

import pytest
import torch

from detectors.transvod_lite.backbones import build_backbone


def test_a_timm_model_gives_the_three_maps_of_any_picture() -> None:
    backbone = build_backbone("resnet10t").eval()
    with torch.no_grad():
        maps = backbone(torch.randn(1, 3, 61, 90))
    assert [tuple(m.shape[-2:]) for m in maps] == [(8, 12), (4, 6), (2, 3)]
    assert tuple(m.shape[1] for m in maps) == backbone.channels


def test_a_channels_last_timm_model_gives_channels_first() -> None:
    backbone = build_backbone("swin_tiny_patch4_window7_224").eval()
    with torch.no_grad():
        maps = backbone(torch.randn(1, 3, 64, 96))
    assert [tuple(m.shape[1:]) for m in maps] == [(192, 8, 12), (384, 4, 6), (768, 2, 3)]


def test_a_model_without_the_strides_is_refused() -> None:
    with pytest.raises(ValueError, match=r"vit_tiny_patch16_224 has maps of stride \[16\]"):
        build_backbone("vit_tiny_patch16_224")


def test_sizes_of_a_swin_are_checked() -> None:
    with pytest.raises(ValueError, match=r"backbone_arguments of 'swin'.*'depths'"):
        build_backbone("swin", arguments={"embed": 8})
    with pytest.raises(ValueError, match=r"backbone_arguments of 'swin_t'.*'dept'"):
        build_backbone("swin_t", arguments={"dept": 8})


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(ValueError, match="no model of timm: 'resnet10'"):
        build_backbone("resnet10")
