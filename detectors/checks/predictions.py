"""Checks of what `predict` returns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from detectors.base import Detector
from detectors.checks.batches import drawn_batch, expect
from structures import Batch, Prediction
from structures.boxes import inside_frame

_VARIANTS = 6


def check_predicts_pictures(module: Detector) -> None:
    """Each picture (T = 1) gets one prediction; otherwise pictures cannot be evaluated at all."""
    _expect_one_per_frame(module, drawn_batch(module))


def check_predicts_clips(module: Detector) -> None:
    """Each frame of clips (T = 3) gets one prediction; otherwise video frames go unjudged."""
    _expect_one_per_frame(module, drawn_batch(module, frames=3))


def check_predicts_mixed_sizes(module: Detector) -> None:
    """Frames of a batch differ in size; a detector that stacks them fails on real data."""
    _expect_one_per_frame(module, drawn_batch(module, ((96, 128), (144, 100), (111, 97))))


def check_predicts_mixed_lengths(module: Detector) -> None:
    """Clips of a batch differ in length; a detector that stacks them fails at a video's end."""
    _expect_one_per_frame(module, drawn_batch(module, frames=(1, 3)))


def check_prediction_types(module: Detector) -> None:
    """Evaluation and files rely on dtypes and shapes; half floats lose pixels on large frames."""
    for prediction in predict_in_eval_mode(module, drawn_batch(module)):
        kept = len(prediction.scores)
        _expect_tensor("boxes", prediction.boxes, torch.float32, [kept, 4])
        _expect_tensor("scores", prediction.scores, torch.float32, [kept])
        _expect_tensor("labels", prediction.labels, torch.int64, [kept])
        expect(
            type(prediction.image_id) is int,
            f"image_id is {type(prediction.image_id).__name__}, expected int; pass the target's on",
        )


def check_boxes_inside_frame(module: Detector) -> None:
    """Boxes outside the frame or without area corrupt pictures, crops and IoU."""
    batch = drawn_batch(module, ((96, 128), (144, 100)))
    found = predict_in_eval_mode(module, batch)
    for frame, prediction in zip(batch.frames(), found, strict=True):
        size = (frame.shape[1], frame.shape[2])
        outside = ~inside_frame(prediction.boxes, size)
        expect(
            not bool(outside.any()),
            f"{int(outside.sum())} of {len(outside)} boxes leave the {size[1]}x{size[0]} frame or "
            f"are empty, e.g. {prediction.boxes[outside][:1].tolist()}; clip to the frame "
            "(torchvision.ops.clip_boxes_to_image) and drop empty boxes",
        )


def check_boxes_in_original_pixels(module: Detector) -> None:
    """Boxes are pixels of the frame as stored; other units or swapped axes give zero recall."""
    for size, axis in (((64, 192), 0), ((192, 64), 1)):
        (prediction,) = predict_in_eval_mode(module, drawn_batch(module, [size]))
        if len(prediction.boxes) == 0:
            continue
        reach = float(prediction.boxes[:, 2 + axis].max())
        expect(
            reach > min(size),
            f"in a {size[1]}x{size[0]} frame no box reaches beyond {reach:.1f} on the long "
            f"{'xy'[axis]} axis; scale x by the frame's width, y by its height, and return "
            "absolute pixels",
        )


def check_labels_in_range(module: Detector) -> None:
    """Labels are 1..C; 0 is background, and anything else indexes past the class list."""
    last = len(module.classes)
    for prediction in _predictions_of_variants(module):
        labels = prediction.labels
        wrong = labels[(labels < 1) | (labels > last)]
        expect(
            len(wrong) == 0,
            f"labels {wrong.unique().tolist()} outside 1..{last}; leave background (0) out and "
            "count classes from 1",
        )


def check_scores_in_range(module: Detector) -> None:
    """Scores are probabilities; logits break thresholds, operating points and calibration."""
    for prediction in _predictions_of_variants(module):
        wrong = prediction.scores[~((prediction.scores >= 0) & (prediction.scores <= 1))]
        expect(
            len(wrong) == 0,
            f"scores {wrong[:3].tolist()} leave [0, 1]; apply the sigmoid or softmax in predict",
        )


def check_scores_descend(module: Detector) -> None:
    """Best first: evaluation keeps the first 100 of a frame and would drop the best ones."""
    for prediction in predict_in_eval_mode(module, drawn_batch(module)):
        expect(
            bool((prediction.scores.diff() <= 0).all()),
            f"scores of image {prediction.image_id} do not descend; sort before returning",
        )


def predict_in_eval_mode(module: Detector, batch: Batch) -> list[Prediction]:
    """Predictions as a validation makes them: eval mode, no gradients."""
    module.eval()
    with torch.no_grad():
        return module.predict(batch)


def expect_same_predictions(
    found: Sequence[Prediction], wanted: Sequence[Prediction], why: str
) -> None:
    """Expect the same detections in the same order, up to rounding."""
    for one, two in zip(found, wanted, strict=True):
        same = torch.equal(one.labels, two.labels)
        same = same and torch.allclose(one.boxes, two.boxes, atol=1e-2)
        expect(same and torch.allclose(one.scores, two.scores, atol=1e-4), why)


def _predictions_of_variants(module: Detector) -> Iterator[Prediction]:
    """Predictions of some detectors with disturbed weights: an untrained one favours one class."""
    batch = drawn_batch(module, [(96, 128)])
    for _ in range(_VARIANTS):
        yield from predict_in_eval_mode(module, batch)
        with torch.no_grad():
            for weight in module.parameters():
                if weight.ndim > 1:
                    weight.add_(torch.randn_like(weight) * weight.std(correction=0))


def _expect_one_per_frame(module: Detector, batch: Batch) -> None:
    found = [prediction.image_id for prediction in predict_in_eval_mode(module, batch)]
    wanted = [target.image_id for target in batch.frame_targets()]
    expect(
        found == wanted,
        f"predictions have image_ids {found}, expected {wanted}: one for each frame, in the order "
        "of batch.frames(), with the image_id of batch.frame_targets()",
    )


def _expect_tensor(name: str, value: Tensor, dtype: torch.dtype, shape: list[int]) -> None:
    expect(
        value.dtype == dtype and list(value.shape) == shape,
        f"{name} is {value.dtype} {list(value.shape)}, expected {dtype} {shape}; convert it at the "
        "end of predict",
    )


CHECKS = (
    check_predicts_pictures,
    check_predicts_clips,
    check_predicts_mixed_sizes,
    check_predicts_mixed_lengths,
    check_prediction_types,
    check_boxes_inside_frame,
    check_boxes_in_original_pixels,
    check_labels_in_range,
    check_scores_in_range,
    check_scores_descend,
)
