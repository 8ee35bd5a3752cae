"""Backbones of timm: grids, widths, weights, and which are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from detectors.ssd300.network import SSD300Network
from detectors.ssd300.timm_trunk import TimmTrunk


@pytest.mark.parametrize(
    ("name", "input_size", "trunk_maps"),
    [
        ("lcnet_050", 300, 3),
        ("mobilenetv3_small_050", 300, 3),
        ("resnet10t", 300, 3),
        ("convnext_atto", 304, 2),  # its patches give 37 cells at 300 px, and 38, 19, 9 at 304
    ],
)
def test_all_trunks_give_8732_priors(name: str, input_size: int, trunk_maps: int) -> None:
    network = SSD300Network(2, TimmTrunk(name)).eval()
    assert network.input_size == input_size
    assert len(network.trunk.channels) == trunk_maps
    frame = torch.zeros(3, 20, 30, dtype=torch.uint8)
    with torch.no_grad():
        codes, logits = network(network.prepare([frame]))
    assert codes.shape == (1, 8732, 4)
    assert logits.shape == (1, 8732, 3)


def test_arguments_narrow_the_backbone() -> None:
    trunk = TimmTrunk("resnet10t", arguments={"channels": [8, 16, 24, 32], "stem_width": 8})
    assert trunk.channels == (16, 24, 32)


@pytest.mark.parametrize("name", ["pretrained", "pretrained_cfg_overlay", "checkpoint_path"])
def test_arguments_cannot_fetch_weights(name: str) -> None:
    with pytest.raises(ValueError, match=f"trunk_arguments: .'{name}'. not allowed"):
        TimmTrunk("resnet10t", arguments={name: True})


def test_weights_are_read_from_a_file(tmp_path: Path) -> None:
    torch.manual_seed(3)
    classifier = timm.create_model("lcnet_050")
    path = tmp_path / "lcnet.pth"
    torch.save(classifier.state_dict(), path)
    trunk = TimmTrunk("lcnet_050", weights=str(path))
    expected = classifier.state_dict()
    compared = [k for k in trunk.backbone.state_dict() if k in expected]
    assert len(compared) > 50
    assert all(torch.equal(trunk.backbone.state_dict()[k], expected[k]) for k in compared)


def test_unknown_names_get_near_ones() -> None:
    with pytest.raises(ValueError, match=r"of timm: 'resnet11t'; did you mean resnet1"):
        TimmTrunk("resnet11t")


def test_backbones_without_the_grid_are_refused() -> None:
    with pytest.raises(ValueError, match=r"does not take 300x300 pixels|no map of 38x38 cells"):
        TimmTrunk("vit_tiny_patch16_224")


def test_absent_weight_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="trunk_weights: no file"):
        TimmTrunk("lcnet_050", weights=str(tmp_path / "absent.pth"))


def test_safetensors_with_joined_stage_names_are_read(tmp_path: Path) -> None:
    classifier = timm.create_model("mobilenetv3_small_050")
    save_file(classifier.state_dict(), tmp_path / "model.safetensors")
    trunk = TimmTrunk("mobilenetv3_small_050", weights=str(tmp_path / "model.safetensors"))
    own = trunk.backbone.state_dict()["conv_stem.weight"]
    assert torch.equal(own, classifier.state_dict()["conv_stem.weight"])


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "resnet.pth"
    torch.save(timm.create_model("resnet10t").state_dict(), file)
    with pytest.raises(
        ValueError, match=r"resnet\.pth is of another network than timm's lcnet_050"
    ):
        TimmTrunk("lcnet_050", weights=str(file))


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_damaged_weights_are_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"no weights")
    with pytest.raises(ValueError, match=rf"{name}.*damaged"):
        TimmTrunk("lcnet_050", weights=str(tmp_path / name))


def test_arguments_that_timm_cannot_use_are_shown() -> None:
    with pytest.raises(ValueError, match=r"resnet10t cannot be used with .*\[8, 16\]"):
        TimmTrunk("resnet10t", arguments={"channels": [8, 16]})
