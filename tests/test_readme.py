"""Every command that README.md and docs/ show is run, on small stand-ins for the data they name."""

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from torchvision.models import get_model, get_model_weights, list_models

from callbacks.trial_journal import open_study
from callbacks.wandb_sync import main as upload
from datamodules.distortions.__main__ import main as draw_distortions
from detectors.export import export
from evaluate import evaluate
from predict import predict
from prepare.drawn_video import draw_video
from runs.prediction.video_writer import VideoWriter
from tests.comparison_page import check_folder
from train import train

ROOT = Path(__file__).resolve().parent.parent
# Each is one path from start to end: tests/examples/test_add_a_detector.py,
# tests/prepare/test_solar_page.py, tests/utility/test_page.py and tests/cluster/test_page.py.
OWN_TESTS = {"add-a-detector.md", "cluster.md", "solar.md", "utility.md"}
PAGES = [
    ROOT / "README.md",
    *sorted(p for p in (ROOT / "docs").glob("*.md") if p.name not in OWN_TESTS),
]
# What `make` and CI run themselves, and what needs a package of the reader's own.
ELSEWHERE = re.compile(r"make |python3 -m venv|pip install|\.venv/bin/|hydra\.searchpath|gpu")
ON_THE_SUN = {"experiment=solar_cpu"}
ON_VIDEOS = {"datamodule=video", "experiment=video_cpu", "experiment=transvod_two_stage"}
SMALL = [
    "trainer.max_epochs=1",
    "trainer.check_val_every_n_epoch=1",
    "++trainer.limit_train_batches=1",
    "++trainer.limit_val_batches=1",
    "++trainer.limit_test_batches=1",
    "datamodule.batch_size=2",
    "logger=csv",
]


def shown_commands() -> list[str]:
    commands: dict[str, None] = {}
    for page in PAGES:
        for block in re.findall(r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
            for line in block.replace("\\\n", " ").splitlines():
                command = line.partition(" #")[0].strip()
                if command and not ELSEWHERE.search(command):
                    commands[command] = None
    return list(commands)


COMMANDS = shown_commands()


def of(script: str) -> list[str]:
    return [command for command in COMMANDS if command.startswith(f"python {script}")]


@pytest.fixture
def home(drawn_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and working directory in which the folders that the pages name exist."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in ("facades", "other", "cmp", "labelme", "paris", "coco"):
        shutil.copytree(drawn_root, tmp_path / "data" / name)
    draw_video(tmp_path / "data" / "street", videos=8)
    grey = np.full((90, 120, 3), 127, np.uint8)
    for file in ("street.jpg", "photos/a.png", "frames/1.png", "frames/2.png"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / file), grey)
    with VideoWriter(tmp_path / "clip.mp4", fps=25) as writer:
        writer.write(grey)
    return tmp_path


def overrides(command: str, run: Path | None = None) -> list[str]:
    words = shlex.split(os.path.expandvars(command))[2:]
    return [re.sub(r"^run=outputs/\S+", f"run={run}", word) for word in words]


def small_overrides(words: list[str], drawn_root: Path) -> list[str]:
    """What makes a training a matter of seconds."""
    small = [s for s in SMALL if not ("trainer=debug" in words and "limit" in s)]
    if not any("datamodule.root=" in word for word in words):
        if set(words) & ON_VIDEOS:
            return [*small, "datamodule.draw.videos=8"]
        if set(words) & ON_THE_SUN:
            drawn = ["datamodule.draw.sequences=14", "datamodule.draw.frames=14"]
            # Jets are rare: all validation frames, or there may be none.
            return [*small, *drawn, "+datamodule.draw.side=64", "++trainer.limit_val_batches=1.0"]
        small += ["datamodule.draw.pictures=24", "datamodule.draw.seed=3"]
        small += [f"paths.data={drawn_root.parent}"]
    return small


def run_composed(name: str, words: list[str], home: Path, function: Callable) -> None:
    paths = [f"paths.root={home}", f"paths.run={home / 'run'}"]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        function(compose(name, overrides=[*words, *paths]))


# tests/test_resume.py resumes runs.
ONCE = [c for c in of("train.py") if not re.search("--help| -m | resume=", c)]


@pytest.mark.slow
@pytest.mark.parametrize("command", ONCE)
def test_training(command: str, home: Path, drawn_root: Path):
    words = overrides(command)
    run_composed("train", [*words, *small_overrides(words, drawn_root)], home, train)
    assert (home / "run" / "report.html").is_file()


SEARCH = re.compile(r"sweep=|hydra/sweeper=")


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in of("train.py -m") if not SEARCH.search(c)])
def test_multirun(command: str, home: Path, drawn_root: Path):
    words = overrides(command)
    small = [f"paths.root={home}", *small_overrides(words, drawn_root)]
    subprocess.run([sys.executable, str(ROOT / "train.py"), *words, *small], cwd=home, check=True)
    (table,) = (home / "multirun").glob("*/*/comparison.csv")
    jobs = 1
    for word in words[1:]:
        span = re.search(r"range\(0,(\d)\)", word)
        jobs *= int(span[1]) if span else 1 + word.count(",")
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert len(rows) == jobs
    assert (table.parent / "experiment" / "best.yaml").is_file()
    # So few batches are not the same frames for detectors of pictures and of videos.
    truth = [(Path(row["folder"]) / "ground_truth.json").read_bytes() for row in rows]
    shown = {
        r["run"]: Path(r["folder"]) for r, own in zip(rows, truth, strict=True) if own == truth[0]
    }
    checked = check_folder(table.parent, shown)
    assert ("Differences" in checked) == (len(shown) > 1)
    assert "Scores by class" in checked


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in of("train.py -m") if SEARCH.search(c)])
def test_search(command: str, home: Path, drawn_root: Path):
    words = overrides(command)
    (folder,) = [home / w.partition("=")[2] for w in words if w.startswith("hydra.sweep.dir=")]
    small = [f"paths.root={home}", "hydra.sweeper.n_trials=2", *small_overrides(words, drawn_root)]
    subprocess.run([sys.executable, str(ROOT / "train.py"), *words, *small], cwd=home, check=True)
    rows = list(csv.DictReader((folder / "comparison.csv").read_text().splitlines()))
    assert sorted(Path(row["folder"]).name for row in rows) == ["0", "1"]
    assert "<h2>Settings</h2>" in (folder / "report.html").read_text()
    study = open_study(folder / "study.journal")
    (best,) = [row for row in rows if Path(row["folder"]).name == str(study.best_trial.number)]
    assert float(best["best_val_map"]) == study.best_value
    assert study.trials[0].intermediate_values  # what pruning goes by
    assert (folder / "experiment" / "best.yaml").is_file()


@pytest.mark.parametrize("command", of("-m callbacks.wandb_sync"))
def test_upload(command: str, trained_run: Path, capsys: pytest.CaptureFixture[str]):
    assert upload([str(trained_run), "--dry-run"]) == 0
    assert "1 part(s)" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in of("evaluate.py") if "model=" not in c])
def test_evaluation(command: str, home: Path, trained_run: Path):
    words = overrides(command, trained_run)
    if "run=[" in command:
        shutil.copytree(trained_run, home / "again")
        words = [re.sub(r"^run=\[.*", f"run=[{trained_run},{home / 'again'}]", w) for w in words]
    run_composed("evaluate", [*words, "logger=csv"], home, evaluate)
    assert (home / "run" / "report.html").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in of("evaluate.py") if "model=" in c])
def test_evaluation_of_published_weights(command: str, home: Path):
    """A file stands in for the enum, which is fetched from the network."""
    words = overrides(command)
    (enum,) = [w.partition("=")[2] for w in words if w.startswith("model.weights=")]
    kind = enum.partition(".")[0]
    (name,) = [n for n in list_models() if get_model_weights(n).__name__ == kind]
    network = get_model(name, weights=None, weights_backbone=None)
    torch.save(network.state_dict(), home / "weights.pth")
    words = [re.sub(r"^(model\.weights)=.*", rf"\1={home / 'weights.pth'}", w) for w in words]
    file = home / "data" / "coco" / "annotations.json"
    document = json.loads(file.read_text())
    for category, known in zip(document["categories"], ("person", "car", "dog"), strict=True):
        category["name"] = known
    file.write_text(json.dumps(document))
    small = ["model.min_size=64", "+trainer.limit_test_batches=1", "logger=csv"]
    run_composed("evaluate", [*words, *small], home, evaluate)
    assert (home / "run" / "report.html").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("command", of("predict.py"))
def test_prediction(command: str, home: Path, trained_run: Path):
    run_composed("predict", overrides(command, trained_run), home, predict)
    assert (home / "run" / "predictions.json").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("command", of("-m detectors.export"))
def test_export(command: str, home: Path, trained_run: Path):
    shutil.copytree(trained_run, home / "exported")
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        words = overrides(command.replace("-m ", ""), home / "exported")
        export(compose("export", overrides=words))
    assert (home / "exported" / "model.onnx").is_file()


@pytest.mark.parametrize("command", of("-m datamodules.distortions"))
def test_contact_sheet(command: str, home: Path):
    cv2.imwrite(str(home / "street.jpg"), np.full((180, 240, 3), 127, np.uint8))
    draw_distortions(shlex.split(command)[3:])
    assert cv2.imread(str(home / "sheet.jpg")) is not None


@pytest.mark.parametrize(
    "command", [c for c in COMMANDS if "--help" in c and "<" not in c], ids=lambda c: c
)
def test_help(command: str, home: Path):
    words = shlex.split(command)[1:]
    words = [str(ROOT / word) if word.endswith(".py") else word for word in words]
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT if words[0] == "-m" else home,
        capture_output=True,
        text=True,
        check=True,
    )
    assert len(done.stdout) > 200


def test_no_command_is_left_out():
    """A new kind of command needs a test here."""
    scripts = ("train.py", "evaluate.py", "predict.py")
    modules = ("-m prepare.", "-m detectors.export", "-m datamodules.distortions")
    modules += ("-m callbacks.wandb_sync",)
    known = tuple(f"python {what}" for what in (*scripts, *modules))
    assert [c for c in COMMANDS if not c.startswith(known) and "--help" not in c] == []


CMP = (
    "<object><points><x>0.1</x><x>0.9</x><y>0.1</y><y>0.9</y></points>"
    "<label>2</label><labelname>facade</labelname></object>"
)
VOC = (
    "<annotation><size><width>80</width><height>60</height></size><object><name>door</name>"
    "<bndbox><xmin>11</xmin><ymin>11</ymin><xmax>30</xmax><ymax>50</ymax></bndbox></object>"
    "</annotation>"
)


def raw_data(module: str, home: Path) -> None:
    """One picture with one object in the format that a preparation reads."""
    picture = cv2.imencode(".jpg", np.full((60, 80, 3), 127, np.uint8))[1].tobytes()
    labels = np.zeros((60, 80, 3), np.uint8)
    labels[10:50, 10:70] = (0, 0, 128)  # BGR of LabelMeFacade's building
    files = {
        "facade_masks": {"labels/a.png": cv2.imencode(".png", labels)[1].tobytes()},
        "cmp_xml": {"xml/a.xml": CMP.encode()},
        "voc_xml": {"JPEGImages/a.jpg": picture, "Annotations/a.xml": VOC.encode()},
        "yolo_txt": {"labels/a.txt": b"0 0.5 0.5 0.25 0.5\n", "classes.txt": b"door\n"},
    }
    for name, content in {"images/a.jpg": picture, **files.get(module, {})}.items():
        file = home / "raw" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


@pytest.mark.parametrize("command", [c for c in of("-m prepare.") if "--help" not in c])
def test_preparation(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command.replace("--pictures 2000", "--pictures 6"))[3:]
    module = shlex.split(command)[2]
    raw_data(module.removeprefix("prepare."), tmp_path)
    subprocess.run(
        [sys.executable, "-m", module, *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    (written,) = (tmp_path / "data").glob("*/annotations.json")
    assert json.loads(written.read_text())["annotations"]
