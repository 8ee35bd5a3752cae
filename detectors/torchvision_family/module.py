"""The detectors of torchvision: Faster and Mask R-CNN, RetinaNet, FCOS, SSDLite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from detectors.base import Detector, OptimizerFactory, ScheduleFactory
from detectors.torchvision_family.detection_graph import TorchvisionGraph
from detectors.torchvision_family.frames import to_images, to_prediction, to_targets
from detectors.torchvision_family.networks import build_network, freeze_stages, timm_pyramid
from detectors.torchvision_family.passes import (
    acting_as,
    fixed_draws,
    groups_of_one_size,
    one_backbone_pass,
)
from detectors.torchvision_family.recipe import (
    Recipe,
    builder_options,
    reduces_tail,
    require_architecture,
    require_one_start,
)
from detectors.torchvision_family.weights import (
    load_backbone_weights,
    load_detector_weights,
    published_norm,
)
from structures import Batch, Prediction


class TorchvisionDetector(Detector):
    """A detection network of torchvision, with its own losses and its own postprocessing.

    In train mode `losses` is torchvision's computation to the bit. In eval mode frames of equal
    size go through the network together, so that the results of a frame do not depend on its batch;
    losses that sample anchors or proposals draw the same ones every time.

    Weights named here are read once, when the detector is made; its checkpoints carry their own and
    load on machines that have no such file. None stands for torchvision's own value everywhere.

    Args:
        class_names: see `Detector`.
        category_ids: see `Detector`.
        architecture: name of torchvision's builder, one of
            `detectors.torchvision_family.recipe.ARCHITECTURES`.
        weights: the whole detector, as an enum name such as
            'FasterRCNN_ResNet50_FPN_Weights.COCO_V1' or a file; classes are taken over by name.
        backbone: a timm model under Faster R-CNN, RetinaNet or FCOS in place of ResNet-50, see
            `timm_fpn_backbone`.
        backbone_weights: for the backbone alone: 'imagenet' for the published weights, an enum
            name, or a file.
        backbone_arguments: keyword arguments of the timm backbone.
        pyramid_channels: of the feature pyramid over a timm backbone, and so of the heads.
        trainable_backbone_layers: of the backbone's stages, how many learn, counted from the last.
            By default all that start at random, else 3 (SSDLite 6); of a timm backbone all.
        norm: 'batch' normalises the backbone by its batch; 'frozen' keeps the statistics that
            weights bring, 'frozen_eps_0' without their epsilon.
        reduced_tail: SSDLite alone: whether its backbone ends in half the channels. By default it
            does unless it starts from `backbone_weights`, which have them all.
        min_size: shorter side of the resized picture in pixels; of several, training draws one a
            picture, and the last serves otherwise.
        max_size: the longer side does not exceed this.
        anchor_sizes: see `set_anchors`.
        anchor_ratios: see `set_anchors`.
        nms_iou: IoU up to which two detections of a class may stand together.
        score_threshold: detections score more than this.
        max_detections: boxes kept of a frame.
        pre_nms_top_k: boxes that enter suppression: proposals of a level in Faster and Mask R-CNN,
            detections of a level in RetinaNet and FCOS, detections of a class in SSDLite.
        sampled_proposals: of a frame, those that teach the box head of Faster R-CNN.
        optimizer: see `Detector`.
        schedule: see `Detector`.
        schedule_interval: see `Detector`.
        parameter_groups: see `Detector`.

    Raises:
        ValueError: if an argument is not understood, class names collide or weights do not fit.
        FileNotFoundError: if weights cannot be had.
    """

    def __init__(
        self,
        class_names: Sequence[str],
        category_ids: Sequence[int] | None = None,
        architecture: str = "fasterrcnn_resnet50_fpn",
        weights: str | None = None,
        backbone: str | None = None,
        backbone_weights: str | None = None,
        backbone_arguments: Mapping[str, Any] | None = None,
        pyramid_channels: int = 256,
        trainable_backbone_layers: int | None = None,
        norm: str | None = None,
        reduced_tail: bool | None = None,
        min_size: int | Sequence[int] | None = None,
        max_size: int | None = None,
        anchor_sizes: Sequence[float | Sequence[float]] | None = None,
        anchor_ratios: Sequence[float | Sequence[float]] | None = None,
        nms_iou: float | None = None,
        score_threshold: float | None = None,
        max_detections: int | None = None,
        pre_nms_top_k: int | None = None,
        sampled_proposals: int | None = None,
        optimizer: OptimizerFactory | None = None,
        schedule: ScheduleFactory | None = None,
        schedule_interval: str = "epoch",
        parameter_groups: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(
            class_names, category_ids, optimizer, schedule, schedule_interval, parameter_groups
        )
        require_one_start(architecture, weights, backbone, backbone_weights, norm)
        own_weights = None if backbone is not None else backbone_weights
        recipe = Recipe(
            architecture,
            norm or published_norm(architecture, weights, own_weights),
            reduces_tail(architecture, own_weights) if reduced_tail is None else reduced_tail,
            anchor_sizes,
            anchor_ratios,
            builder_options(
                architecture,
                min_size,
                max_size,
                nms_iou,
                score_threshold,
                max_detections,
                pre_nms_top_k,
                sampled_proposals,
            ),
        )
        pyramid = None
        if backbone is not None:
            pyramid = timm_pyramid(
                backbone,
                backbone_weights,
                backbone_arguments,
                trainable_backbone_layers,
                width=pyramid_channels,
                dense=not architecture.startswith("fasterrcnn"),
            )
        elif trainable_backbone_layers is None and (weights or backbone_weights):
            trainable_backbone_layers = require_architecture(architecture).trainable
        self.network = build_network(recipe, len(self.classes) + 1, pyramid)
        if weights is not None:
            self.imported_classes = load_detector_weights(
                self.network, recipe, weights, self.classes.names
            )
        elif own_weights is not None:
            load_backbone_weights(self.network, architecture, own_weights)
        if pyramid is None and trainable_backbone_layers is not None:
            freeze_stages(self.network, trainable_backbone_layers)
        # The checkpoint has the weights. Rebuilding from it must make the same network without
        # asking for these files again.
        self.hparams.update(
            weights=None,
            backbone_weights=None,
            norm=recipe.norm,
            reduced_tail=recipe.reduced_tail,
            trainable_backbone_layers=trainable_backbone_layers,
        )

    @property
    @override
    def title(self) -> str:
        """As `Detector.title`: the architecture, and what it stands on instead of its own."""
        backbone = self.hparams["backbone"]
        name = str(self.hparams["architecture"])
        return name if backbone is None else f"{name.partition('_')[0]} ({backbone})"

    @override
    def losses(self, batch: Batch) -> dict[str, Tensor]:
        if self.training:
            return self.network(to_images(batch), to_targets(batch))
        return self._in_groups(batch, with_losses=True, with_predictions=False)[0]

    @override
    def predict(self, batch: Batch) -> list[Prediction]:
        return self._in_groups(batch, with_losses=False, with_predictions=True)[1]

    @override
    def losses_and_predictions(self, batch: Batch) -> tuple[dict[str, Tensor], list[Prediction]]:
        if self.training:
            return self.losses(batch), self.predict(batch)
        return self._in_groups(batch, with_losses=True, with_predictions=True)

    @override
    def coverage(self, boxes: Tensor, labels: Tensor, frame_sizes: Tensor) -> dict[str, float]:
        """Refuses to train a Mask R-CNN, for no training set has masks here. See `Detector`.

        Raises:
            ValueError: if this is a Mask R-CNN.
        """
        if self.hparams["architecture"].startswith("maskrcnn"):
            raise ValueError(
                "Mask R-CNN cannot be trained here: targets are boxes without masks, so its mask "
                "branch would learn nothing. Train model=faster_rcnn, which is the same network "
                "without that branch, or evaluate a Mask R-CNN with published weights"
            )
        return super().coverage(boxes, labels, frame_sizes)

    @override
    def detection_graph(self) -> TorchvisionGraph:
        return TorchvisionGraph(self.network)

    def _in_groups(
        self, batch: Batch, with_losses: bool, with_predictions: bool
    ) -> tuple[dict[str, Tensor], list[Prediction]]:
        """Frames of one size together; losses are their mean over all frames."""
        images, targets = to_images(batch), to_targets(batch)
        losses: dict[str, Tensor] = {}
        predictions: dict[int, Prediction] = {}
        for group in groups_of_one_size(self.network, images):
            own = [images[index] for index in group]
            with one_backbone_pass(self.network):
                if with_losses:
                    wanted = [targets[index] for index in group]
                    with acting_as(self.network, training=True), fixed_draws(self.device):
                        found = self.network(own, wanted)
                    for name, loss in found.items():
                        losses[name] = losses.get(name, 0) + loss * (len(group) / len(images))
                if with_predictions:
                    with acting_as(self.network, training=False), torch.no_grad():
                        rows = zip(group, self.network(own), strict=True)
                    for index, row in rows:
                        size = (images[index].shape[1], images[index].shape[2])
                        image_id = batch.frame_targets()[index].image_id
                        predictions[index] = to_prediction(image_id, size, row)
        return losses, [predictions[index] for index in sorted(predictions)]
