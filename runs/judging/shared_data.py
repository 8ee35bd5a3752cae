"""The data on which several runs are judged side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

# How a detector is shown its frames, which is its own affair and changes none of them: an image
# detector's clips of one frame would blind a video detector.
_OWN = ("clip_length", "test_frames", "batch_size")


def data_of_run(data: DictConfig, own: Mapping[str, Any]) -> DictConfig:
    """The shared data, shown as a run shows its own.

    Args:
        data: the `datamodule` node on which all runs are judged.
        own: the `datamodule` node of the run's own config.

    Returns:
        A node with the pictures of `data`, and clips as in `own` where both are of one kind.
    """
    if own["_target_"] != data["_target_"]:
        return data
    shown = OmegaConf.create({key: own[key] for key in _OWN if key in own})
    # Not merged: another sampler has other arguments.
    kept = {key: value for key, value in data.items() if key not in shown}
    return OmegaConf.create({**kept, **shown})
