"""The networks for processors say what the trained one says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmarks.utility_speed import main
from utility.cpu_network import CpuNetwork
from utility.int8_network import Int8Network
from utility.module import UtilityPredictor


@pytest.fixture
def pictures() -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [
        torch.randint(0, 256, (3, 90, 120), dtype=torch.uint8, generator=generator)
        for _ in range(6)
    ]


@pytest.fixture
def predictor(pictures: list[Tensor]) -> UtilityPredictor:
    torch.manual_seed(0)
    predictor = UtilityPredictor(
        ["a"], [0.5], (), "resnet10t", view_size=64, crops=2,
        loss_weights={"useful": 1.0, "utility": 1.0, "kept": 1.0, "lost": 1.0},
    )  # fmt: skip
    predictor.train()
    predictor(pictures)  # moves the running statistics, which are folded
    return predictor.eval()


@pytest.mark.parametrize("kind", ["bfloat16", "int8"])
def test_it_agrees_with_the_network_up_to_its_rounding(
    predictor: UtilityPredictor, pictures: list[Tensor], kind: str
) -> None:
    exact = predictor.estimate(pictures)
    if kind == "int8":
        predictor.network = Int8Network(predictor.network, predictor.views(pictures))
    else:
        predictor.network = CpuNetwork(predictor.network)
    fast = predictor.estimate(pictures)
    assert fast.useful.dtype == torch.float32
    for a, b in zip(exact, fast, strict=True):
        assert a is not None
        assert b is not None
        assert torch.allclose(a, b, atol=0.03)
        assert not torch.equal(a, b)


@pytest.mark.filterwarnings("error::DeprecationWarning")
def test_int8_leaves_the_network_and_the_engine_of_others_alone(
    predictor: UtilityPredictor, pictures: list[Tensor]
) -> None:
    before = torch.backends.quantized.engine, predictor.estimate(pictures).useful
    Int8Network(predictor.network, predictor.views(pictures))
    assert torch.backends.quantized.engine == before[0]
    assert torch.equal(predictor.estimate(pictures).useful, before[1])


def test_what_cannot_be_traced_is_refused_with_the_mend(pictures: list[Tensor]) -> None:
    predictor = UtilityPredictor(["a"], [0.5], (), "efficientvit_m0", view_size=224, crops=1).eval()
    with pytest.raises(ValueError, match=r"cannot be quantised.*use the network as it is"):
        Int8Network(predictor.network, predictor.views(pictures))


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
    assert set(rows) == {"float32", "bfloat16", "int8"}
    assert all(row["cpu_ms_fastest"] > 0 for row in rows.values())
    assert "one core" in capsys.readouterr().out
