"""Real YOLO labels, through the importer into an evaluation."""

from __future__ import annotations

from pathlib import Path

from datamodules.detection_datamodule import DetectionDataModule
from evaluation.summary import evaluate_detections
from prepare.yolo_txt import main


def test_real_yolo_labels_import_and_evaluate(shared: Path, tmp_path: Path) -> None:
    source = shared / "data/coco_yolo"
    folders = [f"--{name}={source / 'dev' / name}" for name in ("images", "labels")]
    assert main([*folders, f"--classes={source / 'classes.txt'}", f"--out={tmp_path}"]) == 0
    data = DetectionDataModule(
        str(tmp_path), batch_size=16, fractions={"train": 0.0, "val": 0.0, "test": 1.0}
    )
    data.setup("test")
    truth = data.ground_truth("test")
    assert (len(truth["images"]), len(truth["annotations"])) == (48, 286)
    assert data.classes.names[::79] == ("person", "toothbrush")
    (loader,) = data.test_dataloader()
    targets = [target for batch in loader for target in batch.frame_targets()]
    assert sum(len(target.boxes) for target in targets) == 286
    found = [{**row, "score": 0.9} for row in truth["annotations"]]
    assert evaluate_detections(truth, found).scalars()["map"] > 0.999
