"""How much a detector computes for a frame."""

from __future__ import annotations

import torch
from lightning.pytorch import Trainer
from torch.utils.flop_counter import FlopCounterMode

from detectors.base import Detector
from structures import Batch


def frame_flops(trainer: Trainer, detector: Detector, batch: Batch) -> int | None:
    """Floating-point operations for each judged frame of a clip, as torch counts them.

    Convolutions, matrix products and attention count, a multiplication and its addition as two;
    what is cheap beside them (activations, resizing, sampling, suppression) does not.

    Args:
        trainer: whose precision applies.
        detector: on its device, in eval mode.
        batch: of a test; its first clip alone is looked at.

    Returns:
        None where nothing of the clip is judged.
    """
    clip, targets = batch.clips[:1], batch.targets[:1]
    judged = sum(target.judged for frames in targets for target in frames)
    if not judged:
        return None
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), trainer.precision_plugin.forward_context(), counter:
        detector.predict(Batch(clip, targets))
    return counter.get_total_flops() // judged
