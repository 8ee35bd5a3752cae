"""TransVOD Lite as a detector of the zoo: of clips, and with `keep: []` of single frames."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from typing_extensions import override

from detectors.base import OptimizerFactory, ScheduleFactory
from detectors.onnx_graph import DetectionGraph
from detectors.transvod_lite.inputs import clip_inputs
from detectors.transvod_lite.loss import SetCriterion
from detectors.transvod_lite.matching import Output
from detectors.transvod_lite.network import TransVODLiteNetwork
from detectors.transvod_lite.postprocess import detections
from detectors.transvod_lite.reference_weights import load_reference_weights, read_reference
from detectors.transvod_lite.streaming import StreamingDetector
from detectors.transvod_lite.truth import frame_truths
from detectors.transvod_lite.two_stages import TEMPORAL, TwoStageDetector
from structures import Batch, Prediction


class FrameOutputs(NamedTuple):
    """What the network says of N frames, in the order of `batch.frames()`.

    Attributes:
        outputs: of the stage that detects, the final one last.
        single_frame: of the single-frame stage where the temporal one detects, else none.
    """

    outputs: list[Output]
    single_frame: list[Output]


class TransVODLite(TwoStageDetector):
    """Video detector of TransVOD Lite (Zhou et al. 2022).

    It is trained in two stages, for trained together from nothing they learn next to nothing. In
    the first the single-frame stage of the network learns and detects alone. At
    `temporal_from_epoch` the temporal stage takes over: it starts from the best checkpoint so far
    with the heads of its decoder, under a schedule that begins anew.

    A network with `keep: []` has the first stage only, and is an image detector.

    Args:
        class_names: see `Detector`.
        category_ids: see `Detector`.
        network: arguments of `TransVODLiteNetwork` but for the number of classes.
        weights: a checkpoint that the authors released; classes are taken over by name.
        short_side: frames are resized so that their shorter side has so many pixels,
        long_side: and the longer one at most so many; None sets no bound.
        cadence: seconds from frame to frame, the unit in which the network is told of time.
        temporal_from_epoch: the epoch, counted from 0, at which the temporal stage takes over; 0 if
            the single-frame stage comes trained (`weights`, or a warm start).
        freeze_single_frame: whether the single-frame stage rests once the temporal stage detects;
            otherwise both learn, each with its own losses.
        cost: see `SetCriterion`.
        loss_weight: see `weight` of `SetCriterion`.
        max_detections: boxes kept of a frame.
        optimizer: see `Detector`.
        schedule: see `Detector`; each stage has one of its own.
        schedule_interval: see `Detector`.
        parameter_groups: see `Detector`; rules that only fit frozen parameters are passed over.

    Raises:
        ValueError: if an argument is not understood or weights do not fit.
        FileNotFoundError: if weights cannot be had.
    """

    def __init__(
        self,
        class_names: Sequence[str],
        category_ids: Sequence[int] | None = None,
        network: Mapping[str, Any] | None = None,
        weights: str | None = None,
        short_side: int = 600,
        long_side: int | None = 1000,
        cadence: float = 1.0,
        temporal_from_epoch: int = 0,
        freeze_single_frame: bool = True,
        cost: Sequence[float] = (2.0, 5.0, 2.0),
        loss_weight: Sequence[float] = (2.0, 5.0, 2.0),
        max_detections: int = 100,
        optimizer: OptimizerFactory | None = None,
        schedule: ScheduleFactory | None = None,
        schedule_interval: str = "epoch",
        parameter_groups: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(
            class_names, category_ids, optimizer, schedule, schedule_interval, parameter_groups
        )
        _check_ranges(short_side, long_side, cadence, temporal_from_epoch, max_detections)
        self.short_side, self.long_side = short_side, long_side
        self.cadence = cadence
        self.max_detections = max_detections
        settings = _with_defaults(network or {})
        self.network = TransVODLiteNetwork(len(self.classes), **settings)
        if weights is not None:
            state = read_reference(Path(weights))
            names = self.classes.names
            loaded = load_reference_weights(self.network, state, names, source=weights)
            self.imported_classes = loaded.known(names)
        # The checkpoint has the weights; rebuilding from it must not ask for these files again.
        self.hparams.update(weights=None, network={**settings, "backbone_weights": None})
        self.criterion = SetCriterion(cost, loss_weight)
        self.set_up_stages(temporal_from_epoch, freeze_single_frame)

    @property
    @override
    def title(self) -> str:
        kind = "" if self.stage == TEMPORAL else ", single frames"
        return f"TransVOD Lite ({self.hparams['network']['backbone']}{kind})"

    @override
    def losses(self, batch: Batch) -> dict[str, Tensor]:
        return self._losses(batch, self._forward(batch))

    @override
    def predict(self, batch: Batch) -> list[Prediction]:
        return self._predictions(batch, self._forward(batch))

    @override
    def losses_and_predictions(self, batch: Batch) -> tuple[dict[str, Tensor], list[Prediction]]:
        found = self._forward(batch)
        return self._losses(batch, found), self._predictions(batch, found)

    @override
    def stream(self, window: int) -> StreamingDetector | None:
        return StreamingDetector(self, window) if self.stage == TEMPORAL else None

    @override
    def detection_graph(self) -> DetectionGraph:
        raise NotImplementedError(
            "it detects in clips, and an exported graph takes frames one by one; predict.py "
            "follows videos and streams"
        )

    def _forward(self, batch: Batch) -> FrameOutputs:
        inputs = clip_inputs(
            batch,
            self.network.mean,
            self.network.std,
            self.short_side,
            self.long_side,
            self.cadence,
        )
        found = self.network(*inputs, temporal=self.stage == TEMPORAL)
        index = None
        if inputs.absent is not None:
            longest = inputs.frames.shape[1]
            rows = [b * longest + t for b, clip in enumerate(batch.clips) for t in range(len(clip))]
            index = torch.tensor(rows).to(inputs.frames.device, non_blocking=True)

        def of_frames(pair: Output) -> Output:
            logits, boxes = (values.flatten(0, 1) for values in pair)
            return (logits, boxes) if index is None else (logits[index], boxes[index])

        outputs = [*found.auxiliary, (found.logits, found.boxes)]
        return FrameOutputs(
            [of_frames(pair) for pair in outputs], [of_frames(pair) for pair in found.single_frame]
        )

    def _losses(self, batch: Batch, found: FrameOutputs) -> dict[str, Tensor]:
        truth = frame_truths(batch)
        losses = self.criterion(found.outputs, *truth)
        if self.both_learn():
            # The heads that decide which queries go on are out of reach of the temporal losses.
            single = self.criterion(found.single_frame, *truth)
            losses |= {f"single_frame_{name}": loss for name, loss in single.items()}
        return losses

    @torch.no_grad()
    def _predictions(self, batch: Batch, found: FrameOutputs) -> list[Prediction]:
        sizes = [(frame.shape[1], frame.shape[2]) for frame in batch.frames()]
        rows = detections(*found.outputs[-1], sizes, self.max_detections)
        return [
            Prediction(boxes, scores, columns + 1, target.image_id)
            for (boxes, scores, columns), target in zip(rows, batch.frame_targets(), strict=True)
        ]


def _with_defaults(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The network's settings in full, so that checkpoints outlive a change of defaults."""
    parameters = inspect.signature(TransVODLiteNetwork).parameters
    defaults = {name: p.default for name, p in parameters.items() if p.default is not p.empty}
    for name in settings:
        if name not in defaults:
            near = get_close_matches(name, defaults, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ValueError(
                f"model.network: has no setting {name!r}; {hint}Known here: {sorted(defaults)}"
            )
    return {**defaults, **settings}


def _check_ranges(
    short_side: int,
    long_side: int | None,
    cadence: float,
    temporal_from_epoch: int,
    max_detections: int,
) -> None:
    if short_side < 1 or (long_side is not None and long_side < short_side):
        raise ValueError(
            f"model needs 1 <= short_side <= long_side, got short_side={short_side} and "
            f"long_side={long_side}"
        )
    if cadence <= 0 or temporal_from_epoch < 0 or max_detections < 1:
        raise ValueError(
            "model needs cadence > 0, temporal_from_epoch >= 0 and max_detections >= 1, got "
            f"cadence={cadence}, temporal_from_epoch={temporal_from_epoch} and "
            f"max_detections={max_detections}"
        )
