"""The device that a detector runs on outside of a trainer."""

from __future__ import annotations


def chosen_device(wanted: str) -> str:
    """'auto' becomes the GPU where there is one; other names stay.

    Raises:
        ValueError: if a GPU is wanted that is not there.
    """
    import torch

    has_gpu = torch.cuda.is_available()
    if wanted.startswith("cuda") and not has_gpu:
        raise ValueError(f"device={wanted}: PyTorch finds no CUDA GPU here; use device=cpu")
    return ("cuda" if has_gpu else "cpu") if wanted == "auto" else wanted
