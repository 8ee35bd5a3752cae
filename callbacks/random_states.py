"""The states of the random number generators that a training draws from."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
import torch.distributed as dist


def random_states() -> list[dict[str, Any]]:
    """Those of all processes, in the order of their ranks, as tensors and plain values.

    Every process must call it. The draws of samplers, frames and augmentation are not among them:
    they are functions of seed, epoch and index.
    """
    own = _own_states()
    if not (dist.is_available() and dist.is_initialized()):
        return [own]
    states: list[dict[str, Any]] = [{} for _ in range(dist.get_world_size())]
    dist.all_gather_object(states, own)
    return states


def set_random_states(states: list[dict[str, Any]], rank: int) -> None:
    """Go on from what `random_states` returned.

    Args:
        states: of all processes that trained.
        rank: of this process; one that was not there then keeps the state that it has.
    """
    if rank >= len(states):
        return
    own = states[rank]
    version, numbers, gauss = own["python"]
    random.setstate((version, tuple(numbers), gauss))
    name, keys, position, has_gauss, cached = own["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), position, has_gauss, cached))
    torch.set_rng_state(own["torch"])
    if own["cuda"] is not None and torch.cuda.is_available():
        torch.cuda.set_rng_state(own["cuda"])


def _own_states() -> dict[str, Any]:
    version, numbers, gauss = random.getstate()
    state: Any = np.random.get_state(legacy=True)
    name, keys, position, has_gauss, cached = state
    return {
        "python": [version, list(numbers), gauss],
        "numpy": [name, torch.from_numpy(keys.astype(np.int64)), position, has_gauss, cached],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None,
    }
