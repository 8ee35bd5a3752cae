"""Fit prior shapes to a data set: k-means with 1 - IoU as distance, level by level."""

# ruff: noqa: T201  (an entry point: it prints its result)

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from detectors.ssd300.priors import (
    BOXES_PER_CELL,
    FRAME,
    Shapes,
    build_priors,
    prior_recall,
    prior_shapes,
)

# A level takes the boxes whose side (square root of the area, in pixels of the 300x300 frame) lies
# between its bound and the one before: its cells must be close enough together for such boxes.
LEVEL_BOUNDS = (32.0, 64.0, 115.0, 175.0, 235.0)

BOXES_PER_SHAPE = 10  # with fewer a centre would repeat single boxes


def shape_iou(sizes: Tensor, others: Tensor) -> Tensor:
    """IoU of boxes with a common centre.

    Args:
        sizes: float [N, 2], width and height.
        others: float [M, 2].

    Returns:
        float [N, M], in [0, 1].
    """
    common = torch.minimum(sizes[:, None], others[None]).prod(-1)
    return common / (sizes.prod(-1)[:, None] + others.prod(-1)[None] - common)


def fit_level(sizes: Tensor, count: int, seed: int = 0, rounds: int = 100) -> Tensor:
    """k-means of box sizes with distance 1 - IoU; a centre is the median of its boxes.

    Args:
        sizes: float [N, 2], width and height, N >= `count`.
        count: number of centres K.
        seed: of the first draw.
        rounds: upper bound of iterations.

    Returns:
        float [K, 2], by area.
    """
    generator = torch.Generator().manual_seed(seed)
    centres = sizes[torch.randperm(len(sizes), generator=generator)[:1]]
    while len(centres) < count:  # the box that fits worst so far, among a random half
        half = sizes[torch.randperm(len(sizes), generator=generator)[: len(sizes) // 2 + 1]]
        worst = shape_iou(half, centres).amax(1).argmin()
        centres = torch.cat([centres, half[worst : worst + 1]])
    for _ in range(rounds):
        nearest = shape_iou(sizes, centres).argmax(1)
        groups = [sizes[nearest == k] for k in range(count)]
        moved = torch.stack(
            [g.median(0).values if len(g) else centres[k] for k, g in enumerate(groups)]
        )
        if torch.equal(moved, centres):
            break
        centres = moved
    return centres[centres.prod(1).argsort()]


def fit_shapes(boxes: Tensor, bounds: Sequence[float] = LEVEL_BOUNDS, seed: int = 0) -> Shapes:
    """Prior shapes for training boxes: 4, 6, 6, 6, 4, 4 a cell.

    A level with fewer than ten boxes a shape keeps the shapes of the 'coco' preset.

    Args:
        boxes: float [N, 4], xyxy pixels of the 300x300 frame.
        bounds: five rising sides in pixels that part the six levels.
        seed: of the k-means draws.

    Returns:
        For each level a list of (width, height), as shares of the frame.
    """
    sizes = boxes[:, 2:] - boxes[:, :2]
    level_of = torch.bucketize(sizes.prod(1).sqrt(), torch.tensor(bounds))
    shapes: Shapes = []
    for level, count in enumerate(BOXES_PER_CELL):
        own = sizes[level_of == level]
        if len(own) < count * BOXES_PER_SHAPE:
            centres = torch.tensor(prior_shapes("coco")[level])
        else:
            centres = fit_level(own, count, seed) / FRAME
        shapes.append([(round(w, 3), round(h, 3)) for w, h in centres.tolist()])
    return shapes


def read_boxes(path: Path, part: str = "all", every: int = 4) -> Tensor:
    """Boxes of a COCO file, warped to the 300x300 frame.

    Args:
        path: COCO JSON with `images` and `annotations`; crowds and ignored boxes are left out.
        part: 'all', 'fit' or 'check'; every `every`-th picture by file name belongs to 'check'.
        every: see `part`.

    Returns:
        float32 [N, 4], xyxy.

    Raises:
        ValueError: if the file is not such JSON.
    """
    try:
        content = json.loads(path.read_text())
        images = sorted(content["images"], key=lambda image: image["file_name"])
        chosen = {
            image["id"]: (image["width"], image["height"])
            for index, image in enumerate(images)
            if part == "all" or (index % every == 0) == (part == "check")
        }
        rows = []
        for annotation in content["annotations"]:
            region = annotation.get("iscrowd", 0) or annotation.get("ignore", 0)
            if annotation["image_id"] in chosen and not region:
                width, height = chosen[annotation["image_id"]]
                x, y, w, h = annotation["bbox"]
                rows.append((x / width, y / height, (x + w) / width, (y + h) / height))
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: not COCO JSON with images (id, file_name, width, height) and "
            f"annotations (image_id, bbox): {error!r}"
        ) from error
    return torch.tensor(rows).reshape(-1, 4) * FRAME


def main() -> None:
    """Fit on three quarters of the pictures, print shapes as YAML and the recall on the rest."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("annotations", nargs="+", type=Path, help="COCO JSON files")
    parser.add_argument("--bounds", nargs=5, type=float, default=LEVEL_BOUNDS)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    fit, check = (
        torch.cat([read_boxes(path, part) for path in options.annotations])
        for part in ("fit", "check")
    )
    shapes = fit_shapes(fit, options.bounds, options.seed)
    print("priors:\n  shapes:")
    for level in shapes:
        print("    -", json.dumps(level))
    for name, spec in (("fitted", {"shapes": shapes}), ("coco", "coco"), ("voc", "voc")):
        recalls = [prior_recall(build_priors(spec), boxes) for boxes in (fit, check)]
        print(
            f"# {name}: recall@.5 {recalls[0]:.3f} on {len(fit)} boxes, "
            f"{recalls[1]:.3f} on {len(check)} held-out boxes"
        )


if __name__ == "__main__":
    main()
