"""The command `python -m detectors.export`, on run folders as a training leaves them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import lightning
import numpy as np
import onnxruntime
import pytest
import torch
import yaml
from hydra import compose, initialize_config_dir

from detectors.export import export
from detectors.ssd300.module import SSD300
from runs.explained_errors import explain
from runs.run_folder import RunFolder

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    detector = SSD300(
        ["window", "door"],
        trunk="resnet10t",
        trunk_arguments={"channels": [16, 32, 48, 64], "stem_width": 8},
        max_detections=20,
    )
    folder = tmp_path_factory.mktemp("run")
    checkpoint = {
        "state_dict": detector.state_dict(),
        "hyper_parameters": dict(detector.hparams),
        "pytorch-lightning_version": lightning.__version__,
    }
    torch.save(checkpoint, folder / "best.ckpt")
    config = {
        "model": {"_target_": "detectors.ssd300.module.SSD300"},
        "datamodule": {"_target_": "datamodules.facades.FacadesDataModule"},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return folder


def composed(*overrides: str) -> Any:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("export", overrides=list(overrides))


def command(*words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "detectors.export", *words]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_run_becomes_a_file_beside_its_checkpoint(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    picture = np.random.default_rng(0).integers(0, 256, (70, 90, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "own.png"), picture)
    file = export(composed(f"run={run}", f"source={tmp_path / 'own.png'}"))
    assert file == run / "model.onnx"
    outputs = onnxruntime.InferenceSession(file).run(
        None, {"frames": picture.transpose(2, 0, 1)[None]}
    )
    assert outputs[0].shape == (1, 20, 4)
    told = capsys.readouterr()
    assert "exporting SSD300" in told.out
    assert "(0.0001 allowed)" in told.out
    assert "px (0.01 allowed)" in told.out
    assert str(file) in told.out
    assert told.err == ""


@pytest.mark.parametrize(
    ("overrides", "wanted"),
    [
        (["format=onxx"], "format=onxx: there is no such format; did you mean 'onnx'?"),
        (["batch=0"], "batch=0: must be dynamic, a whole number from 1 up, or null"),
        (["batch=dynmic"], "batch=dynmic: must be dynamic"),
        (["checkpoint=last"], "checkpoint=last: "),
        (["out=model.pt"], "out=model.pt: must be the name of a file that ends in .onnx"),
        (["source=nowhere"], "source=nowhere: no such file or folder"),
        (["fromat=onnx"], "fromat: there is no such key; did you mean 'format'?"),
        (["run=nowhere"], "run=nowhere: no such folder"),
    ],
)
def test_wrong_arguments_are_answered(run: Path, overrides: list[str], wanted: str):
    before = sorted(run.iterdir())
    with pytest.raises(Exception) as caught:  # noqa: PT011  # composing has errors of its own
        export(composed(f"run={run}", *overrides))
    assert str(explain(caught.value)).startswith(wanted)
    assert sorted(run.iterdir()) == before


def test_an_output_that_cannot_be_is_refused_before_the_detector_is_loaded(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(RunFolder, "load_detector", lambda _: pytest.fail("was loaded"))
    (tmp_path / "file").touch()
    out = tmp_path / "file/model.onnx"
    with pytest.raises(ValueError, match=rf"out={out}: the export cannot be written there \("):
        export(composed(f"run={run}", f"out={out}"))
    with pytest.raises(ValueError, match="must be the name of a file that ends in"):
        export(composed(f"run={run}", f"out={tmp_path}"))


def test_videos_are_no_pictures_to_check_on(run: Path, tmp_path: Path):
    (tmp_path / "clip.mp4").touch()
    with pytest.raises(ValueError, match="checked on pictures, not on videos"):
        export(composed(f"run={run}", f"source={tmp_path}"))


def test_the_command_explains_itself_and_its_errors():
    assert "run=         the folder of a training" in command("--help").stdout
    forgotten = command("format=onnx")
    assert forgotten.returncode == 1
    assert "error: run= is needed" in forgotten.stderr
    assert "Traceback" not in forgotten.stderr
