"""SSD300 as a detector of the zoo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from detectors.base import Detector, OptimizerFactory, ScheduleFactory
from detectors.loss_normaliser import mean_over_processes
from detectors.ssd300.detection_graph import SSD300Graph
from detectors.ssd300.loss import MultiBoxLoss
from detectors.ssd300.network import SSD300Network
from detectors.ssd300.postprocess import candidates, suppress, to_frame
from detectors.ssd300.priors import FRAME, best_prior_iou
from detectors.ssd300.timm_trunk import TimmTrunk
from detectors.ssd300.torchvision_weights import load_detector_weights, load_vgg_weights
from detectors.ssd300.vgg import VGG16Trunk
from structures import Batch, Prediction
from structures.boxes import scale_boxes

_MOST_BOXES = 20_000  # compared with the priors by `coverage`; more would not change a percentage


class SSD300(Detector):
    """Single-shot detector at 300x300 (Liu et al. 2016).

    Weights named here are read once, when the detector is made; its checkpoints carry their own and
    load on machines that have no such file.

    Args:
        class_names: see `Detector`.
        category_ids: see `Detector`.
        trunk: 'vgg16' (the paper) or the name of a timm backbone.
        priors: 'coco', 'voc', 'facades', 'seed' or explicit shapes, see `prior_shapes`.
        prior_centres: 'steps' or 'grid', see `build_priors`.
        weights: a whole torchvision `ssd300_vgg16`, as an enum name such as
            'SSD300_VGG16_Weights.COCO_V1' or a file; classes are taken over by name.
        trunk_arguments: keyword arguments of the timm backbone, such as narrower `channels`.
        trunk_weights: for the trunk alone: 'imagenet' for the published weights, or a file.
        trainable_backbone_layers: of VGG16's five convolution stages, how many learn, counted from
            the last; for 'vgg16' only.
        forced: see `MultiBoxLoss`.
        localisation: see `MultiBoxLoss`.
        loc_weight: see `MultiBoxLoss`.
        min_negatives: see `MultiBoxLoss`.
        nms_iou: IoU up to which two boxes of a class may stand together; one number, or one for
            each class name.
        score_threshold: detections score more than this.
        candidates_per_class: boxes of a class that enter suppression.
        max_detections: boxes kept of a frame.
        optimizer: see `Detector`.
        schedule: see `Detector`.
        schedule_interval: see `Detector`.
        parameter_groups: see `Detector`.

    Raises:
        ValueError: if an argument is not understood or weights do not fit.
        FileNotFoundError: if weights cannot be had.
    """

    network: SSD300Network

    def __init__(
        self,
        class_names: Sequence[str],
        category_ids: Sequence[int] | None = None,
        trunk: str = "vgg16",
        priors: str | Mapping[str, Any] = "coco",
        prior_centres: str = "steps",
        weights: str | None = None,
        trunk_arguments: Mapping[str, Any] | None = None,
        trunk_weights: str | None = None,
        trainable_backbone_layers: int | None = None,
        forced: str = "overwrite",
        localisation: str = "smooth_l1_sum",
        loc_weight: float = 1.0,
        min_negatives: int = 0,
        nms_iou: float | Mapping[str, float] = 0.45,
        score_threshold: float = 0.01,
        candidates_per_class: int = 400,
        max_detections: int = 200,
        optimizer: OptimizerFactory | None = None,
        schedule: ScheduleFactory | None = None,
        schedule_interval: str = "epoch",
        parameter_groups: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(
            class_names, category_ids, optimizer, schedule, schedule_interval, parameter_groups
        )
        backbone = _build_trunk(trunk, trunk_arguments, trunk_weights, trainable_backbone_layers)
        self.network = SSD300Network(len(self.classes), backbone, priors, prior_centres)
        if weights is not None:
            self.imported_classes = load_detector_weights(self.network, weights, self.classes.names)
        # The checkpoint has the weights; rebuilding from it must not ask for these files again.
        self.hparams.update(weights=None, trunk_weights=None)
        self.loss = MultiBoxLoss(forced, localisation, loc_weight, min_negatives=min_negatives)
        self.nms_iou = _nms_iou_of_classes(nms_iou, self.classes.names)
        if candidates_per_class < 1 or max_detections < 1 or not 0 <= score_threshold <= 1:
            raise ValueError(
                "needs candidates_per_class >= 1, max_detections >= 1 and score_threshold in 0..1, "
                f"got {candidates_per_class}, {max_detections} and {score_threshold}"
            )
        self.score_threshold = score_threshold
        self.candidates_per_class = candidates_per_class
        self.max_detections = max_detections

    @property
    @override
    def title(self) -> str:
        return f"SSD300 ({self.hparams['trunk']})"

    @override
    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        if batch.frame_count == 0:
            # The losses of other processes wait for this one's number of positives.
            mean_over_processes(torch.zeros((), dtype=torch.int64, device=self.device))
        return super().training_step(batch, batch_idx)

    @override
    def losses(self, batch: Batch) -> dict[str, Tensor]:
        return self._losses(batch, *self._forward(batch))

    @override
    def predict(self, batch: Batch) -> list[Prediction]:
        return self._predictions(batch, *self._forward(batch))

    @override
    def losses_and_predictions(self, batch: Batch) -> tuple[dict[str, Tensor], list[Prediction]]:
        codes, logits = self._forward(batch)
        return self._losses(batch, codes, logits), self._predictions(batch, codes, logits)

    @override
    def coverage(self, boxes: Tensor, labels: Tensor, frame_sizes: Tensor) -> dict[str, float]:
        """Share of boxes that some prior meets with IoU >= .5, overall and by class.

        Of more than 20,000 boxes an even selection is looked at. See `Detector.coverage`.
        """
        step = max(1, -(-len(boxes) // _MOST_BOXES))
        boxes, labels, sizes = boxes[::step], labels[::step], frame_sizes[::step]
        if len(boxes) == 0:
            return {}
        scale = FRAME / sizes.flip(1).repeat(1, 2).to(boxes.dtype)
        met = best_prior_iou(self.network.priors.to(boxes.device), boxes * scale) >= 0.5
        recall = {"prior_recall_50": float(met.double().mean())}
        for label in labels.unique().tolist():
            share = float(met[labels == label].double().mean())
            recall[f"prior_recall_50/{self.classes.name(label)}"] = share
        return recall

    @override
    def detection_graph(self) -> SSD300Graph:
        return SSD300Graph(
            self.network,
            self.nms_iou,
            self.score_threshold,
            self.candidates_per_class,
            self.max_detections,
        )

    def _forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        return self.network(self.network.prepare(batch.frames()))

    def _losses(self, batch: Batch, codes: Tensor, logits: Tensor) -> dict[str, Tensor]:
        boxes, labels, ignored = [], [], []
        for frame, target in zip(batch.frames(), batch.frame_targets(), strict=True):
            size = (frame.shape[1], frame.shape[2])
            # A crowd's box is no object, and no prior should learn to draw it.
            single = slice(None) if target.iscrowd is None else ~target.iscrowd
            boxes.append(scale_boxes(target.boxes, size, (FRAME, FRAME))[single])
            labels.append(target.labels[single])
            regions = target.ignore
            ignored.append(None if regions is None else scale_boxes(regions, size, (FRAME, FRAME)))
        return self.loss(codes, logits, self.network.priors, boxes, labels, ignored)

    @torch.no_grad()
    def _predictions(self, batch: Batch, codes: Tensor, logits: Tensor) -> list[Prediction]:
        found = candidates(codes, logits, self.network.priors, self.candidates_per_class)
        predictions = []
        rows = zip(batch.frames(), batch.frame_targets(), *found, strict=True)
        for frame, target, boxes, scores, labels in rows:
            kept = suppress(
                boxes, scores, labels, self.nms_iou, self.score_threshold, self.max_detections
            )
            size = (frame.shape[1], frame.shape[2])
            predictions.append(
                Prediction(to_frame(boxes[kept], size), scores[kept], labels[kept], target.image_id)
            )
        return predictions


def _build_trunk(
    name: str,
    arguments: Mapping[str, Any] | None,
    weights: str | None,
    trainable_layers: int | None,
) -> VGG16Trunk | TimmTrunk:
    if name != "vgg16":
        if trainable_layers is not None:
            raise ValueError(
                f"trainable_backbone_layers is for trunk 'vgg16'; it cannot freeze timm's {name}"
            )
        return TimmTrunk(name, weights, arguments)
    if arguments:
        raise ValueError(
            f"trunk_arguments are for timm backbones; trunk 'vgg16' takes none, got {arguments}"
        )
    trunk = VGG16Trunk(5 if trainable_layers is None else trainable_layers)
    if weights is not None:
        load_vgg_weights(trunk, weights)
    return trunk


def _nms_iou_of_classes(
    nms_iou: float | Mapping[str, float], names: Sequence[str]
) -> tuple[float, ...]:
    by_name = nms_iou if isinstance(nms_iou, Mapping) else dict.fromkeys(names, nms_iou)
    if set(by_name) != set(names):
        raise ValueError(
            f"nms_iou must be one number or have each class once: expected {sorted(names)}, "
            f"got {sorted(by_name)}"
        )
    wrong = {name: iou for name, iou in by_name.items() if not 0 <= iou <= 1}
    if wrong:
        raise ValueError(f"nms_iou must be from 0 to 1, got {wrong}")
    return tuple(float(by_name[name]) for name in names)
