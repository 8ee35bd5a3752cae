"""What every detector shares: steps, logging, optimizer, and what its checkpoints carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from typing_extensions import override

from detectors.frame_stream import FrameStream
from detectors.onnx_graph import DetectionGraph
from detectors.trained_module import OptimizerFactory, ScheduleFactory, TrainedModule
from structures import Batch, ClassList, Prediction


class Detector(TrainedModule):
    """A detector for pictures and clips. A subclass builds `network` and writes two methods.

    `losses` and `predict` see a `Batch` as the datamodule made it: uint8 clips of any size on this
    module's device. Resizing and normalising belong to `network` and are undone before a
    prediction leaves `predict`. Image detectors flatten B x T frames (`batch.frames()`).

    The arguments of a subclass's constructor are saved as `TrainedModule` says.

    Args:
        class_names: names of the labels 1..C, in order.
        category_ids: the data set's ids of these classes; 1..C where absent.
        optimizer: see `TrainedModule`, as for the other three.
        schedule: likewise.
        schedule_interval: likewise.
        parameter_groups: likewise.

    Attributes:
        network: the plain `nn.Module` that holds all weights.
        classes: the class list that the weights were made for.
        operating_point: class name -> score threshold, chosen on validation data and carried by
            checkpoints; empty before the first validation.
        event_threshold: least score of an event on the sky, likewise; None where none was chosen.
        imported_classes: classes whose rows came from published weights; None without such weights.
    """

    network: nn.Module

    def __init__(
        self,
        class_names: Sequence[str],
        category_ids: Sequence[int] | None = None,
        optimizer: OptimizerFactory | None = None,
        schedule: ScheduleFactory | None = None,
        schedule_interval: str = "epoch",
        parameter_groups: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(optimizer, schedule, schedule_interval, parameter_groups)
        if isinstance(class_names, str):
            raise ValueError(f"class_names must be a list of names, got the text {class_names!r}")
        names = tuple(class_names)
        self.classes = (
            ClassList.numbered(names)
            if category_ids is None
            else ClassList(names, tuple(category_ids))
        )
        self.operating_point: dict[str, float] = {}
        self.event_threshold: float | None = None
        self.imported_classes: list[str] | None = None

    @property
    def title(self) -> str:
        """What reports and tables call this detector."""
        return type(self).__name__

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """The named scalar losses of a batch, weighted so that their sum is minimised.

        Must not depend on train or eval mode other than through dropout and batch statistics, for
        `val/loss` is computed in eval mode. Frames without boxes are legal.
        """
        raise NotImplementedError(f"{type(self).__name__} must define losses(batch)")

    def predict(self, batch: Batch) -> list[Prediction]:
        """One `Prediction` for each frame, in the order of `batch.frames()`."""
        raise NotImplementedError(f"{type(self).__name__} must define predict(batch)")

    def losses_and_predictions(self, batch: Batch) -> tuple[dict[str, Tensor], list[Prediction]]:
        """Both at once, for validation; override where one forward pass can serve the two."""
        return self.losses(batch), self.predict(batch)

    def coverage(self, boxes: Tensor, labels: Tensor, frame_sizes: Tensor) -> dict[str, float]:
        """How well this detector's fixed geometry suits a training set; logged before training.

        Args:
            boxes: float32 [N, 4], xyxy pixels of their frames.
            labels: int64 [N], 1..C.
            frame_sizes: int64 [N, 2], (height, width) of each box's frame.

        Returns:
            Named numbers, such as the share of boxes that some prior reaches; none by default.
        """
        del boxes, labels, frame_sizes
        return {}

    def detection_graph(self) -> DetectionGraph:
        """All of `predict` as one module that can be traced, for `python -m detectors.export`.

        A detector that has none is complete without it; the export refuses it.

        Raises:
            NotImplementedError: saying why there is none.
        """
        raise NotImplementedError("its class defines no detection_graph()")

    def stream(self, window: int) -> FrameStream | None:
        """This detector on a video as it comes, for `predict.py`.

        Args:
            window: frames that count for a prediction, the newest included.

        Returns:
            None, as here, where it sees each frame alone.

        Raises:
            ValueError: if `window` is below 1.
        """
        del window
        return None

    @override
    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        if batch.frame_count == 0:
            # Every picture was unreadable and skipped. Other processes wait for these gradients.
            return 0.0 * torch.stack([p.sum() for p in self.parameters() if p.requires_grad]).sum()
        losses = self.losses(batch)
        total = torch.stack(list(losses.values())).sum()
        values = {f"train/{name}": value.detach() for name, value in losses.items()}
        values["train/total"] = total.detach()
        self.log_dict(values, batch_size=batch.frame_count, prog_bar=False)
        self.log("loss", total.detach(), batch_size=batch.frame_count, prog_bar=True, logger=False)
        return total

    @override
    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Any]:
        if batch.frame_count == 0:
            # With weight 0: the mean over processes needs a share of each of them.
            self.log("val/loss", torch.zeros((), device=self.device), batch_size=0, sync_dist=True)
            return {"predictions": []}
        losses, predictions = self.losses_and_predictions(batch)
        total = torch.stack(list(losses.values())).sum()
        self.log("val/loss", total, batch_size=batch.frame_count, sync_dist=True)
        return {"predictions": predictions}

    @override
    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> dict[str, Any]:
        return {"predictions": self.predict(batch) if batch.frame_count else []}

    @override
    def predict_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Any:
        return self.predict(batch) if batch.frame_count else []

    @override
    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["operating_point"] = dict(self.operating_point)
        checkpoint["event_threshold"] = self.event_threshold

    @override
    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        self.operating_point = dict(checkpoint.get("operating_point", {}))
        self.event_threshold = checkpoint.get("event_threshold")
