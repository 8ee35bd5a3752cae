"""The predictor's network in 8-bit integers, for processors that multiply these fastest."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import override

from utility.network import Outputs, UtilityNetwork

# Of oneDNN's, with scales a channel; 'x86' is as fast and rounds activations more coarsely.
ENGINE = "onednn"


class Int8Network(nn.Module):
    """A copy of a trained network whose backbone is quantised after training; its heads are not.

    `predictor.network = Int8Network(predictor.network, predictor.views(pictures))` puts it in
    place, for some dozens of pictures of the kind that it is to judge. Batch normalisation is
    folded into the convolutions, weights have a scale a channel and activations one a layer
    (Jacob et al. 2018). Processors without AMX or VNNI gain nothing.

    Args:
        network: with its weights, in eval mode.
        views: float [N, V, 3, S, S], normalised, which show the range of each layer's outputs.

    Raises:
        ValueError: if its backbone cannot be traced, as some of timm cannot.
    """

    def __init__(self, network: UtilityNetwork, views: Tensor) -> None:
        super().__init__()
        self.inner: Any = copy.deepcopy(network).cpu().eval().requires_grad_(False)
        self.inner.backbone = _quantised(self.inner.backbone, views.flatten(0, 1).cpu())

    @override
    @torch.no_grad()
    def forward(self, views: Tensor) -> Outputs:
        """As `UtilityNetwork.forward`."""
        laid = views.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return self.inner(laid.unflatten(0, views.shape[:2]))  # type: ignore[no-any-return]


def _quantised(backbone: nn.Module, views: Tensor) -> nn.Module:
    # Deprecated for torchao's, a package of its own which this project does without.
    from torch.ao.quantization import get_default_qconfig_mapping
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

    before = torch.backends.quantized.engine
    torch.backends.quantized.engine = ENGINE
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore", DeprecationWarning)
            warnings.filterwarnings("ignore", "torch.quantize_per", UserWarning)
            observed = prepare_fx(backbone, get_default_qconfig_mapping(ENGINE), (views,))
            observed(views)
            return convert_fx(observed)  # type: ignore[no-any-return]
    except Exception as error:  # torch.fx raises almost anything on what it cannot trace
        raise ValueError(
            f"the backbone cannot be quantised ({error}); use the network as it is"
        ) from error
    finally:
        torch.backends.quantized.engine = before
