"""SHA-256 of every distortion of two drawn pictures, as JSON to the standard output.

After a change of the engine that is meant to change bytes, raise ENGINE_VERSION and run

    python tests/datamodules/distortions/digests.py > tests/datamodules/distortions/hashes.json
"""

import hashlib
import json
import re
import sys
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from datamodules.distortions import (
    CORRUPTIONS,
    ENGINE_VERSION,
    EXTRA_CORRUPTIONS,
    SEVERITIES,
    TRAIN_LADDER,
    UNSEEN_LADDER,
    Distortion,
    distort,
)

SIZES = ((480, 640), (123, 77))


def drawn_picture(height: int, width: int) -> np.ndarray:
    """Slopes, edges, fine texture and flat parts, in whole numbers only."""
    y, x = np.indices((height, width))
    slope = (3 * x + 5 * y) // 7 % 256
    blocks = (x // 37 * 73 + y // 29 * 41) % 256
    texture = (x * x + 3 * x * y + 7 * y * y) % 251
    picture = np.stack([(slope + blocks) // 2, blocks, (3 * blocks + texture) // 4], axis=2)
    picture[height // 3 : height // 2, width // 4 : width // 2] = (250, 240, 20)
    picture[height // 2 :, : width // 5] = 7
    return picture.astype(np.uint8)


def versions() -> dict[str, str]:
    jpeg = re.search(r"^\s*JPEG:.*$", cv2.getBuildInformation(), re.MULTILINE)
    return {
        "opencv": cv2.__version__,
        "opencv's JPEG": jpeg[0].split(":", 1)[1].strip() if jpeg else "none",
        "numpy": np.__version__,
        "pillow": version("pillow"),
    }


def digests() -> dict[str, dict[str, str]]:
    kinds = CORRUPTIONS + EXTRA_CORRUPTIONS
    distortions = [Distortion(kind, severity) for kind in kinds for severity in SEVERITIES]
    distortions += [Distortion("jpeg", quality) for quality in TRAIN_LADDER + UNSEEN_LADDER]
    result = {}
    for height, width in SIZES:
        picture = drawn_picture(height, width)
        result[f"{width}x{height}"] = {
            d.name: hashlib.sha256(distort(picture, d, 139).tobytes()).hexdigest()
            for d in distortions
        }
    return result


if __name__ == "__main__":
    if len(sys.argv) > 1:
        cv2.setNumThreads(int(sys.argv[1]))
    content = {"engine_version": ENGINE_VERSION, "made_with": versions(), "sha256": digests()}
    sys.stdout.write(json.dumps(content, indent=1) + "\n")
