"""The predictor of utility: will machines still cope with this picture? It sees no reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from typing_extensions import override

from detectors.trained_module import OptimizerFactory, ScheduleFactory, TrainedModule
from utility.calibration import Calibration
from utility.loss import UtilityLoss
from utility.network import LEVELS, Outputs, Pooling, UtilityNetwork
from utility.picture_batch import PictureBatch
from utility.views import Kind, Views


class Estimates(NamedTuple):
    """What a predictor says of N pictures for T targets.

    Attributes:
        useful: float32 [N, T], calibrated probability that the picture is useful to it.
        utility: float32 [N, T], relative utility in -1..1; None without that head.
        kept: float32 [N, T], share of the objects that it still finds; None without that head.
        lost: float32 [N, T], how many objects it would find in the pristine picture and does not
            find in this one, as expected; None without that head.
    """

    useful: Tensor
    utility: Tensor | None
    kept: Tensor | None
    lost: Tensor | None

    def score(self) -> Tensor:
        """One number a picture, float32 [N] in 0..1: the mean probability over the targets.

        For detectors that no labels are of, it stands for their own.
        """
        return self.useful.mean(dim=1)

    def cpu(self) -> Estimates:
        """The same on the CPU."""
        return Estimates(*(None if each is None else each.cpu() for each in self))  # type: ignore[arg-type]


class UtilityPredictor(TrainedModule):
    """A no-reference predictor of the labels of a label set.

    Args:
        targets: names of the detectors, or ['unanimous'], whose labels are predicted.
        useful_share: of label 1 in the training set, a target.
        qualities: JPEG's in the training set, ascending.
        backbone: a model name of timm.
        backbone_arguments: of its constructor.
        backbone_weights: 'imagenet', a file of timm's weights, or None for a random start.
        views: 'crops' in native resolution, the picture 'resized', or 'both'; see `Views`.
        view_size: side of a view in pixels.
        crops: of a picture.
        train_crops: of a picture in training, fewer for speed.
        two_logits: a softmax over two classes a target, as in the paper.
        pooling: of features, 'mean' or 'attention', see `UtilityNetwork`.
        loss_weights: term -> weight, see `UtilityLoss`; those without weight have no head.
        optimizer: see `TrainedModule`, as for the other three.
        schedule: likewise.
        schedule_interval: likewise.
        parameter_groups: likewise.

    Attributes:
        calibration: of the probabilities, fitted on validation data and carried by checkpoints.
    """

    def __init__(
        self,
        targets: Sequence[str],
        useful_share: Sequence[float],
        qualities: Sequence[int] = (),
        backbone: str = "resnet18",
        backbone_arguments: Mapping[str, Any] | None = None,
        backbone_weights: str | None = None,
        views: Kind = "both",
        view_size: int = 224,
        crops: int = 5,
        train_crops: int = 2,
        two_logits: bool = False,
        pooling: Pooling = "mean",
        loss_weights: Mapping[str, float] | None = None,
        optimizer: OptimizerFactory | None = None,
        schedule: ScheduleFactory | None = None,
        schedule_interval: str = "epoch",
        parameter_groups: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(optimizer, schedule, schedule_interval, parameter_groups)
        if isinstance(targets, str) or not targets or len(targets) != len(useful_share):
            raise ValueError(
                f"targets must be names with as many shares of useful pictures, got {targets!r} "
                f"and {useful_share!r}"
            )
        self.targets = tuple(targets)
        self.qualities = tuple(qualities)
        weights = {"useful": 1.0} if loss_weights is None else dict(loss_weights)
        self.loss = UtilityLoss(useful_share, weights)
        self.views = Views(views, view_size, crops, train_crops)
        self.network = UtilityNetwork(
            len(targets), backbone, backbone_arguments or {}, backbone_weights,
            self.loss.weights, two_logits, pooling,
        )  # fmt: skip
        # The checkpoint has the weights; rebuilding from it must not ask for a file again.
        self.hparams.update(backbone_weights=None)
        self.calibration = Calibration.none(len(targets))

    @property
    def title(self) -> str:
        """What reports and tables call this predictor."""
        return f"{self.hparams['backbone']}, {self.hparams['views']}"

    def forward(self, pictures: Sequence[Tensor]) -> Outputs:
        """Judge N pictures, uint8 [3, H, W] RGB of any sizes, on this module's device."""
        return self.network(self.views(pictures))

    @torch.no_grad()
    def estimate(self, pictures: Sequence[Tensor]) -> Estimates:
        """Calibrated estimates; for N pictures uint8 [3, H, W] RGB of any sizes."""
        return self.estimates(self(pictures))

    def estimates(self, outputs: Outputs) -> Estimates:
        """What the network's outputs mean."""
        utility, kept, lost = outputs.utility, outputs.kept, outputs.lost
        if kept is not None:
            kept = kept.float().sigmoid().sum(-1) / (LEVELS - 1)
        return Estimates(
            self.calibration.probabilities(outputs.useful),
            None if utility is None else utility.float().clamp(-1, 1),
            kept,
            None if lost is None else lost.float().exp(),
        )

    @override
    def training_step(self, batch: PictureBatch, batch_idx: int) -> Tensor:
        losses = self.loss(self(batch.pictures), batch)
        total = torch.stack(list(losses.values())).sum()
        values = {f"train/{name}": value.detach() for name, value in losses.items()}
        self.log_dict(values | {"train/total": total.detach()}, batch_size=len(batch))
        self.log("loss", total.detach(), batch_size=len(batch), prog_bar=True, logger=False)
        return total

    @override
    def validation_step(self, batch: PictureBatch, batch_idx: int) -> dict[str, Outputs] | None:
        if not len(batch):
            # With weight 0: the mean over processes needs a share of each of them.
            self.log("val/loss", torch.zeros((), device=self.device), batch_size=0, sync_dist=True)
            return None
        outputs = self(batch.pictures)
        total = torch.stack(list(self.loss(outputs, batch).values())).sum()
        self.log("val/loss", total, batch_size=len(batch), sync_dist=True)
        return {"outputs": outputs}

    @override
    def test_step(self, batch: PictureBatch, batch_idx: int) -> dict[str, Outputs] | None:
        return {"outputs": self(batch.pictures)} if len(batch) else None

    @override
    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["calibration"] = self.calibration.to_json()

    @override
    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        super().on_load_checkpoint(checkpoint)
        values = checkpoint.get("calibration")
        self.calibration = Calibration.from_json(values, len(self.targets), "the checkpoint")
