"""COCO evaluation of 5,000 images: ours against pycocotools, side by side in one run.

    python benchmarks/coco_evaluation_speed.py --out coco_evaluation_speed.json

Both are timed from two Python structures (the truth's dict, the list of detections) to the 12
numbers: what a user waits for after the last batch, that is checking and indexing, matching,
accumulating and averaging. Reading JSON is the same for both and not counted. The whole
`evaluate_detections` (COCO, VOC, curves, confusion, operating points) is timed as well. Wall clock
is what counts, on an idle machine; on a busy one the CPU columns are the steadier.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import math
import os
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from evaluation import evaluate_detections, write_json
from evaluation.coco import evaluate_coco

WIDTH, HEIGHT = 640, 480
Case = tuple[dict[str, Any], list[dict[str, Any]]]


def draw_case(images: int, classes: int, objects: int, detections: int, seed: int = 0) -> Case:
    """Truth and detections of COCO's size: log-uniform box sides, 1 % crowds, jittered hits."""
    rng = np.random.default_rng(seed)
    image, category = rng.integers(1, images + 1, objects), rng.integers(1, classes + 1, objects)
    size = np.exp(rng.uniform(np.log(10), np.log(300), (objects, 2)))
    boxes = np.c_[rng.random((objects, 2)) * (np.array([WIDTH, HEIGHT]) - size), size]
    crowd = rng.random(objects) < 0.01
    columns = image.tolist(), category.tolist(), boxes.tolist(), crowd.tolist()
    annotations = [
        {
            "id": n,
            "image_id": i,
            "category_id": c,
            "bbox": b,
            "area": b[2] * b[3],
            "iscrowd": int(k),
        }
        for n, (i, c, b, k) in enumerate(zip(*columns, strict=True), start=1)
    ]
    near = rng.integers(0, objects, detections)
    jitter = rng.normal(0, 0.12, (detections, 4)) * boxes[near][:, [2, 3, 2, 3]]
    found = boxes[near] + jitter
    found[:, 2:] = np.maximum(found[:, 2:], 1)
    score = rng.random(detections)
    rows = image[near].tolist(), category[near].tolist(), found.tolist(), score.tolist()
    results = [
        {"image_id": i, "category_id": c, "bbox": b, "score": s}
        for i, c, b, s in zip(*rows, strict=True)
    ]
    truth = {
        "info": {},
        "images": [
            {"id": i, "file_name": f"{i}.jpg", "width": WIDTH, "height": HEIGHT}
            for i in range(1, images + 1)
        ],
        "annotations": annotations,
        "categories": [{"id": c, "name": f"class {c}"} for c in range(1, classes + 1)],
    }
    return truth, results


def by_pycocotools(truth: dict[str, Any], results: list[dict[str, Any]]) -> list[float]:
    """The 12 numbers as pycocotools' own example gets them."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        expected = COCO()
        expected.dataset = truth
        expected.createIndex()
        evaluator = COCOeval(expected, expected.loadRes(results), "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return [float(value) for value in evaluator.stats]


def seconds(
    function: Callable[..., Any], case: Case, repeats: int
) -> tuple[tuple[float, float], Any]:
    """The best wall-clock and CPU seconds of some calls, each on a fresh copy, and the result."""
    wall, cpu, answer = math.inf, math.inf, None
    for _ in range(repeats):
        fresh = copy.deepcopy(case)
        start, start_cpu = time.perf_counter(), time.process_time()
        answer = function(*fresh)
        wall = min(wall, time.perf_counter() - start)
        cpu = min(cpu, time.process_time() - start_cpu)
    return (wall, cpu), answer


def arguments() -> argparse.Namespace:
    """The command line; by default the size of COCO's val2017."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--classes", type=int, default=80)
    parser.add_argument("--objects", type=int, default=36_000)
    parser.add_argument("--detections", type=int, default=170_000)
    parser.add_argument("--out", type=Path, help="also write the table as JSON")
    return parser.parse_args()


def table(timed: dict[str, tuple[float, float]], reference: str) -> list[dict[str, Any]]:
    """Wall-clock and CPU seconds by name as rows that compare them with one of these names."""
    return [
        {
            "name": name,
            "seconds": wall,
            "times_faster": timed[reference][0] / wall,
            "cpu_seconds": cpu,
            "times_less_cpu": timed[reference][1] / cpu,
        }
        for name, (wall, cpu) in timed.items()
    ]


def main() -> None:
    """Time both, compare their numbers, print a table, write JSON."""
    args = arguments()
    case = draw_case(args.images, args.classes, args.objects, args.detections)
    everything, _ = seconds(evaluate_detections, case, repeats=3)
    ours, scores = seconds(evaluate_coco, case, repeats=5)
    theirs, reference = seconds(by_pycocotools, case, repeats=1)
    numbers = [-1.0 if math.isnan(v) else v for v in scores.summary.values()]
    if numbers != reference:
        raise SystemExit(f"the two disagree:\n{numbers}\n{reference}")
    timed = {
        "pycocotools": theirs,
        f"evaluation.coco ({scores.backend})": ours,
        "evaluation.evaluate_detections": everything,
    }
    rows = table(timed, "pycocotools")
    print(
        f"{args.images} images, {args.classes} classes, {args.objects} objects, "
        f"{args.detections} detections; {os.cpu_count()} cores, {platform.machine()}"
    )
    print(f"{'':32} {'wall s':>8} {'times faster':>13} {'CPU s':>8} {'times less':>11}")
    for name, *values in (row.values() for row in rows):
        print("{:32} {:8.3f} {:13.1f} {:8.3f} {:11.1f}".format(name, *values))
    print(f"all 12 numbers equal to the last digit; map {scores.summary['map']:.6f}")
    if args.out:
        write_json(
            args.out,
            {
                "benchmark": "coco_evaluation_speed",
                "case": {k: v for k, v in vars(args).items() if k != "out"},
                "cores": os.cpu_count(),
                "versions": {n: version(n) for n in ("hotcoco", "pycocotools", "numpy")},
                "rows": rows,
            },
        )


if __name__ == "__main__":
    main()
