"""Find objects in pictures and videos with a trained run: COCO results, drawn pictures, videos.

python predict.py run=outputs/2026-11-20/18-00-00 source=street.jpg|folder/|'photos/*.jpg'|clip.mp4
python predict.py run=outputs/… source=fits/ [watch=true hydra.run.dir=outputs/sun]
python predict.py run=outputs/… source=folder/     # of a predictor of utility: ranks pictures
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from omegaconf import DictConfig

from runs.config.settings import PREDICTION, check_settings
from runs.explained_errors import explained_errors
from runs.prediction.sources import Source, find_source
from runs.run_folder import RunFolder

if TYPE_CHECKING:
    from detectors.frame_stream import FrameStream
    from runs.prediction.folder import PredictionFolder
    from utility.gate import UtilityGate


def predict(cfg: DictConfig) -> Path:
    """Predict all pictures, frames of all videos, or frames of the sun, of `cfg.source`.

    Args:
        cfg: the composed `conf/predict.yaml`.

    Returns:
        The folder with predictions.json, images.json and pictures/ or annotated videos; for the
        sun with events as well. A watch writes events and a line for each frame. A predictor of
        utility leaves utility.csv and contact_sheet.jpg.
    """
    check_settings(cfg, PREDICTION)
    source = None if cfg.watch else find_source(str(cfg.source))
    run = RunFolder.open(str(cfg.run), str(cfg.checkpoint))

    from runs.device import chosen_device
    from runs.prediction.folder import PredictionFolder
    from runs.prediction.videos import open_stream

    device = chosen_device(str(cfg.device))
    if run.holds_predictor:
        return _rank(cfg, source, run, device)
    detector = run.load_detector().to(device)
    output = PredictionFolder(Path(cfg.paths.run), detector, cfg.draw_above, cfg.video_format)
    stream = open_stream(detector, run, cfg.window)
    if source is None or source.fits:
        _predict_sun(cfg, source, run, stream, output)
    else:
        _predict_source(cfg, source, stream, output)
    return output.folder


def _rank(cfg: DictConfig, source: Source | None, run: RunFolder, device: str) -> Path:
    """Pictures by what they are worth to detectors."""
    if source is None or not source.pictures:
        raise ValueError(f"run={run.path}: a predictor of utility judges pictures alone; give some")
    from runs.prediction.utility import rank_pictures
    from utility.gate import THRESHOLD

    folder = Path(cfg.paths.run)
    predictor = run.load_predictor().to(device)
    ranked = rank_pictures(predictor, source.pictures, folder, cfg.on_bad_image)
    useless = sum(picture.score < THRESHOLD for picture in ranked)
    print(f"\n{len(ranked)} pictures, {useless} of them useless to detectors: {folder}")
    return folder


def _predict_source(
    cfg: DictConfig, source: Source, stream: FrameStream | None, output: PredictionFolder
) -> None:
    """Pictures or videos."""
    from detectors.frame_stream import FramesAlone
    from runs.prediction.pictures import predict_pictures
    from runs.prediction.videos import open_clips, predict_clips

    is_clip = cfg.clip
    if is_clip is None:
        is_clip = stream is not None and len(source.pictures) > 1
    clips = open_clips(source, is_clip, cfg.fps, cfg.on_bad_image == "skip")
    speed = ""
    if clips:
        _refuse_gate(cfg)
        frames = stream or FramesAlone(output.detector)
        fps, median, p95 = predict_clips(clips, frames, output)
        speed = (
            f"{fps:.1f} frames/s with reading, drawing and writing; a detection takes "
            f"{median:.1f} ms (median), {p95:.1f} ms (95th percentile)\n"
        )
    else:
        gate = _open_gate(cfg, output)
        pictures = source.pictures
        predict_pictures(output.detector, pictures, output, cfg.on_bad_image, cfg.batch_size, gate)
        if gate is not None:
            speed = (
                f"{gate.held} of {gate.judged} pictures held back as useless (images.json), which "
                f"took {gate.milliseconds:.1f} ms each; "
            )
    output.close()
    _tell(speed, "frames" if clips else "pictures", output, "unreadable skipped")


def _refuse_gate(cfg: DictConfig) -> None:
    if cfg.utility_gate is not None:
        raise ValueError(
            f"utility_gate={cfg.utility_gate}: a gate judges single pictures, not frames of videos "
            "or of the sun; leave it out, or give pictures and clip=false"
        )


def _open_gate(cfg: DictConfig, output: PredictionFolder) -> UtilityGate | None:
    """The gate that stands before the detector, if one is asked for."""
    if cfg.utility_gate is None:
        return None
    from utility.gate import UtilityGate

    predictor = RunFolder.open(str(cfg.utility_gate)).load_predictor()
    return UtilityGate(predictor.to(output.detector.device))


def _predict_sun(
    cfg: DictConfig,
    source: Source | None,
    run: RunFolder,
    stream: FrameStream | None,
    output: PredictionFolder,
) -> None:
    """FITS frames, or, where `source` is None, a folder into which they come."""
    _refuse_gate(cfg)
    try:
        from runs.solar.source import predict_archive, watch_folder
    except ModuleNotFoundError as error:
        raise ValueError(
            f"FITS frames need the extra 'solar' ({error.name} is missing): pip install '.[solar]'"
        ) from error
    if source is None:
        print(f"\n{watch_folder(cfg, run, stream, output)}: {output.folder}")
        return
    events = predict_archive(cfg, source.fits, run, stream, output)
    output.close()
    _tell(f"{events} events; ", "frames", output, "files left out (rejected.json)")


def _tell(before: str, kind: str, output: PredictionFolder, skipped: str) -> None:
    left_out = f", {len(output.skipped)} {skipped}" if output.skipped else ""
    print(
        f"\n{before}{len(output.images)} {kind}{left_out}, "
        f"{output.detection_count} detections: {output.folder}"
    )


@hydra.main(config_path="conf", config_name="predict", version_base="1.3")
def main(cfg: DictConfig) -> None:
    """Hydra's entry point."""
    predict(cfg)


if __name__ == "__main__":
    with explained_errors():
        main()
