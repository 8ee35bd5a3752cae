"""Torchvision's networks as ONNX files, run in onnxruntime, against their detector's `predict`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from detectors.onnx_export import export_onnx
from detectors.onnx_sets import difference
from detectors.torchvision_family.detection_graph import _ExactTransform
from detectors.torchvision_family.module import TorchvisionDetector
from structures import Batch, Prediction, Target


def untrained(architecture: str, **settings: Any) -> TorchvisionDetector:
    torch.manual_seed(0)
    sizes = {"min_size": 96, "max_size": 150}
    return TorchvisionDetector(
        ["window", "door"], architecture=architecture, **sizes, **settings
    ).eval()


def picture(height: int, width: int) -> Tensor:
    random = torch.Generator().manual_seed(width)
    coarse = torch.rand(1, 3, 9, 11, generator=random) * 240
    return F.interpolate(coarse, size=(height, width), mode="bicubic").clamp(0, 255).to(torch.uint8)


def predicted(detector: TorchvisionDetector, frames: Tensor) -> Prediction:
    nothing = Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), 1)
    return detector.predict(Batch([frames], [[nothing]]))[0]


def found(file: Path, frames: Tensor) -> Prediction:
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    boxes, scores, labels, counts = map(
        torch.from_numpy, session.run(None, {"frames": frames.numpy()})
    )
    assert counts.tolist() == [scores.shape[1]]
    return Prediction(boxes[0], scores[0], labels[0], 1)


@pytest.mark.slow
@pytest.mark.usefixtures("few_regions")
@pytest.mark.parametrize(
    ("architecture", "score_threshold"),
    [
        ("fasterrcnn_resnet50_fpn", 0.05),
        ("retinanet_resnet50_fpn", 0.005),
        ("fcos_resnet50_fpn", 0.005),
    ],
)
def test_a_file_finds_what_torchvision_finds(
    architecture: str, score_threshold: float, tmp_path: Path
):
    detector = untrained(architecture, score_threshold=score_threshold)
    file = tmp_path / "model.onnx"
    export_onnx(detector, file)
    for height, width in ((96, 150), (211, 130), (97, 40)):
        frames = picture(height, width)
        expected = predicted(detector, frames)
        assert difference(expected, found(file, frames)).alone == ([], [])
        assert len(expected.scores) > 4


def test_one_frame_at_a_time_and_why(tmp_path: Path):
    detector = untrained("fasterrcnn_mobilenet_v3_large_320_fpn")
    with pytest.raises(ValueError, match=r"batch=4: .* one frame at a time, because torchvision"):
        export_onnx(detector, tmp_path / "model.onnx", batch=4)


def test_a_picture_without_proposals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    detector = untrained("fasterrcnn_mobilenet_v3_large_320_fpn")
    detector.network.rpn.score_thresh = 2.0
    monkeypatch.setattr("detectors.onnx_check._require_agreement", lambda *_: None)
    agreement = export_onnx(detector, tmp_path / "model.onnx")
    assert agreement.pictures == agreement.empty > 5
    assert len(found(tmp_path / "model.onnx", picture(80, 90)).scores) == 0


def test_pictures_are_resized_to_the_pixel_as_outside_of_a_graph():
    settings = (320, 640, [0.5] * 3, [0.2] * 3)
    exact, reference = _ExactTransform(*settings), GeneralizedRCNNTransform(*settings)
    exact.eval(), reference.eval()
    for height, width in [(side, 450 - side) for side in range(30, 420, 3)]:
        image = torch.zeros(1, height, width)
        wanted = reference.resize(image)[0].shape
        assert exact.resize(image)[0].shape == wanted, (height, width)
