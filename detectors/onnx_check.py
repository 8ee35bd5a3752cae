"""Does an ONNX file find what its detector finds? Asked of onnxruntime, picture by picture."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from detectors.base import Detector
from detectors.onnx_graph import INPUT, OUTPUTS
from detectors.onnx_sets import BOX_TOLERANCE, SCORE_TOLERANCE, Difference, difference
from structures import Batch, Prediction, Target

# Two engines round differently by about 1e-6 of a value. The larger disturbance shows nearly every
# choice that this could turn; what it merely moves stays within the wider tolerances.
_DISTURBANCES = (1e-6, 3e-5)
_DISTURBED_SLACK = 3
_MOST_TURNED = 0.03  # of all detections; where rounding turns more, nothing can be compared


@dataclass
class Agreement:
    """What a check has compared, and by how much the two differed at most.

    Attributes:
        pictures: compared.
        empty: of them without a detection.
        detections: of the detector in these pictures.
        turned: of them those that rounding turned: the file has another or none.
        own_turned: the same for the detector against itself with weights disturbed by rounding.
        score: largest difference of scores among the others.
        box: largest difference of their box edges in pixels.
    """

    pictures: int = 0
    empty: int = 0
    detections: int = 0
    turned: int = 0
    own_turned: int = 0
    score: float = 0.0
    box: float = 0.0


def check_onnx(file: Path, detector: Detector, batches: Iterable[Tensor]) -> Agreement:
    """Compare the detections of a file with those of its detector.

    Where two overlapping boxes score equally, or a score lies on the threshold, rounding decides
    which detections there are. So the detector is also compared with itself, its weights disturbed
    by as much as rounding does, and the file may differ in no more detections than these.

    Args:
        file: an exported model.
        detector: which it was made from, on the CPU, in eval mode.
        batches: uint8 [B, 3, H, W] each, as the file takes them.

    Raises:
        ValueError: if the file finds something else, saying where; or if there is no detection to
            compare.
    """
    session = _session(file)
    twins = [_disturbed(detector, share) for share in _DISTURBANCES]
    agreement = Agreement()
    example = ""
    for frames in batches:
        for frame, found in zip(frames, _run(session, frames), strict=True):
            expected = _predict(detector, frame)
            if frame.amax() == 0 and len(expected.scores):
                continue  # equal cells find equal things; black is for finding nothing
            differing = difference(expected, found)
            _count(agreement, expected, differing)
            for twin in twins:
                own = difference(expected, _predict(twin, frame), _DISTURBED_SLACK)
                agreement.own_turned += own.count
            if differing.count and not example:
                example = _disagreement(frames, expected, found, differing)
    _require_agreement(agreement, example)
    return agreement


def _count(agreement: Agreement, expected: Prediction, differing: Difference) -> None:
    agreement.pictures += 1
    agreement.empty += len(expected.scores) == 0
    agreement.detections += len(expected.scores)
    agreement.turned += differing.count
    agreement.score = max(agreement.score, differing.score)
    agreement.box = max(agreement.box, differing.box)


def _require_agreement(agreement: Agreement, example: str) -> None:
    if agreement.detections == 0 and agreement.turned == 0:
        raise ValueError(
            "the exported file could not be checked and was not kept: the detector finds nothing "
            "in the drawn pictures; give source=<folder> with some in which it does"
        )
    most = min(agreement.own_turned, _MOST_TURNED * agreement.detections)
    if agreement.turned <= most:
        return
    hint = ""
    if agreement.own_turned > _MOST_TURNED * agreement.detections:
        hint = (
            f"\nRounding alone turns {agreement.own_turned} detections of the detector itself: its "
            "scores are nearly all equal, as before a training, so that no file could be checked"
        )
    raise ValueError(
        "the exported file does not find what the detector finds and was not kept: of "
        f"{agreement.detections} detections in {agreement.pictures} pictures {agreement.turned} "
        f"have no partner within {SCORE_TOLERANCE:g} in score and {BOX_TOLERANCE:g} px, "
        f"{int(most)} allowed for rounding\n{example}{hint}"
    )


def _session(file: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # its warnings are about its own optimisations
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def _run(session: Any, frames: Tensor) -> list[Prediction]:
    outputs = session.run(list(OUTPUTS), {INPUT: frames.numpy()})
    boxes, scores, labels, counts = map(torch.from_numpy, outputs)
    for kind, rows in zip(OUTPUTS, (boxes, scores, labels), strict=False):
        for row, count in zip(rows, counts, strict=True):
            if row[count:].any():
                raise ValueError(f"the exported file's {kind} hold something behind their count")
    return [
        Prediction(boxes[i, :n], scores[i, :n], labels[i, :n], i)
        for i, n in enumerate(counts.tolist())
    ]


def _predict(detector: Detector, frame: Tensor) -> Prediction:
    nothing = Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), 0)
    with torch.inference_mode():
        (prediction,) = detector.predict(Batch([frame[None]], [[nothing]]))
    return prediction.cpu()


def _disturbed(detector: Detector, share: float) -> Detector:
    """A copy with weights that differ by about this share of themselves."""
    twin = copy.deepcopy(detector)
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weights in twin.parameters():
            weights.mul_(1 + share * torch.randn(weights.shape, generator=random))
    return twin


def _disagreement(
    frames: Tensor, expected: Prediction, found: Prediction, differing: Difference
) -> str:
    sides = (
        ("only the detector finds", expected, differing.alone[0]),
        ("only the file finds", found, differing.alone[1]),
    )
    lines = [
        f"  {what}: label {int(side.labels[i])}, score {float(side.scores[i]):.6f}, "
        f"box {[round(edge, 3) for edge in side.boxes[i].tolist()]}"
        for what, side, alone in sides
        for i in alone[:1]
    ]
    size = "x".join(map(str, frames.shape[2:]))
    first = f"  for example in a picture of {size} pixels, in a batch of {len(frames)}:"
    return "\n".join([first, *lines])
