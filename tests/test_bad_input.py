"""What a training answers to wrong data and settings: file and key, what was expected, at once.

The doors have their own tests; here the entry points are asked, as a stranger would ask them.
"""

import json
import shutil
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from evaluate import evaluate
from tests.refused_command import ROOT, Change, message, rewrite, set_in, training
from train import train

pytestmark = pytest.mark.slow


@pytest.fixture
def root(drawn_root: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(drawn_root, tmp_path / "streets with ümlauts"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


DATA: dict[str, tuple[Change, str]] = {
    "outside": (set_in("annotations", 3, "bbox", [9000, 1, 5, 5]), "annotations[3] (id 4): box"),
    "no area": (set_in("annotations", 3, "bbox", [1, 1, 0, 5]), "has no area in"),
    "category": (set_in("annotations", 3, "category_id", 77), "unknown category_id 77"),
    "image id": (set_in("images", 1, "id", 1), "image id 1 was already used by images[0]"),
    "annotation id": (set_in("annotations", 1, "id", 1), "annotation id 1 was already used"),
    "leaves": (set_in("images", 0, "file_name", "../x.jpg"), "'../x.jpg' leaves the root"),
    "absolute": (set_in("images", 0, "file_name", "/etc/x.jpg"), "'/etc/x.jpg' is absolute"),
    "no images": (lambda d: (d["images"].clear(), d["annotations"].clear()), "'images' is empty"),
    "no categories": (lambda d: d["categories"].clear(), "'categories' is empty"),
}


@pytest.mark.parametrize("case", DATA)
def test_wrong_annotations(case: str, root: Path, out: Path):
    change, expected = DATA[case]
    rewrite(root, change)
    told = training(out, f"datamodule.root='{root}'")
    assert told.startswith(f"{root / 'annotations.json'}: ")
    assert expected in told
    assert "Correct or remove these entries" in told


def test_a_training_that_ends_before_it_is_validated(drawn_root: Path, out: Path):
    few = ("trainer.max_epochs=9", "trainer.check_val_every_n_epoch=9")
    words = ["trainer=debug", "logger=csv", f"datamodule.root={drawn_root}", *few]
    paths = [f"paths.root={out.parent}", f"paths.run={out}", "trainer.max_time={milliseconds: 1}"]
    with (
        initialize_config_dir(str(ROOT / "conf"), version_base="1.3"),
        pytest.raises(ValueError, match=r"ended before its first validation.*check_val_every_n"),
    ):
        train(compose("train", overrides=[*words, *paths]))
    assert (out / "last.ckpt").is_file()


def test_a_truncated_annotation_file(root: Path, out: Path):
    file = root / "annotations.json"
    file.write_bytes(file.read_bytes()[:500])
    told = training(out, f"datamodule.root='{root}'")
    assert told.startswith(f"{file}: not valid JSON at line 1 column ")
    assert "cut short" in told


def test_pictures_without_a_box(root: Path, out: Path):
    rewrite(root, lambda document: document["annotations"].clear())
    told = training(out, f"datamodule.root='{root}'")
    assert "the train split has" in told
    assert "no boxes; check the annotation file" in told


def test_a_link_out_of_the_root(root: Path, out: Path, drawn_root: Path):
    picture = next((root / "images").iterdir())
    picture.unlink()
    picture.symlink_to(drawn_root / "images" / picture.name)
    assert f"'images/{picture.name}' leaves the root" in training(out, f"datamodule.root='{root}'")


def test_a_truncated_picture_stops_or_is_counted(
    root: Path, out: Path, tmp_path: Path, trained_run: Path
):
    for picture in sorted((root / "images").iterdir())[::2]:
        picture.write_bytes(picture.read_bytes()[:2000])
    told = training(out, f"datamodule.root='{root}'")
    assert "damaged or cut short" in told
    assert "on_bad_image=skip" in told
    data = ["datamodule=facades", f"datamodule.root='{root}'", "datamodule.on_bad_image=skip"]
    paths = [f"paths.root={tmp_path}", f"paths.run={tmp_path / 'skip'}"]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        evaluate(compose("evaluate", overrides=[*paths, f"run={trained_run}", *data]))
    metrics = json.loads((tmp_path / "skip" / "metrics.json").read_text())
    skipped = len(metrics["skipped_pictures"])
    assert skipped > 0
    report = (tmp_path / "skip" / "report.html").read_text(encoding="utf-8")
    assert f"{skipped} picture" in report
    assert "could not be read" in report


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["datamodule.root=/nowhere"], "datamodule.root=/nowhere: no such folder; give the"),
        (["datamodule.root=5"], "datamodule.root: must be str | Sequence[str] | null, got 5"),
        (["trainer.max_epochs=abc"], "trainer.max_epochs=abc: must be a whole number"),
        (["datamodule.batch_size=0"], "batch_size >= 1"),
        (["datamodule.batch_size=1.5"], "datamodule.batch_size: must be int, got 1.5 (float)"),
        (["datamodule.fractions.test=0.5"], "datamodule.fractions must be shares"),
        (["datamodule.fractions={train: -1, val: 1, test: 1}"], "must be shares from 0 up"),
        (["datamodule.fractions={train: 0, val: 0.5, test: 0.5}"], "no training pictures"),
        (["model.trunk=vgg61"], "trunk: no model of timm: 'vgg61'; did you mean vgg"),
        (["model.priors=foo"], "unknown preset 'foo'; known: coco, voc, facades, seed"),
        (["+model.nms_iou={windw: .1}"], "expected ['building', 'door', 'window'], got ['windw']"),
        (["seed=x"], "seed=x: must be a whole number"),
        (["model.optimizer.lr=-1"], "Invalid learning rate: -1"),
        (["model.optimizer.lr=abc"], "model.optimizer.lr: must be float | Tensor, got 'abc'"),
        (["+model.optimizer.momentun=1"], "model.optimizer.momentun: torch.optim.AdamW takes no"),
        (["model.optimizer._target_=torch.optim.Adam1"], "did you mean 'Adam'?"),
        (["model.trunk_weights=/no/file"], "trunk_weights: no file /no/file"),
        (["warm_start=/no/file"], "/no/file: no such checkpoint file"),
        (["trainer.accelerator=foo"], "trainer: You selected an invalid accelerator name"),
        (["callbacks=ema"], "no ModelCheckpoint with a 'monitor'"),
        (["logger=[csv,wandbb]"], "logger=wandbb: there is no such choice; did you mean 'wandb'?"),
        (["+bach_size=3", "seed=-1"], "seed=-1"),
    ],
)
def test_wrong_settings(overrides: list[str], expected: str, drawn_root: Path, out: Path):
    overrides = [f"datamodule.root={drawn_root}", "datamodule.batch_size=4", *overrides]
    assert expected in training(out, *overrides)


def test_an_output_folder_that_cannot_be(root: Path, tmp_path: Path):
    (tmp_path / "file").touch()
    told = message(train, "train", tmp_path / "file" / "run", f"datamodule.root='{root}'")
    assert "Not a directory" in told
    assert str(tmp_path / "file") in told
