"""Distortions: CPU time a picture, ours against imagecorruptions 1.1.2, side by side in one run.

    python benchmarks/distortion_speed.py --out distortion_speed.json

imagecorruptions is no dependency: it asks for an old setuptools, so it goes into an environment of
its own, `pip install imagecorruptions 'setuptools<81' numpy pillow opencv-python-headless`. Without
it our times alone are printed. Kinds that fail in it (fog, glass_blur and gaussian_blur with NumPy
and scikit-image of today) have no ratio; the ratio of all is that of the mean times of the others.

JPEG is measured as a study uses it: each picture is decoded from its file once, then encoded and
decoded at nine qualities. `--pictures 5000` does the whole of it; fewer are scaled up.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from datamodules.distortions import (
    CORRUPTIONS,
    EXTRA_CORRUPTIONS,
    TRAIN_LADDER,
    Distortion,
    distort,
    encode_jpeg,
)

HEIGHT, WIDTH = 480, 640
WHOLE = 5000
HOW_TO_INSTALL = "pip install imagecorruptions 'setuptools<81' numpy pillow opencv-python-headless"


def draw_picture(seed: int) -> np.ndarray:
    """A picture of blobs of all sizes, which compresses about as a photograph does."""
    rng = np.random.default_rng(seed)
    total = np.zeros((HEIGHT, WIDTH, 3))
    for cell in (160, 80, 40, 20, 10, 5):
        coarse = rng.normal(size=(HEIGHT // cell + 2, WIDTH // cell + 2, 3)) * cell**0.4
        total += cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    total += rng.normal(size=total.shape)
    total = 128 + total * (60 / total.std())
    return np.clip(total, 0, 255).astype(np.uint8)


def reference() -> Callable[..., np.ndarray] | None:
    """imagecorruptions' function, where it can be imported."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from imagecorruptions import corrupt
    except ImportError as error:
        print(f"imagecorruptions cannot be imported ({error}); to compare: {HOW_TO_INSTALL}")
        return None
    return corrupt


def milliseconds(function: Callable[[], Any], repeats: int) -> float:
    """The median CPU time of a call, after one that is not counted."""
    function()
    times = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return 1000 * float(np.median(times))


def compare(severities: list[int], repeats: int) -> list[dict[str, Any]]:
    """CPU milliseconds of every kind, the mean over the severities."""
    picture, corrupt, rows = draw_picture(0), reference(), []
    for kind in CORRUPTIONS + EXTRA_CORRUPTIONS:
        ours, theirs = [], []
        for severity in severities:
            distortion = Distortion(kind, severity)
            ours.append(milliseconds(partial(distort, picture, distortion, 1), repeats))
            if corrupt is None:
                continue
            call = partial(corrupt, picture, severity=severity, corruption_name=kind)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    theirs.append(milliseconds(call, repeats))
            except (AttributeError, TypeError) as error:
                print(f"imagecorruptions fails at {kind}: {str(error).splitlines()[0]}")
                break
        complete = len(theirs) == len(severities)
        rows.append(
            {
                "kind": kind,
                "ours_ms": float(np.mean(ours)),
                "theirs_ms": float(np.mean(theirs)) if complete else None,
            }
        )
    return rows


def ladder_seconds(pictures: int) -> float:
    """CPU seconds of decoding pictures, then encoding and decoding each at nine qualities."""
    sources = [encode_jpeg(draw_picture(seed), 92) for seed in range(min(pictures, 20))]
    distortions = [Distortion("jpeg", quality) for quality in TRAIN_LADDER]
    start = time.process_time()
    for number in range(pictures):
        data = np.frombuffer(sources[number % len(sources)], dtype=np.uint8)
        decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
        if decoded is None:
            raise SystemExit("OpenCV cannot decode the JPEG that it has just encoded")
        picture = cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB)
        for distortion in distortions:
            distort(picture, distortion, number)
    return time.process_time() - start


def installed() -> dict[str, str]:
    """The versions that matter here."""
    found = {"opencv": cv2.__version__, "numpy": np.__version__}
    for name in ("imagecorruptions", "scikit-image", "scipy", "pillow"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    return found


def print_table(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Print the times, and return the ratio of the means over the kinds that both can do."""
    print(f"{'CPU ms a picture of 640x480':28} {'ours':>8} {'imagecorruptions':>17} {'ratio':>7}")
    for row in rows:
        theirs = row["theirs_ms"]
        right = f"{theirs:17.1f} {theirs / row['ours_ms']:6.1f}x" if theirs else f"{'fails':>17}"
        print(f"{row['kind']:28} {row['ours_ms']:8.2f} {right}")
    print(f"mean of all {len(rows)} kinds: {np.mean([row['ours_ms'] for row in rows]):.2f} ms")
    both = [row for row in rows if row["theirs_ms"]]
    if not both:
        return {}
    ours, theirs = (float(np.mean([row[key] for row in both])) for key in ("ours_ms", "theirs_ms"))
    print(f"mean of {len(both)} kinds: {ours:.2f} ms, {theirs:.1f} ms: {theirs / ours:.1f}x faster")
    return {"ours_ms": ours, "theirs_ms": theirs, "times_faster": theirs / ours}


def main() -> None:
    """Time both, print a table, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--severities", type=int, nargs="+", default=[3])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=100, help="of the JPEG ladder")
    parser.add_argument("--out", type=Path, help="also write the table as JSON")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    rows = compare(args.severities, args.repeats)
    means = print_table(rows)
    seconds = ladder_seconds(args.pictures)
    whole = seconds * WHOLE / args.pictures
    print(
        f"JPEG: {len(TRAIN_LADDER)} qualities x {args.pictures} pictures of {WIDTH}x{HEIGHT}, "
        f"decoding included: {seconds:.1f} CPU s; {WHOLE} pictures: {whole:.1f} CPU s"
    )
    if args.out:
        content = {
            "benchmark": "distortion_speed",
            "severities": args.severities,
            "cores": os.cpu_count(),
            "machine": platform.machine(),
            "versions": installed(),
            "rows": rows,
            "mean_of_kinds_that_both_can_do": means,
            "jpeg": {"pictures": args.pictures, "cpu_s": seconds, "cpu_s_of_5000": whole},
        }
        args.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
