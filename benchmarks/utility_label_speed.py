"""How much of the building of a label set is the detectors' own time.

A whole build (decoding, distorting, detecting, matching, writing) of drawn facades at the nine
qualities of `jpeg_ladder`, by detectors with random weights. What they take for the same pictures
is measured within it.

python benchmarks/utility_label_speed.py [--pictures 12] [--models ssdlite320 ssd300] [--device cpu]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from datamodules.coco_distorted import CocoDistortedDataModule
from detectors.base import Detector
from prepare.drawn_facades import draw_facades
from runs.config.model_building import instantiate_model
from structures import Batch, Prediction
from utility.build import build_set
from utility.detection_labels import Thresholds
from utility.label_facts import label_facts

CONF = Path(__file__).resolve().parents[1] / "conf"


class Timed:
    """Puts a clock around a detector's `predict`."""

    def __init__(self, detector: Detector) -> None:
        self.seconds = 0.0
        self._predict = detector.predict
        detector.predict = self  # type: ignore[assignment,method-assign]

    def __call__(self, batch: Batch) -> list[Prediction]:
        """What the detector predicts, on the CPU."""
        begin = time.perf_counter()
        found = [prediction.cpu() for prediction in self._predict(batch)]
        self.seconds += time.perf_counter() - begin
        return found


def measure(pictures: int, models: Sequence[str], device: str, workers: int) -> dict[str, float]:
    """Seconds of a whole build, and of each detector in it.

    Args:
        pictures: how many are labelled.
        models: names of `conf/model`.
        device: of the detectors.
        workers: loader processes.
    """
    with (
        tempfile.TemporaryDirectory() as folder,
        initialize_config_dir(str(CONF), version_base="1.3"),
    ):
        root = draw_facades(Path(folder) / "drawn", pictures=pictures, seed=0)
        words = [f"datamodule.root={root}", f"datamodule.num_workers={workers}",
                 f"paths.root={folder}", f"paths.run={folder}"]  # fmt: skip
        node = compose("label_set", overrides=words).datamodule
        datamodule: CocoDistortedDataModule = instantiate(node, _convert_="all")
        datamodule.setup("test")
        detectors: dict[str, Detector] = {}
        for name in models:
            model: Any = compose("label_set", overrides=[f"model={name}", *words])
            detector = instantiate_model(model.model, datamodule.model_facts)
            detectors[name] = detector.to(device).eval()
        clocks = {name: Timed(detector) for name, detector in detectors.items()}
        split = {"seed": 0, "test_share": 0.2, "val_share": 0.1}
        # Random weights find no object; what they find in the pristine pictures stands for some.
        facts = label_facts(datamodule, "pristine_ref", Thresholds(score=0.05), split)
        begin = time.perf_counter()
        build_set(Path(folder) / "set", facts, detectors, datamodule)
        whole = time.perf_counter() - begin
    return {"build": whole} | {name: clock.seconds for name, clock in clocks.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=12)
    parser.add_argument("--models", nargs="+", default=["ssdlite320", "ssd300"])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--workers", type=int, default=0)
    given = parser.parse_args(arguments)
    torch.manual_seed(0)
    seconds = measure(given.pictures, given.models, given.device, given.workers)
    whole = seconds.pop("build")
    for name, own in seconds.items():
        print(f"{name:>14}  {own:8.2f} s  {own / whole:6.1%}")
    own = sum(seconds.values())
    print(f"{'all detectors':>14}  {own:8.2f} s  {own / whole:6.1%}")
    print(f"{'whole build':>14}  {whole:8.2f} s")


if __name__ == "__main__":
    main()
