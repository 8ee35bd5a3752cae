"""Pyramids over backbones of timm: maps and strides, layouts, freezing, weights, refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from detectors.torchvision_family.timm_fpn import TimmFPN, timm_fpn_backbone

SWIN = "swin_tiny_patch4_window7_224"
# A narrow Swin: real code, small tensors.
ARGUMENTS: dict[str, dict[str, Any]] = {SWIN: {"embed_dim": 24, "depths": [2, 2, 2, 2]}}
NAMES = ["resnet10t", SWIN, "convnext_atto", "mobilenetv3_small_050", "regnety_002"]


def pyramid(name: str, **kwargs: Any) -> TimmFPN:
    torch.manual_seed(0)
    return timm_fpn_backbone(name, arguments=ARGUMENTS.get(name), **kwargs)


def batch_norms(module: nn.Module) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in module.state_dict().items() if "running_" in k}


@pytest.fixture(scope="module")
def pyramids() -> dict[str, TimmFPN]:
    return {name: pyramid(name).eval() for name in NAMES}


@pytest.mark.parametrize("size", [(224, 320), (192, 256), (32, 416)])
@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_maps_are_those_of_torchvision_resnet50_fpn(
    name: str, size: tuple[int, int], pyramids: dict[str, TimmFPN]
) -> None:
    theirs = resnet_fpn_backbone(backbone_name="resnet50", weights=None).eval()
    ours = pyramids[name]
    images = torch.rand(2, 3, *size)
    expected = {level: features.shape for level, features in theirs(images).items()}
    assert {level: features.shape for level, features in ours(images).items()} == expected
    assert ours.levels == tuple(expected)
    assert ours.strides == (4, 8, 16, 32, 64)
    assert ours.out_channels == theirs.out_channels


@pytest.mark.parametrize("name", NAMES)
@torch.no_grad()
def test_odd_pictures_fit_after_padding_by_torchvision(
    name: str, pyramids: dict[str, TimmFPN]
) -> None:
    ours = pyramids[name]
    transform = GeneralizedRCNNTransform(200, 400, list(ours.mean), list(ours.std))
    images, _ = transform([torch.rand(3, 200, 333), torch.rand(3, 90, 51)])
    height, width = images.tensors.shape[-2:]
    for features, stride in zip(ours(images.tensors).values(), ours.strides, strict=True):
        assert features.shape[-2:] == (-(-height // stride), -(-width // stride))
        assert features.isfinite().all()


@torch.no_grad()
def test_maps_equal_those_of_plain_timm(pyramids: dict[str, TimmFPN]) -> None:
    """The body of a ResNet is timm's own at indices 1 to 4: the stem's map is left out."""
    plain = timm.create_model("resnet10t", features_only=True, out_indices=(1, 2, 3, 4)).eval()
    ours = pyramids["resnet10t"]
    plain.load_state_dict(ours.body.state_dict())
    images = torch.rand(2, 3, 96, 160)
    expected = ours.fpn(dict(zip("0123", plain(images), strict=True)))
    assert all(torch.equal(ours(images)[level], expected[level]) for level in ours.levels)


@torch.no_grad()
def test_swin_maps_are_turned_to_channels_first(pyramids: dict[str, TimmFPN]) -> None:
    ours = pyramids[SWIN]
    images = torch.rand(1, 3, 64, 96)
    plain = ours.body(images)[1]
    assert plain.shape == (1, 8, 12, 48)
    fpn = ours.fpn(dict(zip("0123", (m.movedim(-1, 1) for m in ours.body(images)), strict=True)))
    torch.testing.assert_close(ours(images)["1"], fpn["1"])


@pytest.mark.parametrize("name", NAMES)
def test_all_parameters_learn(name: str) -> None:
    ours = pyramid(name).eval()
    torch.stack(
        [m.square().sum() for m in ours(torch.rand(1, 3, 64, 96)).values()]
    ).sum().backward()
    assert [key for key, p in ours.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize(
    ("name", "frozen", "free"),
    [
        ("resnet10t", ("conv1", "bn1", "layer1"), "layer2"),
        (SWIN, ("patch_embed", "layers_0"), "layers_1"),
        ("convnext_atto", ("stem_", "stages_0"), "stages_1"),
        ("mobilenetv3_small_050", ("conv_stem", "bn1", "blocks.0"), "blocks.1"),
    ],
)
def test_frozen_stages_count_from_the_stem(name: str, frozen: tuple[str, ...], free: str) -> None:
    ours = pyramid(name, frozen_stages=1)
    still = {key for key, p in ours.body.named_parameters() if not p.requires_grad}
    assert still == {key for key, _ in ours.body.named_parameters() if key.startswith(frozen)}
    assert any(key.startswith(free) for key, _ in ours.body.named_parameters())
    assert all(p.requires_grad for p in ours.fpn.parameters())


def test_statistics_of_frozen_stages_stay_while_the_others_move() -> None:
    ours = pyramid("resnet10t", frozen_stages=2).eval().train()
    before = batch_norms(ours.body)
    ours(torch.rand(2, 3, 64, 96))
    after = batch_norms(ours.body)
    moved = {key.split(".")[0] for key in before if not torch.equal(before[key], after[key])}
    assert moved == {"layer3", "layer4"}
    assert ours.body.get_submodule("layer3").training
    assert not ours.body.get_submodule("layer1").training


def test_frozen_stages_beyond_the_last_are_refused() -> None:
    with pytest.raises(ValueError, match=r"frozen_stages: expected 0 to 4, .* got 5"):
        pyramid("resnet10t", frozen_stages=5)


def test_models_with_some_of_the_strides_give_a_shorter_pyramid() -> None:
    ours = timm_fpn_backbone("resnet10t", arguments={"output_stride": 8})
    assert ours.strides == (4, 8, 16)
    assert ours.levels == ("0", "1", "pool")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet11t", r"backbone: no model of timm: 'resnet11t'; did you mean resnet1"),
        ("vit_tiny_patch16_224", r"vit_tiny_patch16_224 has feature maps of stride \[16\] only"),
        ("mvitv2_tiny", r"does not take 64x416 pixels"),
    ],
)
def test_unfit_models_are_refused(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        timm_fpn_backbone(name)


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_weights_are_read_from_a_file(tmp_path: Path, suffix: str) -> None:
    torch.manual_seed(3)
    state = timm.create_model("convnext_atto").state_dict()
    file = tmp_path / f"model.{suffix}"
    save_file(state, file) if suffix == "safetensors" else torch.save(state, file)
    own = timm_fpn_backbone("convnext_atto", weights=str(file)).body.state_dict()
    assert len(own) > 100
    for key, tensor in own.items():  # timm joins 'stages.0' to 'stages_0'
        assert torch.equal(
            tensor, state[key.replace("stem_", "stem.").replace("stages_", "stages.")]
        )


def test_weights_of_another_network_name_the_first_mismatches(tmp_path: Path) -> None:
    file = tmp_path / "other.pth"
    torch.save(timm.create_model("resnet14t").state_dict(), file)
    with pytest.raises(
        ValueError,
        match=r"other\.pth is of another network than timm's resnet10t"
        r": \d+ of 70 tensors .*the first at 'layer1\.0\.conv1\.weight': expected "
        r"\(64, 64, 3, 3\), got \(64, 64, 1, 1\); 'layer2",
    ):
        timm_fpn_backbone("resnet10t", weights=str(file))


def test_published_weights_offline_name_the_file_to_fetch_without_asking_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def offline(*args: object, **kwargs: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr("detectors.weights_server.urlopen", offline)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("time.sleep", lambda _: pytest.fail("asks again after a pause"))
    with pytest.raises(
        FileNotFoundError,
        match=r"backbone_weights: .*Fetch model\.safetensors of timm/resnet10t\.c3_in1k .* give "
        r"the path of that file as backbone_weights",
    ):
        timm_fpn_backbone("resnet10t", weights="imagenet")


def test_arguments_cannot_fetch_weights() -> None:
    with pytest.raises(ValueError, match=r"backbone_arguments: \['pretrained'\] not allowed"):
        timm_fpn_backbone("resnet10t", arguments={"pretrained": True})
