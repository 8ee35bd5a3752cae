"""What is measured on a GPU runs on a processor too; a part that fails is named, not fatal."""

from __future__ import annotations

import importlib
import json
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import torch

from benchmarks import gpu_profile, gpu_speed, gpu_trainer
from benchmarks.gpu_device import in_precision
from benchmarks.gpu_speed import Part
from benchmarks.gpu_steps import Recipe, Sizes, Step
from benchmarks.time_limit import time_limit

CPU = torch.device("cpu")
SMALL = Sizes(
    {"light": Recipe("transvod_light", {"short_side": 64}, side=64)},
    {"ssd300_light": Recipe("ssd300_light", {}, 1, 64)},
    frames=2,
    seconds=0.0,
)


def run(monkeypatch: pytest.MonkeyPatch, module: str, *arguments: str) -> None:
    main = importlib.import_module(f"benchmarks.{module}").main
    monkeypatch.setattr(sys, "argv", [module, *arguments])
    for each in (gpu_speed, gpu_profile, gpu_trainer):
        monkeypatch.setattr(each, "TINY", SMALL)
    for each in (gpu_speed, gpu_profile):
        monkeypatch.setattr(each, "_BLOCK" if each is gpu_speed else "_STEPS", 1)
    main()


def test_speed_has_a_row_for_every_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "speed.json"
    tiny = ["--device", "cpu", "--tiny", "--seconds", "1000"]
    run(monkeypatch, "gpu_speed", *tiny, "--no-compile", "--out", str(out))
    rows = json.loads(out.read_text())["rows"]
    assert [row["part"] for row in rows] == ["clips", "streams", *["steps"] * 7]
    assert [row for row in rows if "ms" not in row] == []
    clip = rows[0]
    assert clip["frames_per_second"] == pytest.approx(1e3 * SMALL.frames / clip["ms"])
    assert "light, temporal stage" in capsys.readouterr().out


def test_a_part_that_fails_is_named_with_its_reason() -> None:
    def fails() -> Step:
        raise torch.OutOfMemoryError("tried to allocate 7 GiB")

    row = gpu_speed.measure(Part("steps", "huge", fails, 1), CPU, 0.0)
    assert row["failed"] == "OutOfMemoryError: 'tried to allocate 7 GiB'"
    slow = Part("steps", "slow", lambda: partial(time.sleep, 0.0), 1)
    assert "failed" not in gpu_speed.measure(slow, CPU, 0.0)


def test_a_limit_ends_what_takes_too_long() -> None:
    with pytest.raises(TimeoutError, match=r"longer than 0\.1 s"), time_limit(0.1):
        time.sleep(30)
    with time_limit(0.1):
        pass
    time.sleep(0.2)  # nothing is left that would still go off


def test_number_formats_are_given_back() -> None:
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    with in_precision("tf32", CPU):
        assert torch.get_float32_matmul_precision() == "high"
    assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32) == before


def test_a_profile_names_parts_and_operators(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "profile.json"
    tiny = ["--device", "cpu", "--tiny", "--seconds", "1000"]
    run(monkeypatch, "gpu_profile", *tiny, "--rows", "3", "--out", str(out))
    found = json.loads(out.read_text())
    assert [case["case"].partition(",")[0] for case in found] == ["light"] * 4 + ["ssd300_light"]
    clip = found[0]
    assert min(clip["parts_ms"].values()) > 0
    assert len(clip["operators"]) == 3


def test_a_step_through_the_trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "trainer.json"
    # DDP would leave a process group behind in this process.
    monkeypatch.setattr(gpu_trainer, "ROWS", {"one device": ("auto", False)})
    monkeypatch.setattr(gpu_trainer, "_WARM_UP", 1)
    run(
        monkeypatch, "gpu_trainer", "--device", "cpu", "--tiny", "--steps", "7", "--out", str(out)
    )  # fmt: skip
    (row,) = json.loads(out.read_text())
    assert row["ms"] > 0


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
@pytest.mark.parametrize("module", ["gpu_speed", "gpu_profile", "gpu_trainer"])
def test_without_a_gpu_they_say_so(
    module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(monkeypatch, module)
    assert "there is no CUDA device; --device cpu --tiny" in capsys.readouterr().err
