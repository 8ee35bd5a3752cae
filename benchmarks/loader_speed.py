"""Pictures a second and core: SSD training data against bare JPEG decoding.

python -m benchmarks.loader_speed [--out loader_speed.json]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from datamodules.augmentation import Augmentation
from datamodules.detection_datamodule import DetectionDataModule
from datamodules.picture import read_picture

_WIDTH, _HEIGHT = 640, 480
_BOXES = 12


def main() -> None:
    """Measure, print a table and write JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, help="write the numbers here as JSON")
    parser.add_argument("--pictures", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5, help="the best of these counts")
    arguments = parser.parse_args()
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        draw_pictures(Path(folder), arguments.pictures)
        results = measure(Path(folder), arguments.pictures, arguments.rounds)
    bare = results["bare JPEG decoding"]
    print(f"{_WIDTH}x{_HEIGHT} JPEG, {_BOXES} boxes a picture, one thread, CPU time\n")
    print(f"{'':34}{'pictures/s':>12}{'ms':>8}{'of bare':>9}")
    for name, speed in results.items():
        print(f"{name:34}{speed:12.0f}{1000 / speed:8.2f}{speed / bare:9.2f}")
    if arguments.out is not None:
        report = {"pictures_per_second_and_core": results, "opencv": cv2.__version__}
        arguments.out.write_text(json.dumps(report, indent=2) + "\n")


def draw_pictures(root: Path, count: int) -> None:
    """Write JPEGs as rich in detail as photographs, with random boxes."""
    random = np.random.default_rng(0)
    images, annotations = [], []
    for i in range(count):
        coarse = random.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        picture = cv2.resize(coarse, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_CUBIC)
        grain = random.normal(0, 6, picture.shape)
        picture = np.clip(picture + grain, 0, 255).astype(np.uint8)
        cv2.imwrite(str(root / f"{i}.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
        images.append({"id": i, "file_name": f"{i}.jpg", "width": _WIDTH, "height": _HEIGHT})
        for k in range(_BOXES):
            w, h = random.uniform(20, 200, 2)
            box = [random.uniform(0, _WIDTH - w), random.uniform(0, _HEIGHT - h), w, h]
            identity = {"id": i * _BOXES + k, "image_id": i, "category_id": 1}
            annotations.append(identity | {"bbox": box, "area": w * h, "iscrowd": 0})
    categories = [{"id": 1, "name": "thing"}]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (root / "annotations.json").write_text(json.dumps(document))


def measure(root: Path, count: int, rounds: int) -> dict[str, float]:
    """Pictures a second of each way to read them; the ways take turns, the best round counts."""

    def datamodule(augmentation: Augmentation | None) -> DetectionDataModule:
        fractions = {"train": 1.0, "val": 0.0, "test": 0.0}
        return DetectionDataModule(
            str(root), batch_size=10, fractions=fractions, augmentation=augmentation
        )

    paths = [root / f"{i}.jpg" for i in range(count)]
    loaders: dict[str, Any] = {
        "without augmentation": datamodule(None).train_dataloader(),
        "SSD training, 300x300": datamodule(
            Augmentation(output_size=(300, 300))
        ).train_dataloader(),
        "SSD training, resized by detector": datamodule(Augmentation()).train_dataloader(),
    }
    ways: dict[str, Callable[[], Iterable[Any]]] = {
        "bare JPEG decoding": lambda: (cv2.imread(str(path)) for path in paths),
        "decoding to RGB": lambda: (read_picture(path) for path in paths),
    } | {name: loader.__iter__ for name, loader in loaders.items()}
    best = dict.fromkeys(ways, 0.0)
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.process_time()
            for _ in way():
                pass
            best[name] = max(best[name], count / (time.process_time() - start))
    return best


if __name__ == "__main__":
    main()
