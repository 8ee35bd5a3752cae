"""Prior (default) boxes of SSD300 (Liu et al. 2016, section 2.2) and how well they cover boxes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torchvision.ops import box_iou

FRAME = 300  # side in pixels of the frame in which priors and codes live
GRIDS = (38, 19, 10, 5, 3, 1)  # cells a side of the six source maps
STEPS = (8, 16, 32, 64, 100, 300)  # distance in pixels between the centres of a level
BOXES_PER_CELL = (4, 6, 6, 6, 4, 4)
PRIOR_COUNT = sum(grid * grid * boxes for grid, boxes in zip(GRIDS, BOXES_PER_CELL, strict=True))

# Width and height of the boxes of each level, as shares of the frame.
Shapes = list[list[tuple[float, float]]]

_PAPER_RATIOS = ((2,), (2, 3), (2, 3), (2, 3), (2,), (2,))
_COCO_SCALES = (0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05)
_VOC_SCALES = (0.10, 0.20, 0.37, 0.54, 0.71, 0.88, 1.05)

# What the first facade SSD (2019) really ran; its ratios are given without their reciprocals.
_SEED_SCALES = (0.02, 0.03, 0.4, 0.5, 0.6, 0.8)
_SEED_RATIOS = (
    (0.4, 0.333),
    (0.6, 0.5, 0.4, 0.333),
    (2, 0.5, 0.4, 0.333),
    (2, 0.5, 0.4, 0.333),
    (2, 0.5),
    (2, 0.5),
)

# Printed by `python -m detectors.ssd300.fit_priors` from 5164 building, window and door boxes of
# 171 facade pictures (three quarters of the development parts of ECP Paris, CMP and LabelMeFacade).
# Levels 2 and 3 had too few boxes and keep the 'coco' shapes. recall@.5 is .749 on these boxes and
# .738 on the 1766 boxes of the other pictures, against .655 and .647 for 'coco'.
_FACADE_LEVELS: dict[int, list[tuple[float, float]]] = {
    0: [(0.028, 0.064), (0.062, 0.050), (0.048, 0.103), (0.102, 0.050)],
    1: [
        (0.089, 0.152),
        (0.160, 0.085),
        (0.227, 0.065),
        (0.072, 0.205),
        (0.140, 0.140),
        (0.138, 0.198),
    ],
    4: [(0.426, 0.960), (0.551, 0.809), (0.760, 0.670), (0.999, 0.529)],
    5: [(0.947, 0.648), (0.877, 0.807), (0.788, 0.959), (0.999, 0.940)],
}


def paired_shapes(scales: Sequence[float], ratios: Sequence[Sequence[float]]) -> Shapes:
    """Shapes of the paper: s, sqrt(s · s_next), then each ratio and its reciprocal.

    Args:
        scales: s_0..s_6 as shares of the frame; one more than there are levels.
        ratios: for each level the ratios a > 1; each makes (s·√a, s/√a) and (s/√a, s·√a).

    Raises:
        ValueError: if there are not 7 scales and 6 lists of ratios.
    """
    if len(scales) != len(GRIDS) + 1 or len(ratios) != len(GRIDS):
        raise ValueError(
            f"priors: need {len(GRIDS) + 1} scales and {len(GRIDS)} lists of ratios, "
            f"got {len(scales)} and {len(ratios)}"
        )
    shapes: Shapes = []
    for level, level_ratios in enumerate(ratios):
        scale = scales[level]
        between = math.sqrt(scale * scales[level + 1])
        level_shapes = [(scale, scale), (between, between)]
        for ratio in level_ratios:
            root = math.sqrt(ratio)
            level_shapes += [(scale * root, scale / root), (scale / root, scale * root)]
        shapes.append(level_shapes)
    return shapes


def _seed_shapes() -> Shapes:
    shapes: Shapes = []
    for level, scale in enumerate(_SEED_SCALES):
        last = level + 1 == len(_SEED_SCALES)
        between = 1.0 if last else math.sqrt(scale * _SEED_SCALES[level + 1])
        others = [(scale * math.sqrt(a), scale / math.sqrt(a)) for a in _SEED_RATIOS[level]]
        shapes.append([(scale, scale), (between, between), *others])
    return shapes


def _facade_shapes() -> Shapes:
    coco = paired_shapes(_COCO_SCALES, _PAPER_RATIOS)
    return [_FACADE_LEVELS.get(level, shapes) for level, shapes in enumerate(coco)]


def prior_shapes(spec: str | Mapping[str, Any]) -> Shapes:
    """The shapes that a configuration names.

    Args:
        spec: a preset ('coco', 'voc', 'facades', 'seed'), or `{scales, ratios}` as
            `paired_shapes` takes them, or `{shapes}`: for each level a list of [w, h] as shares of
            the frame, as `python -m detectors.ssd300.fit_priors` prints them.

    Raises:
        ValueError: if the preset or a key is unknown, or a level has not 4, 6, 6, 6, 4, 4 boxes.
    """
    presets = {
        "coco": lambda: paired_shapes(_COCO_SCALES, _PAPER_RATIOS),
        "voc": lambda: paired_shapes(_VOC_SCALES, _PAPER_RATIOS),
        "facades": _facade_shapes,
        "seed": _seed_shapes,
    }
    if isinstance(spec, str):
        if spec not in presets:
            raise ValueError(f"priors: unknown preset {spec!r}; known: {', '.join(presets)}")
        return presets[spec]()
    if set(spec) == {"scales", "ratios"}:
        shapes = paired_shapes(spec["scales"], spec["ratios"])
    elif set(spec) == {"shapes"}:
        shapes = [[(float(w), float(h)) for w, h in level] for level in spec["shapes"]]
    else:
        raise ValueError(
            f"priors: give a preset, {{scales, ratios}} or {{shapes}}, got keys {sorted(spec)}"
        )
    counts = tuple(len(level) for level in shapes)
    if counts != BOXES_PER_CELL:
        raise ValueError(
            f"priors: levels need {BOXES_PER_CELL} boxes a cell ({PRIOR_COUNT} in all), "
            f"got {counts}"
        )
    return shapes


def build_priors(spec: str | Mapping[str, Any], centres: str = "steps") -> Tensor:
    """All priors, in the order of the network's outputs: level, row, column, shape.

    Args:
        spec: which shapes, see `prior_shapes`.
        centres: 'steps' puts the centres of a level 8, 16, 32, 64, 100, 300 px apart (paper,
            Caffe); 'grid' divides the frame evenly by the level's cells.

    Returns:
        float32 [8732, 4], xyxy pixels of the 300x300 frame; corners may lie outside of it.

    Raises:
        ValueError: if `spec` or `centres` is not understood.
    """
    if centres not in ("steps", "grid"):
        raise ValueError(f"prior centres must be 'steps' or 'grid', got {centres!r}")
    levels = []
    for grid, step, level in zip(GRIDS, STEPS, prior_shapes(spec), strict=True):
        cells = FRAME / step if centres == "steps" else grid
        places = (torch.arange(grid) + 0.5) / cells
        centre_y, centre_x = torch.meshgrid(places, places, indexing="ij")
        centre = torch.stack((centre_x, centre_y), -1).reshape(-1, 1, 2)
        size = torch.tensor(level).clamp(0, 1)
        corners = torch.cat(torch.broadcast_tensors(centre - 0.5 * size, centre + 0.5 * size), -1)
        levels.append(corners.reshape(-1, 4) * FRAME)
    return torch.cat(levels)


def best_prior_iou(priors: Tensor, boxes: Tensor, chunk: int = 1024) -> Tensor:
    """The IoU of each box with the prior that fits it best.

    Args:
        priors: float [P, 4], xyxy pixels of the 300x300 frame.
        boxes: float [N, 4], in the same frame.
        chunk: boxes compared at a time, which bounds memory.

    Returns:
        float [N], in [0, 1].
    """
    best = [box_iou(part, priors).amax(1) for part in boxes.split(chunk) if len(part)]
    return torch.cat(best) if best else boxes.new_zeros(0)


def prior_recall(priors: Tensor, boxes: Tensor, threshold: float = 0.5) -> float:
    """The share of boxes that some prior meets with IoU >= `threshold`; nan without boxes.

    A box that no prior meets is learnt through its forced match alone.

    Args:
        priors: float [P, 4], xyxy pixels of the 300x300 frame.
        boxes: float [N, 4], in the same frame.
        threshold: in [0, 1].
    """
    return float((best_prior_iou(priors, boxes) >= threshold).double().mean())
