"""How much a detector computes for a frame."""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import Trainer
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry
from typing_extensions import override

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
    counter = _Counter()
    with torch.no_grad(), trainer.precision_plugin.forward_context(), counter:
        detector.predict(Batch(clip, targets))
    return counter.total // judged


class _Counter(TorchDispatchMode):
    """Torch's table of costs without its account of modules.

    `FlopCounterMode` follows gradients to know in which module it is, and fails without them where
    a module's input learns, as queries do.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    @override
    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        cost = flop_registry.get(func._overloadpacket)
        if cost is None and func is not torch.ops.prim.device.default:
            with self:  # a linear layer is a matrix product
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        result = func(*args, **kwargs)
        if cost is not None:
            self.total += cost(*args, **kwargs, out_val=result)
        return result
