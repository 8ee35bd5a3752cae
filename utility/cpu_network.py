"""The predictor's network for processors: batch normalisation folded, bfloat16, channels last.

Processors with AMX or AVX512-BF16 multiply bfloat16 several times as fast as float32; on others
this gains nothing.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse
from typing_extensions import override

from utility.network import Outputs, UtilityNetwork


class CpuNetwork(nn.Module):
    """A copy of a trained network that runs fast on a processor, without gradients.

    `predictor.network = CpuNetwork(predictor.network)` puts it in place.

    Args:
        network: with its weights, in eval mode.
        compiled: translate it with torch.compile, weights packed; half a minute at the first call,
            and a C++ compiler is needed.

    Raises:
        ValueError: if its backbone cannot be traced, as some of timm cannot.
    """

    def __init__(self, network: UtilityNetwork, compiled: bool = False) -> None:
        super().__init__()
        # Without gradients, or the compiler would not pack weights.
        inner = copy.deepcopy(network).cpu().eval().requires_grad_(False)
        try:
            inner.backbone = fuse(inner.backbone)
        except Exception as error:  # torch.fx raises almost anything on what it cannot trace
            raise ValueError(
                f"the backbone cannot be folded for processors ({error}); use the network as it is"
            ) from error
        self.inner: Any = inner.to(torch.bfloat16).to(memory_format=torch.channels_last)
        if compiled:
            self.inner = torch.compile(inner, options={"freezing": True})

    @override
    @torch.no_grad()
    def forward(self, views: Tensor) -> Outputs:
        """As `UtilityNetwork.forward`; outputs are float32."""
        laid = views.flatten(0, 1).to(torch.bfloat16, memory_format=torch.channels_last)
        found = self.inner(laid.unflatten(0, views.shape[:2]))
        return Outputs(*(None if each is None else each.float() for each in found))  # type: ignore[arg-type]
