"""A module with its recipe for training: optimizer and schedule, hyperparameters, progress."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lightning.pytorch import LightningModule
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from typing_extensions import override

from detectors.parameter_groups import build_parameter_groups

OptimizerFactory = Callable[[list[dict[str, Any]]], Optimizer]
ScheduleFactory = Callable[..., LRScheduler]


class TrainedModule(LightningModule):
    """A module whose recipe for training stands in its config.

    Every argument of a subclass's constructor but `optimizer` and `schedule` must be a plain
    scalar, list or dict: it is saved as a hyperparameter, and `load_from_checkpoint(path)` rebuilds
    the module from nothing else.

    Args:
        optimizer: parameter groups -> optimizer (in YAML the class with `_partial_: true`); needed
            for training only.
        schedule: optimizer -> learning-rate schedule; a parameter of it named `total_steps` that
            is not yet bound is given the number of optimizer steps of the whole training.
        schedule_interval: 'epoch' or 'step', how often the schedule moves on.
        parameter_groups: rules for learning rates and decay, see `build_parameter_groups`.

    Attributes:
        trained: 'epochs' and 'steps' that the loaded checkpoint was trained for.
    """

    def __init__(
        self,
        optimizer: OptimizerFactory | None = None,
        schedule: ScheduleFactory | None = None,
        schedule_interval: str = "epoch",
        parameter_groups: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__()
        # Those of the subclasses' constructors too, which Lightning finds on the call stack.
        self.save_hyperparameters(ignore=["optimizer", "schedule"])
        self.trained: dict[str, int] = {"epochs": 0, "steps": 0}
        self._optimizer = optimizer
        self._schedule = schedule
        self._schedule_interval = schedule_interval
        self._parameter_groups = parameter_groups

    @override
    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.trained = {
            "epochs": int(checkpoint.get("epoch", -1)) + 1,
            "steps": int(checkpoint.get("global_step", 0)),
        }

    @override
    def configure_optimizers(self) -> Any:
        if self._optimizer is None:
            raise ValueError(
                f"{type(self).__name__} has no optimizer; give it one (model.optimizer in YAML)"
            )
        groups = self._grouped_parameters()
        _require_arguments("model.optimizer", self._optimizer, groups)
        optimizer = self._optimizer(groups)
        if self._schedule is None:
            return optimizer
        length = self._schedule_length()
        _require_arguments("model.schedule", self._schedule, optimizer, **length)
        schedule = self._schedule(optimizer, **length)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": self._schedule_interval},
        }

    def _grouped_parameters(self) -> list[dict[str, Any]]:
        bound = getattr(self._optimizer, "keywords", {})
        return build_parameter_groups(self, self._parameter_groups, base_lr=bound.get("lr"))

    def _schedule_length(self) -> dict[str, int]:
        """`total_steps`, if the schedule asks for it and its YAML leaves it open."""
        factory = self._schedule
        bound = getattr(factory, "keywords", {})
        wants = "total_steps" in inspect.signature(factory).parameters  # type: ignore[arg-type]
        if not wants or "total_steps" in bound:
            return {}
        if self._schedule_interval == "epoch":
            if not self.trainer.max_epochs or self.trainer.max_epochs < 0:
                raise ValueError(
                    "a schedule that moves on every epoch needs trainer.max_epochs; "
                    "set it, or model.schedule_interval=step"
                )
            return {"total_steps": self.trainer.max_epochs}
        return {"total_steps": int(self.trainer.estimated_stepping_batches)}


def _require_arguments(key: str, factory: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Name an argument that the YAML of an optimizer or a schedule lacks."""
    try:
        inspect.signature(factory).bind(*args, **kwargs)
    except TypeError as error:
        name = getattr(getattr(factory, "func", factory), "__name__", "it")
        raise ValueError(f"{key}: {name} cannot be made: {error}; add it to {key}") from error
