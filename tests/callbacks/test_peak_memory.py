"""The height of memory, and that an earlier one is forgotten."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from callbacks import peak_memory
from callbacks.peak_memory import PeakMemory

MB = 2**20
CPU = torch.device("cpu")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says it of a process")
def test_a_peak_is_told_of_its_own_time_alone() -> None:
    peak = PeakMemory(CPU)
    before = peak.read()
    np.ones(256 * MB, dtype=np.uint8)  # freed at once
    high, later = peak.read(), PeakMemory(CPU).read()
    assert before is not None
    assert high is not None
    assert later is not None
    assert high - before > 200 * MB
    assert later - before < 100 * MB


def test_a_system_that_does_not_say_has_no_peak(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(peak_memory, "_CLEAR", tmp_path / "no folder" / "clear_refs")
    assert PeakMemory(CPU).read() is None


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_peak_of_a_gpu_is_that_of_its_tensors() -> None:
    device = torch.device("cuda", 0)
    start = torch.cuda.memory_allocated(device)
    peak = PeakMemory(device)
    torch.zeros(64 * MB, dtype=torch.uint8, device=device)
    high = peak.read()
    assert high is not None
    assert high - start >= 64 * MB
