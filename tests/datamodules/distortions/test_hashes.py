"""The same bytes everywhere: in fresh processes, with any instructions and number of threads."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from datamodules.distortions import ENGINE_VERSION

HERE = Path(__file__).resolve().parent
STORED = json.loads((HERE / "hashes.json").read_text("utf-8"))

MACHINES = {
    "this one, 1 thread": ("1", {}),
    "without OpenCV's newer instructions, 4 threads": (
        "4",
        {
            "OPENCV_CPU_DISABLE": "AVX512-SKX,AVX2,FMA3,AVX,FP16,SSE4.2,SSE4.1,SSSE3,POPCNT",
            "OPENCV_IPP": "disabled",
        },
    ),
    "without NumPy's newer instructions nor libjpeg-turbo's": (
        "2",
        {
            # The names of NumPy before and since 2.4.
            "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512_SKX AVX512_CLX AVX512_CNL "
            "AVX512_ICL AVX512_SPR X86_V3 X86_V4",
            "JSIMD_FORCENONE": "1",
            "PYTHONHASHSEED": "7",
        },
    ),
}


def test_hashes_are_those_of_this_engine():
    assert STORED["engine_version"] == ENGINE_VERSION


@pytest.mark.parametrize("machine", MACHINES)
def test_bytes_are_the_stored_ones(machine: str):
    threads, environment = MACHINES[machine]
    process = subprocess.run(
        [sys.executable, str(HERE / "digests.py"), threads],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    made = json.loads(process.stdout)
    changed = [
        f"{size} {name}"
        for size, hashes in STORED["sha256"].items()
        for name, stored in hashes.items()
        if made["sha256"][size][name] != stored
    ]
    assert not changed, (
        f"other bytes than stored by {STORED['made_with']} come from {made['made_with']}. If the "
        f"engine was changed on purpose, raise ENGINE_VERSION and see digests.py: {changed}"
    )
    assert made["sha256"].keys() == STORED["sha256"].keys()
