"""Find objects in pictures with a trained run: COCO results and drawn pictures.

python predict.py run=outputs/2026-11-20/18-00-00 source=street.jpg|folder/|'photos/*.jpg'
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from omegaconf import DictConfig

from runs.explained_errors import explained_errors
from runs.run_folder import RunFolder
from runs.sources import find_pictures

if TYPE_CHECKING:
    import numpy as np

    from detectors.base import Detector
    from structures import Prediction

Frame = tuple[int, Path, "np.ndarray"]


def read_frames(pictures: Sequence[Path], on_bad_image: str, skipped: list[str]) -> Iterator[Frame]:
    """Yield (image_id, path, uint8 [H, W, 3] RGB); ids count from 1 over all pictures.

    Raises:
        ValueError: if a picture cannot be read and `on_bad_image` is 'error'.
    """
    from datamodules.picture import read_picture

    for image_id, path in enumerate(pictures, start=1):
        try:
            yield image_id, path, read_picture(path)
        except ValueError:
            if on_bad_image == "error":
                raise
            skipped.append(str(path))


def detect(detector: Detector, frames: Sequence[Frame]) -> list[Prediction]:
    """The predictions of a few pictures, on the CPU."""
    import torch

    from structures import Batch, Target

    batch = Batch(
        [torch.from_numpy(picture).permute(2, 0, 1)[None] for _, _, picture in frames],
        [[Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), i)] for i, _, _ in frames],
    )
    with torch.inference_mode():
        return [p.cpu() for p in detector.predict(batch.to(detector.device))]


def draw(
    folder: Path, frame: Frame, prediction: Prediction, detector: Detector, above: float | None
) -> None:
    """Write a picture with the detections above its classes' thresholds to `folder`."""
    import cv2
    import torch

    from evaluation.drawing import draw_boxes

    image_id, path, picture = frame
    names = detector.classes.names
    floors = [above if above is not None else detector.operating_point.get(n, 0.5) for n in names]
    shown = prediction.scores >= torch.tensor(floors)[prediction.labels - 1]
    drawn = draw_boxes(
        picture,
        prediction.boxes[shown].numpy(),
        prediction.labels[shown].numpy(),
        names,
        scores=prediction.scores[shown].numpy(),
    )
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
    # The number keeps pictures of the same name in different folders apart.
    (folder / f"{image_id:06d}_{path.stem}.jpg").write_bytes(jpeg.tobytes())


def predict(cfg: DictConfig) -> Path:
    """Predict all pictures of `cfg.source`.

    Args:
        cfg: the composed `conf/predict.yaml`.

    Returns:
        The folder with predictions.json (COCO results), images.json (their ids) and pictures/.
    """
    if cfg.on_bad_image not in ("error", "skip"):
        raise ValueError(f"on_bad_image={cfg.on_bad_image}: must be 'error' or 'skip'")
    pictures = find_pictures(cfg.source)
    run = RunFolder.open(cfg.run, cfg.checkpoint)
    folder = Path(cfg.paths.run)

    import torch
    from rich.progress import track

    from evaluation.results_json import to_results, write_json

    cuda = cfg.device == "cuda" or (cfg.device == "auto" and torch.cuda.is_available())
    detector = run.load_detector().to("cuda" if cuda else "cpu")
    drawn_folder = folder / "pictures"
    drawn_folder.mkdir(parents=True, exist_ok=True)
    skipped: list[str] = []
    images: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    frames = read_frames(pictures, cfg.on_bad_image, skipped)
    for _ in track(range(0, len(pictures), cfg.batch_size), description="predicting"):
        chunk = list(islice(frames, cfg.batch_size))
        if not chunk:
            break
        predictions = detect(detector, chunk)
        results += to_results(predictions, detector.classes)
        for frame, prediction in zip(chunk, predictions, strict=True):
            image_id, path, picture = frame
            height, width = picture.shape[:2]
            images.append(
                {"id": image_id, "file_name": str(path), "width": width, "height": height}
            )
            draw(drawn_folder, frame, prediction, detector, cfg.draw_above)
    categories = [
        {"id": i, "name": n}
        for i, n in zip(detector.classes.category_ids, detector.classes.names, strict=True)
    ]
    write_json(folder / "predictions.json", results)
    write_json(
        folder / "images.json", {"images": images, "categories": categories, "skipped": skipped}
    )
    left_out = f", {len(skipped)} unreadable skipped" if skipped else ""
    print(f"\n{len(images)} pictures{left_out}, {len(results)} detections: {folder}")
    return folder


@hydra.main(config_path="conf", config_name="predict", version_base="1.3")
def main(cfg: DictConfig) -> None:
    """Hydra's entry point."""
    predict(cfg)


if __name__ == "__main__":
    with explained_errors():
        main()
