"""A detector as one ONNX file, which is kept only if onnxruntime finds with it what we find."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Iterable
from importlib import import_module
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor
from torch.onnx.errors import OnnxExporterError

from detectors.base import Detector
from detectors.onnx_check import Agreement, check_onnx
from detectors.onnx_graph import INPUT, OUTPUTS, DetectionGraph
from detectors.onnx_pictures import drawn_batches

_OPSET = 17
# Traced with sizes and a number of frames that no constant of a network could be mistaken for.
_TRACED_FRAMES, _TRACED_SIZE = 2, (203, 261)
_EXPORTABLE = (
    "Of this project's detectors SSD300 and those of torchvision can be exported; another becomes "
    "so by defining detection_graph(), see docs/export.md"
)


def require_onnx() -> None:
    """Stop unless the libraries of the extra are installed.

    Raises:
        ValueError: naming the extra.
    """
    try:
        import_module("onnx")
        import_module("onnxruntime")
    except ImportError as error:
        raise ValueError(
            f"export needs onnx and onnxruntime ({error}); install them with "
            "pip install -c constraints.txt -e '.[export]'"
        ) from error


def export_onnx(
    detector: Detector,
    out: Path,
    batch: int | None = None,
    dynamic_batch: bool = False,
    pictures: Iterable[Tensor] = (),
) -> Agreement:
    """Write a detector as an ONNX file after checking it in onnxruntime.

    The file takes frames as `DetectionGraph.forward` does, of any size, and gives what that gives.
    Its metadata say the rest, see `metadata`.

    Args:
        detector: trained, on the CPU, in eval mode.
        out: the file to write; nothing is left of it if the check fails.
        batch: frames that the file takes at once; None for any number where the graph allows it,
            and 1 where not.
        dynamic_batch: insist on any number.
        pictures: uint8 [3, H, W] each, to be checked besides drawn ones.

    Returns:
        What was compared, and the largest differences.

    Raises:
        ValueError: if libraries are missing, the detector has no graph or none for so many frames,
            the graph cannot be traced, or the file does not find what the detector finds.
    """
    require_onnx()
    graph = _graph(detector)
    if graph.one_frame_because is not None:
        if dynamic_batch or batch not in (None, 1):
            asked = "dynamic" if dynamic_batch else batch
            raise ValueError(
                f"batch={asked}: the graph of {detector.title} takes one frame at a "
                f"time, because {graph.one_frame_because}; use batch=1"
            )
        batch = 1
    own = (frame.expand(batch or 1, -1, -1, -1) for frame in pictures)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.stem}-") as folder:
        temporary = Path(folder) / out.name
        _trace(graph, batch, temporary, detector.title)
        _add_metadata(temporary, metadata(detector))
        agreement = check_onnx(temporary, detector, chain(drawn_batches(batch), own))
        temporary.replace(out)
    return agreement


def metadata(detector: Detector) -> dict[str, str]:
    """What a program that has nothing but the file must know; lists and dicts are JSON.

    Keys: `detector`, `class_names` (of the labels 1..C), `category_ids` (likewise),
    `operating_point` (class name -> score threshold; {} if never validated), `input`, `outputs`.
    """
    return {
        "detector": type(detector).__name__,
        "class_names": json.dumps(detector.classes.names, ensure_ascii=False),
        "category_ids": json.dumps(detector.classes.category_ids),
        "operating_point": json.dumps(detector.operating_point, ensure_ascii=False),
        "input": f"{INPUT}: uint8 [B, 3, H, W], RGB, pixels as stored, any H and W",
        "outputs": (
            "boxes: float32 [B, K, 4], xyxy in pixels of the input; scores: float32 [B, K]; "
            "labels: int64 [B, K], 1..C; counts: int64 [B]. Rows from counts[b] on are padding"
        ),
    }


def _graph(detector: Detector) -> DetectionGraph:
    try:
        return detector.detection_graph().eval()
    except NotImplementedError as error:
        raise ValueError(f"{detector.title} cannot be exported: {error}. {_EXPORTABLE}") from error


def _trace(graph: DetectionGraph, batch: int | None, file: Path, name: str) -> None:
    """Write the graph as an ONNX model, by PyTorch's exporter that traces.

    The newer one, which reads code, stops at sizes that depend on data, such as the number of
    boxes that survive suppression (vision issue 9462).
    """
    frames = _traced_frames(batch or (1 if graph.one_frame_because else _TRACED_FRAMES))
    first = {} if batch else {0: "B"}
    axes = {INPUT: {**first, 2: "H", 3: "W"}, OUTPUTS[-1]: first}
    axes |= {output: {**first, 1: "K"} for output in OUTPUTS[:-1]}
    try:
        # They are about choices in Python, which `DetectionGraph` promises, and which are checked.
        with warnings.catch_warnings(action="ignore"), torch.no_grad():
            torch.onnx.export(
                graph,
                (frames,),
                file,
                dynamo=False,
                opset_version=_OPSET,
                input_names=[INPUT],
                output_names=list(OUTPUTS),
                dynamic_axes=axes,
            )
    except (OnnxExporterError, RuntimeError, TypeError, ValueError, IndexError) as error:
        reason = str(error).strip().splitlines()[0][:300] if str(error).strip() else repr(error)
        raise ValueError(
            f"{name} cannot be exported: its detection_graph() cannot be traced: {reason}. "
            f"{_EXPORTABLE}"
        ) from error


def _traced_frames(count: int) -> Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 3, *_TRACED_SIZE), generator=random, dtype=torch.uint8)


def _add_metadata(file: Path, properties: dict[str, str]) -> None:
    import onnx

    model = onnx.load(file)
    onnx.helper.set_model_props(model, properties)
    onnx.checker.check_model(model)
    onnx.save(model, file)
