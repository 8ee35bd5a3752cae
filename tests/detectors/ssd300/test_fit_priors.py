"""Fitting priors: k-means with 1 - IoU, levels by size, files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.ops import box_iou

from detectors.ssd300.fit_priors import fit_level, fit_shapes, main, read_boxes, shape_iou
from detectors.ssd300.priors import BOXES_PER_CELL, build_priors, prior_recall, prior_shapes


def windows(count: int, seed: int = 0) -> torch.Tensor:
    """Narrow boxes, 8 to 20 px wide, three times as high."""
    draw = torch.rand(count, 3, generator=torch.Generator().manual_seed(seed))
    width = 8 + 12 * draw[:, 0]
    x, y = 270 * draw[:, 1], 230 * draw[:, 2]
    return torch.stack([x, y, x + width, y + 3 * width], 1)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_shape_iou_is_that_of_centred_boxes(seed: int) -> None:
    sizes = 1 + 100 * torch.rand(6, 2, generator=torch.Generator().manual_seed(seed))
    boxes = torch.cat([-sizes / 2, sizes / 2], 1)
    torch.testing.assert_close(shape_iou(sizes, sizes), box_iou(boxes, boxes))


def test_clusters_are_found() -> None:
    truth = torch.tensor([[10.0, 30], [40, 40], [90, 20]])
    noise = torch.rand(300, 2, generator=torch.Generator().manual_seed(1))
    centres = fit_level(truth.repeat(100, 1) + noise, 3)
    nearest = torch.cdist(truth + 0.5, centres).amin(1)
    assert (nearest < 1).all()


def test_fitted_shapes_cover_more_than_the_preset() -> None:
    shapes = fit_shapes(windows(400))
    assert tuple(len(level) for level in shapes) == BOXES_PER_CELL
    held_out = windows(400, seed=1)
    fitted = prior_recall(build_priors({"shapes": shapes}), held_out)
    assert fitted > prior_recall(build_priors("coco"), held_out) + 0.05


def test_levels_with_few_boxes_keep_the_coco_shapes() -> None:
    shapes = fit_shapes(windows(400))
    coco = torch.tensor(prior_shapes("coco")[4])
    torch.testing.assert_close(torch.tensor(shapes[4]), coco, atol=1e-3, rtol=0)


def coco_file(folder: Path) -> Path:
    images = [{"id": i, "file_name": f"{i:02}.jpg", "width": 600, "height": 300} for i in range(8)]
    annotations = [{"image_id": i, "bbox": [60 + i, 30, 120, 60], "iscrowd": 0} for i in range(8)]
    annotations.append({"image_id": 0, "bbox": [0, 0, 600, 300], "iscrowd": 1})
    annotations.append({"image_id": 0, "bbox": [0, 0, 600, 300], "ignore": 1})
    path = folder / "annotations.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations}))
    return path


def test_boxes_are_warped_and_parted_by_picture(tmp_path: Path) -> None:
    path = coco_file(tmp_path)
    assert read_boxes(path)[0].tolist() == [30, 30, 90, 90]
    fit, check = read_boxes(path, "fit"), read_boxes(path, "check")
    assert (len(fit), len(check)) == (6, 2)


def test_a_file_that_is_not_coco_is_named(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text("[]")
    with pytest.raises(ValueError, match=r"list\.json: not COCO JSON"):
        read_boxes(path)


def test_command_prints_shapes_and_recall(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["fit_priors", str(coco_file(tmp_path))])
    main()
    printed = capsys.readouterr().out
    assert printed.startswith("priors:\n  shapes:\n    - [[")
    assert "# fitted: recall@.5 1.000 on 6 boxes, 1.000 on 2 held-out boxes" in printed
