"""The data on which several runs are judged side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

# How a detector is shown its frames, which is its own affair and changes none of them: an image
# detector's clips of one frame would blind a video detector.
_OWN = ("clip_length", "test_frames", "batch_size", "channels")
_GREY = ("log",) * 3  # of every datamodule that has no choice of channels


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


def require_trained_channels(data: Mapping[str, Any], own: Mapping[str, Any], run: object) -> None:
    """Stop a detector from being judged on pictures of the sun in channels that it does not know.

    Args:
        data: the `datamodule` node on which it is to be judged.
        own: the `datamodule` node of its training.
        run: how the message calls the training.

    Raises:
        ValueError: if the channels differ.
    """
    shown, trained = (list(node.get("channels", _GREY)) for node in (data, own))
    if shown != trained:
        raise ValueError(
            f"datamodule.channels={shown}: {run} was trained on {trained}; give those, with "
            "datamodule=solar_video"
        )
