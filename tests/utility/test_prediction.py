"""predict.py with a predictor of utility: a ranking, a sheet, and a gate before a detector."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir

from predict import predict
from runs.prediction.utility import lowest_useful
from utility.gate import UtilityGate
from utility.module import Estimates, UtilityPredictor

ROOT = Path(__file__).resolve().parents[2]


class Brightness(UtilityPredictor):
    """Calls a picture the more useful the brighter it is."""

    def __init__(self) -> None:
        super().__init__(["a", "b"], [0.5, 0.5], qualities=[3, 9], backbone="resnet10t")

    def estimate(self, pictures: list[torch.Tensor]) -> Estimates:
        means = torch.stack([picture.float().mean() / 255 for picture in pictures])
        lost = 4 * (1 - means)
        return Estimates(means[:, None].repeat(1, 2), None, None, lost[:, None].repeat(1, 2))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, grey in {"dark": 20, "middle": 140, "bright": 240}.items():
        cv2.imwrite(str(folder / f"{name}.png"), np.full((120, 200, 3), grey, np.uint8))
    return folder


@pytest.fixture
def brightness(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runs.run_folder.RunFolder.load_predictor", lambda self: Brightness())


def run_predict(folder: Path, *overrides: str) -> Path:
    paths = [f"paths.root={folder}", f"paths.run={folder / 'out'}", "device=cpu"]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return predict(compose("predict", overrides=[*overrides, *paths]))


def test_pictures_are_ranked_the_least_useful_first(
    photos: Path,
    tmp_path: Path,
    brightness: None,
    monkeypatch: pytest.MonkeyPatch,
    trained_run: Path,
) -> None:
    monkeypatch.setattr("runs.run_folder.RunFolder.holds_predictor", True)
    out = run_predict(tmp_path, f"run={trained_run}", f"source={photos}")
    with (out / "utility.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [Path(row["file"]).stem for row in rows] == ["dark", "middle", "bright"]
    assert [row["useful"] for row in rows] == ["0", "1", "1"]
    assert [row["lowest_quality"] for row in rows] == ["", "3", "3"]  # of its training
    assert float(rows[2]["useful to a"]) == pytest.approx(240 / 255, abs=1e-3)
    assert float(rows[0]["lost"]) == pytest.approx(4 * (1 - 20 / 255), abs=1e-3)
    sheet = cv2.imread(str(out / "contact_sheet.jpg"))
    assert sheet is not None
    assert sheet.shape[1] > 3 * 240


def test_the_lowest_quality_is_that_above_which_all_is_well() -> None:
    assert lowest_useful([0.2, 0.7, 0.4, 0.6, 0.9], [5, 10, 20, 40, 80]) == 40
    assert lowest_useful([0.6, 0.7], [5, 10]) == 5
    assert lowest_useful([0.6, 0.4], [5, 10]) is None


@pytest.mark.slow
def test_a_gate_keeps_useless_pictures_from_the_detector(
    photos: Path, tmp_path: Path, brightness: None, trained_run: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    out = run_predict(
        tmp_path, f"run={trained_run}", f"source={photos}", f"utility_gate={trained_run}"
    )
    images = json.loads((out / "images.json").read_text())
    assert [Path(image["file_name"]).stem for image in images["images"]] == ["bright", "middle"]
    assert [Path(image["file_name"]).stem for image in images["held"]] == ["dark"]
    assert images["held"][0]["utility"] == pytest.approx(20 / 255, abs=1e-3)
    assert "1 of 3 pictures held back as useless" in capsys.readouterr().out


@pytest.mark.slow
def test_a_gate_is_not_left_out_of_videos_in_silence(
    photos: Path, tmp_path: Path, brightness: None, trained_run: Path
) -> None:
    words = (f"run={trained_run}", f"source={photos}", "clip=true", f"utility_gate={trained_run}")
    with pytest.raises(ValueError, match="a gate judges single pictures"):
        run_predict(tmp_path, *words)


def test_a_gate_is_callable_on_any_pictures_and_tells_its_cost() -> None:
    gate = UtilityGate(Brightness(), threshold=0.6)
    assert np.isnan(gate.milliseconds)
    shapes = ((3, 40, 60), (3, 90, 30))
    pictures = [torch.full(s, g, dtype=torch.uint8) for s, g in zip(shapes, (10, 250), strict=True)]
    scores = gate(pictures)
    assert (scores >= gate.threshold).tolist() == [False, True]
    assert (gate.judged, gate.held) == (2, 1)
    assert gate.milliseconds > 0
    assert gate([]).tolist() == []
    with pytest.raises(ValueError, match=r"must lie in 0\.\.1, got 2"):
        UtilityGate(Brightness(), threshold=2)


def test_a_predictor_judges_no_videos(
    tmp_path: Path, brightness: None, monkeypatch: pytest.MonkeyPatch, trained_run: Path
) -> None:
    monkeypatch.setattr("runs.run_folder.RunFolder.holds_predictor", True)
    (tmp_path / "clip.mp4").write_bytes(b"")
    with pytest.raises(ValueError, match="judges pictures alone"):
        run_predict(tmp_path, f"run={trained_run}", f"source={tmp_path / 'clip.mp4'}")
