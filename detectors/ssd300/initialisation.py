"""How the layers that SSD adds to a trunk start (Glorot and Bengio 2010)."""

from __future__ import annotations

from torch import nn


def xavier(module: nn.Module) -> None:
    """Draw all convolutions of `module` from Xavier's uniform distribution; biases start at 0."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
