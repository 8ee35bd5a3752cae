"""Drawing in worker processes."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import sys, time
from pathlib import Path
import cv2, numpy as np
from prepare.drawn_facades import draw_facades

cv2.setNumThreads(4)
cv2.cvtColor(np.zeros((2000, 2000, 3), np.uint8), cv2.COLOR_RGB2BGR)
time.sleep(0.2)  # until OpenCV's threads wait for work
draw_facades(Path(sys.argv[1]), pictures=4, workers=2)
"""


def test_drawing_ends_although_opencv_has_used_threads_before(tmp_path: Path) -> None:
    """Workers that are forked then can hang in `cv2.setNumThreads`, and the training with them."""
    folder = tmp_path / "drawn"
    arguments = [sys.executable, "-c", SCRIPT, str(folder)]
    subprocess.run(arguments, cwd=ROOT, check=True, timeout=60, capture_output=True)
    assert (folder / "annotations.json").is_file()
