"""Does an ONNX file find what its detector finds? Asked of onnxruntime, picture by picture.

Detections are compared as sets: order among equal scores is nobody's promise.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from detectors.base import Detector
from detectors.onnx_graph import INPUT, OUTPUTS
from structures import Batch, Prediction, Target

SCORE_TOLERANCE = 1e-4
BOX_TOLERANCE = 1e-2  # pixels of the frame

# Two engines round differently by about 1e-6 of a value. Disturbing weights by more than that shows
# nearly every choice that rounding could turn.
_DISTURBANCE = 1e-5
_DISTURBED_SLACK = 10  # by how much the tolerances are widened for detections so disturbed


@dataclass
class Agreement:
    """What a check has compared, and by how much the two differed at most.

    Attributes:
        pictures: compared.
        empty: of them without a detection.
        undecided: pictures left out, for rounding alone makes the detector itself find others.
        detections: compared.
        score: largest difference of scores.
        box: largest difference of box edges in pixels.
    """

    pictures: int = 0
    empty: int = 0
    undecided: int = 0
    detections: int = 0
    score: float = 0.0
    box: float = 0.0


@dataclass(frozen=True)
class Difference:
    """How two sets of detections of a frame differ.

    Attributes:
        score: largest difference of scores among partners.
        box: largest difference of box edges among partners, in pixels.
        alone: indices of the first set's detections without a partner, and of the second's.
    """

    score: float
    box: float
    alone: tuple[list[int], list[int]]


def check_onnx(file: Path, detector: Detector, batches: Iterable[Tensor]) -> Agreement:
    """Compare the detections of a file with those of its detector.

    Where two boxes of equal score overlap, or a score lies on the threshold, rounding decides
    which detections there are. A picture on which weights disturbed by rounding change the
    detector's own answer says nothing of the file and is left out.

    Args:
        file: an exported model.
        detector: which it was made from, on the CPU, in eval mode.
        batches: uint8 [B, 3, H, W] each, as the file takes them.

    Raises:
        ValueError: if the file finds something else, saying where; or if the pictures show too
            little: no detection to compare, or most of them undecided.
    """
    session = _session(file)
    twin = _disturbed(detector)
    agreement = Agreement()
    for frames in batches:
        for frame, found in zip(frames, _run(session, frames), strict=True):
            expected = _predict(detector, frame)
            if frame.amax() == 0 and len(expected.scores):
                continue  # equal cells find equal things; black is for finding nothing
            disturbed = difference(expected, _predict(twin, frame), _DISTURBED_SLACK)
            if any(disturbed.alone):
                agreement.undecided += 1
                continue
            found_difference = difference(expected, found)
            if any(found_difference.alone):
                raise ValueError(_disagreement(frames, expected, found, found_difference))
            agreement.pictures += 1
            agreement.empty += len(expected.scores) == 0
            agreement.detections += len(expected.scores)
            agreement.score = max(agreement.score, found_difference.score)
            agreement.box = max(agreement.box, found_difference.box)
    _require_enough(agreement)
    return agreement


def difference(first: Prediction, second: Prediction, slack: float = 1) -> Difference:
    """Pair the detections of two sets, the nearest first.

    Partners have equal labels, scores within `SCORE_TOLERANCE` and boxes within `BOX_TOLERANCE`.

    Args:
        first: detections of a frame.
        second: detections of the same frame.
        slack: widens both tolerances.
    """
    score = (first.scores[:, None] - second.scores).abs()
    box = (first.boxes[:, None] - second.boxes).abs().amax(2)
    cost = torch.maximum(score / SCORE_TOLERANCE, box / BOX_TOLERANCE)
    cost[first.labels[:, None] != second.labels] = torch.inf
    cost[cost > slack] = torch.inf
    alone = list(range(len(first.scores))), list(range(len(second.scores)))
    largest = [0.0, 0.0]
    while cost.numel() and cost.min() < torch.inf:
        i, j = divmod(int(cost.argmin()), cost.shape[1])
        largest = [max(largest[0], float(score[i, j])), max(largest[1], float(box[i, j]))]
        alone[0].remove(i)
        alone[1].remove(j)
        cost[i], cost[:, j] = torch.inf, torch.inf
    return Difference(largest[0], largest[1], alone)


def drawn_batches(batch: int | None) -> Iterator[Tensor]:
    """Rectangles on clouds in several sizes, then plain black, from a fixed seed.

    Args:
        batch: frames a batch; None for several numbers of them.

    Yields:
        uint8 [B, 3, H, W].
    """
    random = torch.Generator().manual_seed(0)
    for count, height, width in (
        (1, 300, 300),
        (3, 240, 320),
        (2, 333, 500),
        (4, 97, 150),
        (1, 480, 360),
        (2, 64, 64),
    ):
        frames = [_drawn(height, width, random) for _ in range(batch or count)]
        yield torch.stack(frames)
    yield torch.zeros(batch or 2, 3, 200, 280, dtype=torch.uint8)


def _drawn(height: int, width: int, random: torch.Generator) -> Tensor:
    """Clouds, rectangles on them, and a little noise over all: uint8 [3, height, width].

    No area may be flat: neighbouring cells would find equal things, and chance choose among them.
    And noise alone is too rough: resizing it multiplies the rounding of coordinates.
    """

    def below(high: int, *shape: int) -> Tensor:
        return torch.randint(high, shape, generator=random)

    clouds = below(120, 1, 3, height // 16 + 2, width // 16 + 2).float()
    frame = F.interpolate(clouds, size=(height, width), mode="bicubic")[0].clamp(0, 120)
    for _ in range(8):
        top, left = int(below(height * 3 // 4)), int(below(width * 3 // 4))
        bottom, right = top + 4 + int(below(height // 2)), left + 4 + int(below(width // 2))
        frame[:, top:bottom, left:right] += below(120, 3, 1, 1)
    return (frame.clamp(0, 240) + below(6, 3, height, width)).to(torch.uint8)


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


def _disturbed(detector: Detector) -> Detector:
    """A copy with weights that differ by rounding."""
    twin = copy.deepcopy(detector)
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weights in twin.parameters():
            weights.mul_(1 + _DISTURBANCE * torch.randn(weights.shape, generator=random))
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
    return "\n".join(
        [
            "the exported file does not find what the detector finds, so it was not kept: in a "
            f"picture of {size} pixels (batch of {len(frames)}) {len(expected.scores)} detections "
            f"became {len(found.scores)}, {len(differing.alone[0])} of them have no partner "
            f"within {SCORE_TOLERANCE:g} in score and {BOX_TOLERANCE:g} px",
            *lines,
        ]
    )


def _require_enough(agreement: Agreement) -> None:
    if agreement.detections == 0:
        raise ValueError(
            "the exported file could not be checked and was not kept: the detector finds nothing "
            "in the drawn pictures; give source=<folder> with some in which it does"
        )
    if agreement.undecided > agreement.pictures:
        raise ValueError(
            "the exported file could not be checked and was not kept: on "
            f"{agreement.undecided} of {agreement.undecided + agreement.pictures} pictures "
            "rounding alone changes what the detector finds (its scores are nearly all equal); "
            "train it for longer, or give source=<folder> with some that it knows"
        )
