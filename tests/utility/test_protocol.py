"""evaluate.py protocol=utility: from trained predictors to tables, curves and a page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from evaluate import evaluate
from utility.module import UtilityPredictor
from utility.protocol_report import replacement_chart
from utility.tables import IMAGES

ROOT = Path(__file__).resolve().parents[2]
FACTS = {"targets": ["a", "b"], "useful_share": [0.5, 0.5]}


def write_run(folder: Path, label_folder: Path, **arguments: object) -> Path:
    """The folder of a training that has not learned anything."""
    torch.manual_seed(0)
    predictor = UtilityPredictor(
        **{**FACTS, **arguments},  # type: ignore[arg-type]
        backbone="resnet10t",
        backbone_arguments={"stem_type": "deep", "stem_width": 16, "channels": [16, 16, 16, 16]},
        view_size=64,
        crops=1,
    )
    folder.mkdir(parents=True)
    checkpoint = {
        "state_dict": predictor.state_dict(),
        "hyper_parameters": dict(predictor.hparams),
        "pytorch-lightning_version": "2.6.4",
    }
    predictor.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, folder / "best.ckpt")
    config = {
        "model": {"_target_": "utility.module.UtilityPredictor"},
        "datamodule": {
            "_target_": "utility.datamodule.UtilityDataModule",
            "root": str(label_folder),
        },
    }
    OmegaConf.save(config, folder / "config.yaml")
    return folder


def judge(folder: Path, *overrides: str) -> float:
    paths = [f"paths.root={folder}", f"paths.run={folder / 'out'}"]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return evaluate(compose("evaluate", overrides=["protocol=utility", *overrides, *paths]))


@pytest.fixture(scope="module")
def unseen_folder(write_label_set: Callable[..., Path]) -> Path:
    return write_label_set(qualities=(8, 15, 30), detectors={"c": 2})


@pytest.fixture(scope="module")
def report(
    label_folder: Path, unseen_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("protocol")
    runs = [
        write_run(folder / "each", label_folder, loss_weights={"useful": 1.0, "lost": 1.0}),
        write_run(
            folder / "common", label_folder, targets=["unanimous"], useful_share=[0.5],
            two_logits=True,
        ),
    ]  # fmt: skip
    judge(
        folder, f"run=[{','.join(map(str, runs))}]", f"protocol.unseen={unseen_folder}",
        "protocol.resamples=30", "protocol.device=cpu",
    )  # fmt: skip
    return folder / "out"


def test_every_table_has_the_predictors_and_the_simple_scores(report: Path) -> None:
    metrics = json.loads((report / "metrics.json").read_text())
    assert list(metrics["accuracy"]) == ["a", "b", "unanimous"]
    assert list(metrics["accuracy_unseen"]) == list(metrics["replacement"]) == ["c"]
    simple = {"majority", "quality only", "bits per pixel", "DCT trees", "PSNR", "SSIM"}
    for table in metrics["accuracy"].values():
        assert {"each", "common", *simple} <= set(table["scorers"])
    for part in ("accuracy_unseen", "replacement"):
        names = set(metrics[part]["c"]["scorers"])
        assert {"each", "common", *simple, "own", "oracle"} <= names
    for part in ("replacement", "replacement_within"):
        assert "random" in metrics[part]["c"]["scorers"]
        # The other one has no head that counts the objects lost.
        assert set(metrics[part]["c"]["ahead"]) == {"each", "common", "each, by loss"}
        assert {"DCT trees, by loss", "oracle, by loss"} <= set(metrics[part]["c"]["scorers"])
    # Within conditions what knows the condition alone is the random order.
    alone = {"quality only", "quality only, by loss", "majority"}
    assert alone.isdisjoint(metrics["replacement_within"]["c"]["scorers"])
    assert "quality only, by loss" in metrics["replacement"]["c"]["ahead"]["each, by loss"]


def test_the_quality_knows_nothing_within_a_quality_and_the_oracle_all(report: Path) -> None:
    metrics = json.loads((report / "metrics.json").read_text())
    scorers = metrics["accuracy_unseen"]["c"]["scorers"]
    assert scorers["quality only"]["within_auroc"] == 0.5
    assert scorers["majority"]["within_auroc"] == 0.5
    assert scorers["oracle"]["within_auroc"] == 1.0
    assert scorers["oracle"]["accuracy"] == 1.0
    assert scorers["quality only"]["auroc"] > 0.5


def test_graded_labels_are_ordered_by_the_oracle_beyond_what_the_quality_tells(
    report: Path,
) -> None:
    table = json.loads((report / "metrics.json").read_text())["graded_unseen"]["c"]
    assert set(table) == {"u", "m"}
    oracle, quality, each = (table["u"][name] for name in ("oracle", "quality only", "each"))
    assert oracle["srcc"] == pytest.approx(1)
    assert oracle["srcc_given_quality"] > 0.9
    assert 0 < quality["srcc"] < 0.5
    assert quality["srcc_given_quality"] is None  # undefined: it tells nothing else
    assert each["rmse"] is None  # without a head for it, the probability orders the pictures


def test_coverage_stands_beside_the_accuracy_on_common_ground(report: Path) -> None:
    tables = json.loads((report / "metrics.json").read_text())["accuracy"]
    assert tables["a"]["coverage"] == 1.0
    assert tables["unanimous"]["coverage"] < 1.0
    assert tables["a"]["common"] == tables["unanimous"]["items"]


def test_the_page_opens_offline_and_names_drawn_data(report: Path) -> None:
    page = (report / "report.html").read_text()
    assert "drawn data" in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count("<svg") == 3
    assert "{{" not in page


def test_a_set_that_judges_what_was_learned_is_refused(label_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(label_folder, tmp_path / "other")
    file = tmp_path / "other" / "images.parquet"
    table = pq.read_table(file)
    place = table.schema.get_field_index("split")
    every = pa.array(["test"] * len(table))
    pq.write_table(table.set_column(place, IMAGES.field("split"), every), file)
    run = write_run(tmp_path / "run", label_folder)
    with pytest.raises(ValueError, match="were learned from in"):
        judge(tmp_path, f"run={run}", f"protocol.unseen={tmp_path / 'other'}")
    # What counts is the set of the training, whatever is given as the one with seen labels.
    with pytest.raises(ValueError, match=r"other: .* were learned from in .*toy"):
        judge(tmp_path, f"run={run}", f"protocol.unseen={label_folder}",
              f"protocol.seen={tmp_path / 'other'}")  # fmt: skip


def test_a_detector_cannot_be_judged_by_the_protocol(trained_run: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="here the run of a predictor of utility is needed"):
        judge(tmp_path, f"run={trained_run}", f"protocol.unseen={tmp_path}")


def test_a_predictor_is_no_detector(label_folder: Path, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", label_folder)
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        cfg = compose("evaluate", overrides=[f"run={run}", f"paths.root={tmp_path}",
                                             f"paths.run={tmp_path / 'o'}"])  # fmt: skip
    with pytest.raises(ValueError, match="protocol=utility"):
        evaluate(cfg)


def test_a_chart_has_the_order_by_loss_of_what_has_one() -> None:
    table = {"shares": [0, 1], "scorers": {
        name: {"map": [0.2, height]} for name, height in {
            "seed 0": 0.5, "seed 1": 0.4, "seed 0, by loss": 0.6, "majority": 0.3, "random": 0.3,
            "oracle": 0.7, "oracle, by loss": 0.8,
        }.items()
    }}  # fmt: skip
    lines = replacement_chart("c", table).lines
    dashed = {line.name: line.dashed for line in lines}
    assert dashed == {
        "seed 1": False, "seed 0, by loss": False, "random": True, "oracle, by loss": True
    }  # fmt: skip
