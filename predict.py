"""Find objects in pictures and videos with a trained run: COCO results, drawn pictures, videos.

python predict.py run=outputs/2026-11-20/18-00-00 source=street.jpg|folder/|'photos/*.jpg'|clip.mp4
"""

from __future__ import annotations

from pathlib import Path

import hydra
from omegaconf import DictConfig

from runs.explained_errors import explained_errors
from runs.run_folder import RunFolder
from runs.settings import PREDICTION, check_settings
from runs.sources import find_source


def predict(cfg: DictConfig) -> Path:
    """Predict all pictures, or frames of all videos, of `cfg.source`.

    Args:
        cfg: the composed `conf/predict.yaml`.

    Returns:
        The folder with predictions.json, images.json and pictures/ or annotated videos.
    """
    check_settings(cfg, PREDICTION)
    source = find_source(str(cfg.source))
    run = RunFolder.open(str(cfg.run), str(cfg.checkpoint))

    import torch

    from detectors.frame_stream import FramesAlone
    from runs.picture_prediction import predict_pictures
    from runs.prediction_folder import PredictionFolder
    from runs.video_prediction import open_clips, open_stream, predict_clips

    has_gpu = torch.cuda.is_available()
    if cfg.device.startswith("cuda") and not has_gpu:
        raise ValueError(f"device={cfg.device}: PyTorch finds no CUDA GPU here; use device=cpu")
    device = ("cuda" if has_gpu else "cpu") if cfg.device == "auto" else cfg.device
    detector = run.load_detector().to(device)
    output = PredictionFolder(Path(cfg.paths.run), detector, cfg.draw_above)
    stream = open_stream(detector, run, cfg.window)
    is_clip = cfg.clip
    if is_clip is None:
        is_clip = stream is not None and len(source.pictures) > 1
    clips = open_clips(source, is_clip, cfg.fps, cfg.on_bad_image == "skip")
    speed = ""
    if clips:
        fps, median, p95 = predict_clips(clips, stream or FramesAlone(detector), output)
        speed = (
            f"{fps:.1f} frames/s with reading, drawing and writing; a detection takes "
            f"{median:.1f} ms (median), {p95:.1f} ms (95th percentile)\n"
        )
    else:
        predict_pictures(detector, source.pictures, output, cfg.on_bad_image, cfg.batch_size)
    output.close()
    left_out = f", {len(output.skipped)} unreadable skipped" if output.skipped else ""
    print(
        f"\n{speed}{len(output.images)} {'frames' if clips else 'pictures'}{left_out}, "
        f"{output.detection_count} detections: {output.folder}"
    )
    return output.folder


@hydra.main(config_path="conf", config_name="predict", version_base="1.3")
def main(cfg: DictConfig) -> None:
    """Hydra's entry point."""
    predict(cfg)


if __name__ == "__main__":
    with explained_errors():
        main()
