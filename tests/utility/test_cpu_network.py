"""The network for processors says what the trained one says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.utility_speed import main
from utility.cpu_network import CpuNetwork
from utility.module import UtilityPredictor


def test_it_agrees_with_the_network_up_to_bfloat16() -> None:
    torch.manual_seed(0)
    predictor = UtilityPredictor(
        ["a"], [0.5], "resnet10t", view_size=64, crops=2,
        loss_weights={"useful": 1.0, "utility": 1.0, "kept": 1.0},
    )  # fmt: skip
    pictures = [torch.randint(0, 256, (3, 90, 120), dtype=torch.uint8) for _ in range(6)]
    predictor.train()
    predictor(pictures)  # moves the running statistics, which are folded
    predictor.eval()
    exact = predictor.estimate(pictures)
    predictor.network = CpuNetwork(predictor.network)
    fast = predictor.estimate(pictures)
    assert fast.useful.dtype == torch.float32
    for a, b in zip(exact, fast, strict=True):
        assert a is not None
        assert b is not None
        assert torch.allclose(a, b, atol=0.03)


def test_the_benchmark_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "speed.json"
    words = ["x", "--repeats", "1", "--backbone", "resnet10t", "--no-compile", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", words)
    threads = torch.get_num_threads()
    main()
    torch.set_num_threads(threads)
    rows = json.loads(out.read_text())["rows"]
    assert set(rows) == {"float32", "bfloat16"}
    assert all(row["cpu_ms_fastest"] > 0 for row in rows.values())
    assert "one core" in capsys.readouterr().out
