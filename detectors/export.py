"""Make a trained run one file that runs without this project, and check it.

python -m detectors.export run=outputs/2026-11-20/18-00-00 format=onnx

An entry point like `train.py`; it lives here to be found beside what it exports.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from omegaconf import DictConfig

from runs.config.settings import Rule, check_settings
from runs.explained_errors import explained_errors
from runs.nearest import did_you_mean
from runs.prediction.sources import find_source
from runs.run_folder import RunFolder
from runs.writable import require_writable

if TYPE_CHECKING:
    from torch import Tensor

_FORMATS = ("onnx",)
_CONF = Path(__file__).resolve().parent.parent / "conf"
_PATH_OR_NONE = Rule("a path or null", lambda value: value is None or isinstance(value, str | int))
_SETTINGS = {
    "run": Rule("a path", lambda value: isinstance(value, str | int)),
    "checkpoint": Rule("best, last or a path", lambda value: isinstance(value, str | int)),
    "batch": Rule(
        "dynamic, a whole number from 1 up, or null",
        lambda value: value in (None, "dynamic") or (type(value) is int and value >= 1),
    ),
    "out": _PATH_OR_NONE,
    "source": _PATH_OR_NONE,
}


def export(cfg: DictConfig) -> Path:
    """Export the run of `cfg.run`.

    Args:
        cfg: the composed `conf/export.yaml`.

    Returns:
        The file that was written.
    """
    if cfg.format not in _FORMATS:
        hint = did_you_mean(str(cfg.format), _FORMATS)
        raise ValueError(f"format={cfg.format}: there is no such format; {hint}")
    check_settings(cfg, _SETTINGS)
    run = RunFolder.open(str(cfg.run), str(cfg.checkpoint))
    out = run.path / "model.onnx" if cfg.out is None else Path(str(cfg.out)).expanduser()
    if out.is_dir() or out.suffix != ".onnx":
        raise ValueError(f"out={cfg.out}: must be the name of a file that ends in .onnx")
    pictures = _pictures(str(cfg.source)) if cfg.source is not None else []
    require_writable(out.parent, f"out={out}", "the export")

    from detectors.onnx_export import export_onnx, require_onnx
    from detectors.onnx_sets import BOX_TOLERANCE, SCORE_TOLERANCE

    require_onnx()
    detector = run.load_detector()
    name = f"{detector.title}, {len(detector.classes)} classes"
    print(f"exporting {name} of {run.checkpoint}; checking it in onnxruntime takes a moment")
    dynamic = cfg.batch == "dynamic"
    agreement = export_onnx(
        detector, out, None if dynamic else cfg.batch, dynamic, _frames(pictures)
    )
    print(
        f"checked on {agreement.pictures} pictures, {agreement.empty} of them without detections: "
        f"{agreement.detections} detections as sets, largest differences\n"
        f"  scores  {agreement.score:.1e} ({SCORE_TOLERANCE:g} allowed)\n"
        f"  boxes   {agreement.box:.1e} px ({BOX_TOLERANCE:g} allowed)\n"
        f"  turned  {agreement.turned} (by rounding, between equal scores; {agreement.own_turned} "
        "where the detector's own weights are disturbed by as much)\n"
        f"{out} ({out.stat().st_size / 1e6:.1f} MB)"
    )
    return out


def _pictures(source: str) -> list[Path]:
    found = find_source(source)
    if found.videos:
        raise ValueError(f"source={source}: an export is checked on pictures, not on videos")
    return found.pictures


def _frames(pictures: Sequence[Path]) -> Iterator[Tensor]:
    """Pictures to check on as uint8 [3, H, W], read one by one."""
    import torch

    from datamodules.picture import read_picture

    for path in pictures:
        yield torch.from_numpy(read_picture(path)).permute(2, 0, 1)


@hydra.main(config_path=str(_CONF), config_name="export", version_base="1.3")
def main(cfg: DictConfig) -> None:
    """Hydra's entry point."""
    export(cfg)


if __name__ == "__main__":
    with explained_errors():
        main()
