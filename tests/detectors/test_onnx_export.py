"""ONNX files of detectors, run in onnxruntime here, apart from the export's own check."""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from detectors.base import Detector
from detectors.onnx_export import export_onnx
from detectors.onnx_graph import DetectionGraph
from detectors.ssd300.module import SSD300
from structures import Batch, Prediction, Target

NAMES = ["window", "door", "Türe"]


def light_ssd300(score_threshold: float = 0.5) -> SSD300:
    torch.manual_seed(0)
    detector = SSD300(
        NAMES,
        [3, 7, 90],
        trunk="resnet10t",
        trunk_arguments={"channels": [16, 32, 48, 64], "stem_width": 8},
        nms_iou={"window": 0.45, "door": 0.2, "Türe": 0.45},
        score_threshold=score_threshold,
        candidates_per_class=100,
        max_detections=60,
    )
    detector.operating_point = {"door": 0.25}
    return detector.eval()


def pictures(count: int, height: int, width: int) -> Tensor:
    random = torch.Generator().manual_seed(height)
    coarse = torch.rand(count, 3, 9, 11, generator=random) * 250
    smooth = F.interpolate(coarse, size=(height, width), mode="bicubic")
    return (smooth + torch.rand(smooth.shape, generator=random) * 5).clamp(0, 255).to(torch.uint8)


def predicted(detector: Detector, frames: Tensor) -> list[Prediction]:
    nothing = Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), 1)
    clips = [frame[None] for frame in frames]
    with torch.no_grad():
        return detector.predict(Batch(clips, [[nothing] for _ in clips]))


def session(file: Path) -> Any:
    return onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])


def assert_same_set(expected: Prediction, found: list[Tensor]) -> None:
    boxes, scores, labels = found
    assert len(expected.scores) == len(scores)
    free = list(range(len(scores)))
    for box, score, label in zip(expected.boxes, expected.scores, expected.labels, strict=True):
        partners = [
            i
            for i in free
            if labels[i] == label
            and abs(scores[i] - score) < 1e-4
            and (boxes[i] - box).abs().max() < 1e-2
        ]
        assert partners, (box, score, label)
        free.remove(partners[0])


def assert_finds_the_same(file: Path, detector: Detector, frames: Tensor) -> list[int]:
    outputs = session(file).run(None, {"frames": frames.numpy()})
    boxes, scores, labels, counts = map(torch.from_numpy, outputs)
    assert boxes.dtype == scores.dtype == torch.float32
    assert labels.dtype == counts.dtype == torch.int64
    assert boxes.shape == (*scores.shape, 4)
    for i, expected in enumerate(predicted(detector, frames)):
        n = int(counts[i])
        assert_same_set(expected, [boxes[i, :n], scores[i, :n], labels[i, :n]])
        assert (scores[i, :n].diff() <= 0).all()
        assert not any(part[i, n:].any() for part in (boxes, scores, labels))
    return counts.tolist()


@pytest.fixture(scope="module")
def detector() -> SSD300:
    return light_ssd300()


@pytest.fixture(scope="module")
def file(detector: SSD300, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("export") / "model.onnx"
    export_onnx(detector, out)
    return out


@pytest.mark.parametrize("size", [(300, 300), (211, 340), (620, 480), (40, 33)])
@pytest.mark.parametrize("count", [1, 3])
def test_ssd300_of_any_size_and_number_of_frames(
    file: Path, detector: SSD300, count: int, size: tuple[int, int]
):
    counts = assert_finds_the_same(file, detector, pictures(count, *size))
    assert max(counts) > 0


def test_frames_without_detections(tmp_path: Path):
    detector = light_ssd300(score_threshold=0.82)
    agreement = export_onnx(detector, tmp_path / "model.onnx")
    assert agreement.empty > 1
    counts = assert_finds_the_same(tmp_path / "model.onnx", detector, pictures(3, 211, 340))
    assert 0 in counts
    assert max(counts) > 0


def test_the_files_own_words_suffice_to_use_it(file: Path):
    model = onnx.load(file)
    told = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(told["class_names"]) == NAMES
    assert json.loads(told["category_ids"]) == [3, 7, 90]
    assert json.loads(told["operating_point"]) == {"door": 0.25}
    assert "uint8 [B, 3, H, W]" in told["input"]
    assert "counts" in told["outputs"]
    (given,) = session(file).get_inputs()
    assert (given.name, given.type, given.shape) == ("frames", "tensor(uint8)", ["B", 3, "H", "W"])


def test_nothing_but_the_file_is_left(file: Path):
    assert [path.name for path in file.parent.iterdir()] == ["model.onnx"]


def test_what_was_compared_is_told(detector: SSD300, tmp_path: Path):
    drawn = export_onnx(detector, tmp_path / "model.onnx")
    more = export_onnx(detector, tmp_path / "model.onnx", pictures=pictures(2, 90, 70))
    assert more.pictures == drawn.pictures + 2 >= 12
    assert more.detections > drawn.detections > 100
    assert 0 < more.score <= 1e-4
    assert 0 < more.box <= 1e-2


def test_a_fixed_number_of_frames(detector: SSD300, tmp_path: Path):
    out = tmp_path / "model.onnx"
    export_onnx(detector, out, batch=2)
    assert session(out).get_inputs()[0].shape == [2, 3, "H", "W"]
    assert_finds_the_same(out, detector, pictures(2, 150, 170))


def refusal(detector: Detector, out: Path, **options: Any) -> str:
    out.write_bytes(b"an older file")
    with pytest.raises(ValueError, match=r"batch=|file|export") as caught:
        export_onnx(detector, out, **options)
    assert [path.name for path in out.parent.iterdir()] == [out.name]
    assert out.read_bytes() == b"an older file"
    return str(caught.value)


def with_graph(change: Callable[[DetectionGraph], DetectionGraph]) -> SSD300:
    detector = light_ssd300()
    graph = detector.detection_graph()
    detector.detection_graph = lambda: change(graph)  # type: ignore[method-assign,assignment,return-value]
    return detector


def test_a_file_that_finds_other_boxes_is_not_kept(tmp_path: Path):
    def shifted(graph: Any) -> DetectionGraph:
        graph.network = copy.deepcopy(graph.network)
        with torch.no_grad():
            graph.network.loc[0].bias += 0.02
        return graph

    told = refusal(with_graph(shifted), tmp_path / "model.onnx")
    assert "does not find what the detector finds" in told
    assert "only the file finds: label" in told


class ForgetfulGraph(DetectionGraph):
    """Gives all of a frame's detections but one."""

    def __init__(self, graph: DetectionGraph) -> None:
        super().__init__()
        self.graph = graph

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        boxes, scores, labels, counts = self.graph(frames)
        return boxes[:, 1:], scores[:, 1:], labels[:, 1:], (counts - 1).clamp(min=0)


def test_a_file_that_loses_one_detection_a_picture_is_not_kept(tmp_path: Path):
    told = refusal(with_graph(ForgetfulGraph), tmp_path / "model.onnx")
    assert "only the detector finds: label" in told
    assert "only the file finds" not in told


class FixedSizeGraph(DetectionGraph):
    """Clips to the traced frame, which is smaller than some."""

    def __init__(self, graph: DetectionGraph) -> None:
        super().__init__()
        self.graph = graph

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        boxes, *others = self.graph(frames)
        return boxes.clamp(max=int(frames.shape[3])), *others  # type: ignore[return-value]


def test_a_graph_that_keeps_the_traced_size_is_found_out(tmp_path: Path):
    told = refusal(with_graph(FixedSizeGraph), tmp_path / "model.onnx")
    assert "does not find what the detector finds" in told


class OneFrameGraph(FixedSizeGraph):
    one_frame_because = "its frames share a sky"


@pytest.mark.parametrize(
    ("options", "asked"), [({"dynamic_batch": True}, "batch=dynamic"), ({"batch": 2}, "batch=2")]
)
def test_more_frames_than_a_graph_takes(options: dict[str, Any], asked: str, tmp_path: Path):
    told = refusal(with_graph(OneFrameGraph), tmp_path / "model.onnx", **options)
    assert told.startswith(asked)
    assert "because its frames share a sky; use batch=1" in told


class UntraceableGraph(FixedSizeGraph):
    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        boxes, *others = super().forward(frames)
        return torch.linalg.svdvals(boxes)[..., None] + boxes, *others  # type: ignore[return-value]


def test_a_graph_that_onnx_has_no_words_for(tmp_path: Path):
    told = refusal(with_graph(UntraceableGraph), tmp_path / "model.onnx")
    assert "SSD300" in told
    assert "cannot be traced" in told


def test_a_detector_without_a_graph(make_toy: Callable[..., Detector], tmp_path: Path):
    told = refusal(make_toy().eval(), tmp_path / "model.onnx")
    assert told.startswith("ToyDetector cannot be exported: its class defines no detection_graph()")
    assert "SSD300" in told


def test_a_detector_that_finds_nothing_cannot_be_checked(tmp_path: Path):
    detector = light_ssd300(score_threshold=0.99)
    assert "source=<folder>" in refusal(detector, tmp_path / "model.onnx")


@pytest.mark.parametrize("library", ["onnx", "onnxruntime"])
def test_a_library_that_is_not_installed(
    library: str, detector: SSD300, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, library, None)
    told = refusal(detector, tmp_path / "model.onnx")
    assert library in told
    assert ".[export]" in told
