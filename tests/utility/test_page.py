"""The commands of docs/utility.md, typed one after another on a small label set."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hydra import compose, initialize_config_dir

from evaluate import evaluate
from predict import predict
from train import train
from utility.build import build
from utility.label_set import LabelSet

ROOT = Path(__file__).resolve().parents[2]
SMALL = [
    "trainer=cpu", "trainer.max_epochs=1", "logger=csv", "model.view_size=32",
    "datamodule.batch_size=8", "datamodule.per_parent=2",
]  # fmt: skip


DOORS, REAL = "doors", "coco120"  # the data that parts of the page are about


def commands(script: str, about: str = "") -> list[list[str]]:
    """The page's commands of a script about some data; those about neither by default."""
    text = (ROOT / "docs" / "utility.md").read_text("utf-8")
    blocks = re.findall(r"```bash\n(.*?)```", text, re.S)
    lines = [re.sub(r"\s#.*", "", line) for block in blocks for line in block.split("\n")]
    joined = "\n".join(lines).replace("\\\n", " ").splitlines()
    shown = [line for line in joined if line.startswith(f"python {script}")]
    return [shlex.split(line)[2:] for line in shown if _subject(line) == about]


def _subject(line: str) -> str:
    return REAL if REAL in line else DOORS if DOORS in line else ""


def typed(name: str, words: list[str], function: Callable, run: Path) -> None:
    paths = [f"paths.root={Path.cwd()}", f"paths.run={run}"]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        function(compose(name, overrides=[*words, *paths]))


@pytest.mark.slow
def test_the_page(
    write_label_set: Callable[..., Path], label_folder: Path, trained_run: Path,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    sets = tmp_path / "data" / "utility"
    shutil.copytree(label_folder, sets / "street")
    unseen = write_label_set(qualities=(8, 30), detectors={"c": 2})
    shutil.copytree(unseen, sets / "street_unseen")
    (tmp_path / "photos").mkdir()
    cv2.imwrite("photos/a.png", np.full((90, 120, 3), 127, np.uint8))
    single, *_ = [words for words in commands("train.py") if "-m" in words]
    assert "seed=0,1,2" in single
    day = tmp_path / "outputs" / "2026-11-20"
    detector, other = day / "20-00-00", day / "19-00-00"
    shutil.copytree(trained_run, detector)
    for place, words in enumerate(w for w in commands("train.py") if "-m" not in w):
        run = (day / "18-00-00", other, tmp_path / "outputs" / "third")[place]
        typed("train", [*words, *SMALL], train, run)
        assert (run / "metrics.json").is_file()
    for words in commands("evaluate.py"):
        typed("evaluate", [*words, "protocol.resamples=5"], evaluate, tmp_path / "judged")
    assert (tmp_path / "judged" / "report.html").is_file()
    first, second = commands("predict.py")
    typed("predict", first, predict, tmp_path / "ranked")
    assert (tmp_path / "ranked" / "contact_sheet.jpg").is_file()
    typed("predict", second, predict, tmp_path / "gated")
    assert (tmp_path / "gated" / "images.json").is_file()


@pytest.mark.slow
def test_drawn_doors_from_nothing(
    drawn_root: Path, label_folder: Path, write_label_set: Callable[..., Path],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DETECTOR_ZOO_DATA", str(tmp_path / "data"))
    shutil.copytree(drawn_root, tmp_path / "data" / drawn_root.name)
    drawn = ["datamodule.draw.pictures=24", "datamodule.draw.seed=3"]
    detectors, predictors = commands("train.py", DOORS)
    (models,) = [word.partition("=")[2].split(",") for word in detectors if "model=" in word]
    one = [w for w in detectors if w != "-m" and not w.startswith(("model=", "hydra."))]
    run = tmp_path / "outputs" / "doors" / "0"
    short = ["trainer.max_epochs=1", "trainer.check_val_every_n_epoch=1",
             "++trainer.limit_train_batches=1", "logger=csv"]  # fmt: skip
    typed("train", ["model=ssd300_light", *one, *drawn, *short], train, run)
    for place in range(1, len(models)):
        shutil.copytree(run, run.with_name(str(place)))
    # What a detector of one step finds is no door: labelled by its own detections.
    quick = ["variant=pristine_ref", "thresholds.score=0.001", "device=cpu", *drawn]
    for words in commands("-m utility.build", DOORS):
        typed("label_set", [*words[1:], *quick], build, tmp_path / "built")
    seen, unseen = (LabelSet.open(f"data/utility/{name}") for name in ("doors", "doors_unseen"))
    assert len(seen.detectors) == 3
    assert not set(seen.detectors) & set(unseen.detectors)
    assert (len(seen.meta["conditions"]), len(unseen.meta["conditions"])) == (11, 10)
    assert set(unseen.images["split"]) == {"test"}
    # Detectors of one step say nothing worth learning: from here on toy labels.
    sets = tmp_path / "data" / "utility"
    toys = {"doors": label_folder,
            "doors_unseen": write_label_set(qualities=(8,), detectors={"c": 2})}  # fmt: skip
    for name, toy in toys.items():
        shutil.rmtree(sets / name)
        shutil.copytree(toy, sets / name)
    predictor = [w for w in predictors if w != "-m" and not w.startswith(("seed=", "hydra."))]
    first = tmp_path / "outputs" / "doors_predictors" / "0"
    typed("train", [*predictor, *SMALL], train, first)
    (judging,) = commands("evaluate.py", DOORS)
    (runs,) = [word for word in judging if word.startswith("run=")]
    for place in range(1, runs.count(",") + 1):
        shutil.copytree(first, first.with_name(str(place)))
    typed("evaluate", [*judging, "protocol.resamples=5"], evaluate, tmp_path / "judged")
    assert (tmp_path / "judged" / "report.html").is_file()


@pytest.mark.slow
def test_label_sets_of_the_page(
    trained_run: Path, drawn_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for hour in (20, 21, 22):
        shutil.copytree(trained_run, tmp_path / f"outputs/2026-11-20/{hour}-00-00")
    shutil.copytree(drawn_root, tmp_path / "data/facades")
    # Two epochs make no confident detector.
    quick = ["thresholds.score=0.01", "device=cpu"]
    for place, words in enumerate(commands("-m utility.build")):
        words = [os.path.expandvars(word) for word in words[1:]]
        ladder = [f"datamodule.distortions.jpeg=[{12 if place == 1 else 10}]"]
        typed("label_set", [*words, *quick, *ladder], build, tmp_path / "built")
    street = LabelSet.open("data/utility/street")
    assert (street.detectors, street.meta["variant"]) == (("a", "b"), "paper")
    assert street.meta["conditions"] == ["clean", "jpeg_q10"]
    unseen = LabelSet.open("data/utility/street_unseen")
    assert (unseen.detectors, unseen.meta["conditions"]) == (("c",), ["clean", "jpeg_q12"])


@pytest.mark.slow
def test_pictures_learned_by_heart(
    drawn_root: Path, label_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(drawn_root, tmp_path / "data" / REAL)
    home = "$HOME/data", str(tmp_path / "data")
    detectors, predictors = ([w.replace(*home) for w in c] for c in commands("train.py", REAL))
    one = [w for w in detectors if w != "-m" and not w.startswith(("model=", "hydra.", "trainer."))]
    short = ["trainer.max_epochs=1", "trainer.check_val_every_n_epoch=1",
             "++trainer.limit_train_batches=1", "logger=csv"]  # fmt: skip
    run = tmp_path / "outputs" / REAL / "0"
    typed("train", ["model=ssd300_light", *one, *short], train, run)
    for place in (1, 2):
        shutil.copytree(run, run.with_name(str(place)))
    quick = ["variant=pristine_ref", "thresholds.score=0.001", "device=cpu"]
    for words in commands("-m utility.build", REAL):
        words = [word.replace(*home) for word in words[1:]]
        typed("label_set", [*words, *quick], build, tmp_path / "built")
    seen, unseen = (LabelSet.open(f"data/utility/{name}") for name in (REAL, f"{REAL}_unseen"))
    assert list(seen.detectors) == ["ssd300_light", "fcos"]
    assert list(unseen.detectors) == ["ssd300"]
    assert len(seen.meta["conditions"]) == len(unseen.meta["conditions"]) == 18
    # The rest is typed for drawn doors; here it need but be understood.
    shutil.rmtree(tmp_path / "data" / "utility")
    shutil.copytree(label_folder, tmp_path / "data" / "utility" / REAL)
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        words = [w for w in predictors if w != "-m" and not w.startswith(("seed=", "hydra."))]
        assert compose("train", overrides=words).model.views == "both"
        (judging,) = commands("evaluate.py", REAL)
        assert (
            compose("evaluate", overrides=judging).protocol.unseen == f"data/utility/{REAL}_unseen"
        )
