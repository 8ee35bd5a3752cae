"""Find objects in pictures with a trained run: COCO results and drawn pictures.

python predict.py run=outputs/2026-11-20/18-00-00 source=street.jpg|folder/|'photos/*.jpg'
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import hydra
from omegaconf import DictConfig

from runs.explained_errors import explained_errors
from runs.run_folder import RunFolder
from runs.settings import PREDICTION, check_settings
from runs.sources import find_pictures


def predict(cfg: DictConfig) -> Path:
    """Predict all pictures of `cfg.source`.

    Args:
        cfg: the composed `conf/predict.yaml`.

    Returns:
        The folder with predictions.json, images.json and pictures/.
    """
    check_settings(cfg, PREDICTION)
    pictures = find_pictures(str(cfg.source))
    run = RunFolder.open(str(cfg.run), str(cfg.checkpoint))

    import torch
    from rich.progress import track

    from runs.picture_prediction import PredictionFolder, detect, read_frames

    has_gpu = torch.cuda.is_available()
    if cfg.device.startswith("cuda") and not has_gpu:
        raise ValueError(f"device={cfg.device}: PyTorch finds no CUDA GPU here; use device=cpu")
    device = ("cuda" if has_gpu else "cpu") if cfg.device == "auto" else cfg.device
    detector = run.load_detector().to(device)
    output = PredictionFolder(Path(cfg.paths.run), detector, cfg.draw_above)
    frames = read_frames(pictures, cfg.on_bad_image, output.skipped)
    for _ in track(range(0, len(pictures), cfg.batch_size), description="predicting"):
        chunk = [frame for frame in islice(frames, cfg.batch_size) if frame is not None]
        if chunk:
            output.add(chunk, detect(detector, chunk))
    output.close()
    left_out = f", {len(output.skipped)} unreadable skipped" if output.skipped else ""
    print(
        f"\n{len(output.images)} pictures{left_out}, {output.detection_count} detections: "
        f"{output.folder}"
    )
    return output.folder


@hydra.main(config_path="conf", config_name="predict", version_base="1.3")
def main(cfg: DictConfig) -> None:
    """Hydra's entry point."""
    predict(cfg)


if __name__ == "__main__":
    with explained_errors():
        main()
