"""Golden models of the reference, and small networks to ask questions of."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from detectors.transvod_lite.module import TransVODLite
from detectors.transvod_lite.network import TransVODLiteNetwork
from detectors.transvod_lite.reference_weights import load_reference_weights

SMALL_SWIN = {"embed": 8, "depths": [1, 2, 1, 1], "heads": [1, 1, 2, 2], "drop_path": 0.1}
SMALL = {
    "backbone": "swin",
    "backbone_arguments": SMALL_SWIN,
    "d_model": 32,
    "heads": 4,
    "feedforward": 48,
    "encoder_layers": 1,
    "decoder_layers": 2,
    "queries": 10,
    "keep": [6, 4],
}


@pytest.fixture(scope="session")
def golden(shared: Path) -> dict[str, Any]:
    file = shared / "golden" / "transvod_lite.pt"
    loaded: dict[str, Any] = torch.load(file, weights_only=True, mmap=True)
    return loaded


@pytest.fixture(scope="session")
def golden_network(golden: dict[str, Any]) -> Callable[..., TransVODLiteNetwork]:
    """(name, multi) -> the network in the reference's manner, with the reference's weights."""

    def build(name: str, multi: bool = True) -> TransVODLiteNetwork:
        config = golden[name]["config"]
        swin, model = config["swin"], config["model"]
        network = TransVODLiteNetwork(
            model["num_classes"],
            "swin",
            backbone_arguments={
                "embed": swin["embed_dim"],
                "depths": swin["depths"],
                "heads": swin["num_heads"],
                "drop_path": swin["drop_path_rate"],
            },
            d_model=model["hidden_dim"],
            heads=model["nheads"],
            feedforward=model["dim_feedforward"],
            encoder_layers=model["enc_layers"],
            decoder_layers=model["dec_layers"],
            queries=model["num_queries"],
            keep=model["topk"] if multi else (),
            time_embedding=False,
            mask_temporal_padding=False,
            pad_before_backbone=True,
        )
        load_reference_weights(network, golden[name]["state_dict"])
        return network.eval()

    return build


@pytest.fixture(scope="session")
def golden_clip(golden: dict[str, Any]) -> Callable[[str], tuple[Tensor, Tensor]]:
    """Name of a model -> its frames [1, T, 3, H, W] and padding [1, T, H, W]."""

    def clip(name: str) -> tuple[Tensor, Tensor]:
        given = golden[name]["input"]
        frames = given["tensors_fp16"].float()
        padding = torch.ones_like(frames[:, 0], dtype=torch.bool)
        for mask, (height, width) in zip(padding, given["valid_hw"], strict=True):
            mask[:height, :width] = False
        return frames[None], padding[None]

    return clip


@pytest.fixture(scope="session", params=["model_A", "model_B"])
def traced(
    request: pytest.FixtureRequest,
    golden: dict[str, Any],
    golden_network: Callable[..., TransVODLiteNetwork],
    golden_clip: Callable[[str], tuple[Tensor, Tensor]],
) -> tuple[dict[str, Any], dict[str, list[Any]]]:
    """What the reference stored between its parts, and what came out of ours in the same pass.

    The second maps the name of a module to the outputs of its calls; 'in:' and its name to inputs.
    """
    network = golden_network(request.param)
    seen: dict[str, list[Any]] = {}

    def keep(name: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(module: nn.Module, given: Any, result: Any) -> None:
            seen.setdefault(name, []).append(result)
            seen.setdefault(f"in:{name}", []).append(given)

        return hook

    for name, module in network.named_modules():
        module.register_forward_hook(keep(name))
    with torch.no_grad():
        network(*golden_clip(request.param))
    return golden[request.param]["multi"], seen


@pytest.fixture
def small_network() -> Callable[..., TransVODLiteNetwork]:
    """Settings -> a network of a few thousand weights, in eval mode, none of them at rest."""

    def build(class_count: int = 3, **settings: Any) -> TransVODLiteNetwork:
        torch.manual_seed(0)
        network = TransVODLiteNetwork(class_count, **{**SMALL, **settings})
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.05 * torch.randn_like(parameter))
        return network.eval()

    return build


@pytest.fixture
def small_detector() -> Callable[..., TransVODLite]:
    """Options of the detector or settings of its network -> a detector of small frames."""

    def build(**options: Any) -> TransVODLite:
        torch.manual_seed(0)
        names = inspect.signature(TransVODLite).parameters
        settings = {key: value for key, value in options.items() if key not in names}
        own = {key: value for key, value in options.items() if key in names}
        network = {**SMALL, "queries": 20, **settings}
        sides = {"short_side": 64, "long_side": 107}
        classes = ["drifting", "swinging", "pulsing"]
        detector = TransVODLite(classes, network=network, **{**sides, **own})
        if "weights" in own:
            return detector
        with torch.no_grad():
            for name, parameter in detector.named_parameters():
                if "_embedding" in name:  # zero before training, so that nothing could be seen
                    parameter.add_(0.1 * torch.randn_like(parameter))
        return detector

    return build
