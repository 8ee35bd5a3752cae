"""The predictor learns: by itself on a few items, and through train.py from a label set."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from torch import Tensor

from train import train
from utility.datamodule import UtilityDataModule
from utility.module import UtilityPredictor
from utility.picture_batch import PictureBatch

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"backbone": "resnet10t", "view_size": 64, "crops": 2, "train_crops": 1}
ARGUMENTS = {"stem_type": "deep", "stem_width": 16, "channels": [16, 32, 48, 64]}


def test_a_predictor_overfits_32_items(label_folder: Path) -> None:
    torch.manual_seed(0)
    datamodule = UtilityDataModule(str(label_folder), limit_parents=8)
    datamodule.setup("fit")
    (batch,) = (b for b in datamodule.train_dataloader())
    assert len(batch) == 32
    weights = {"useful": 1.0, "utility": 1.0, "kept": 0.5, "quality": 0.1, "ranking": 0.1}
    predictor = UtilityPredictor(
        **datamodule.model_facts,
        **{**SMALL, "view_size": 32},
        backbone_arguments=ARGUMENTS,
        views="resized",
        loss_weights=weights,
    )
    optimizer = torch.optim.AdamW(predictor.parameters(), lr=3e-3)
    for _ in range(120):
        loss = sum(predictor.loss(predictor(batch.pictures), batch).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    predictor.eval()
    estimates = predictor.estimate(batch.pictures)
    assert ((estimates.useful > 0.5) == (batch.y == 1)).float().mean() > 0.96
    assert (estimates.utility - batch.u).abs().mean() < 0.4
    assert (estimates.kept - batch.m).abs().mean() < 0.25


def compose_training(run: Path, *overrides: str) -> object:
    paths = [f"paths.root={run}", f"paths.run={run}"]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("train", overrides=[*overrides, *paths])


def two_epochs(folder: Path, label_folder: Path) -> float:
    small = [f"model.{key}={value}" for key, value in SMALL.items()]
    arguments = json.dumps(ARGUMENTS).replace('"', "").replace(" ", "")
    cfg = compose_training(
        folder, "experiment=utility_det", f"datamodule.root={label_folder}", "logger=csv",
        "trainer=cpu", "trainer.max_epochs=2", "trainer.log_every_n_steps=1", *small,
        f"++model.backbone_arguments={arguments}",
    )  # fmt: skip
    return train(cfg)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def run(label_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    assert 0 <= two_epochs(folder, label_folder) <= 1
    return folder


def test_a_broken_off_training_goes_on_to_the_same_weights(
    run: Path, label_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = UtilityPredictor.training_step

    def fail_in_the_second_epoch(self: UtilityPredictor, batch: PictureBatch, index: int) -> Tensor:
        if self.current_epoch == 1:
            raise OSError("the node is lost")
        return step(self, batch, index)

    monkeypatch.setattr(UtilityPredictor, "training_step", fail_in_the_second_epoch)
    with pytest.raises(OSError, match="the node is lost"):
        two_epochs(tmp_path, label_folder)
    monkeypatch.undo()
    train(compose_training(tmp_path, f"resume={tmp_path}"))  # type: ignore[arg-type]
    weights = [
        torch.load(folder / "last.ckpt", weights_only=True)["state_dict"]
        for folder in (run, tmp_path)
    ]
    for name, expected in weights[0].items():
        torch.testing.assert_close(weights[1][name], expected, rtol=0, atol=0)


def test_a_training_leaves_figures_of_each_detector(run: Path) -> None:
    metrics = json.loads((run / "metrics.json").read_text())
    assert list(metrics["targets"]) == ["a", "b"]
    assert metrics["drawn"] is True
    for scores in metrics["targets"].values():
        assert scores["items"] == 32
        assert 0 <= scores["accuracy"] <= 1
        low, high = scores["within_auroc_95"]
        assert low <= scores["within_auroc"] <= high
    assert metrics["best_val_within_auroc"] >= 0


def test_a_checkpoint_is_complete_and_carries_its_calibration(run: Path) -> None:
    found = UtilityPredictor.load_from_checkpoint(
        run / "best.ckpt", map_location="cpu", weights_only=True
    )
    metrics = json.loads((run / "metrics.json").read_text())
    assert found.calibration.to_json() == metrics["calibration"]
    assert found.calibration.temperatures != (1.0, 1.0)
    assert found.targets == ("a", "b")
    assert found.qualities == (5, 10, 20, 40)
    assert found.trained["epochs"] >= 1


def test_a_start_from_published_weights_needs_their_file_once(tmp_path: Path) -> None:
    torch.manual_seed(0)
    facts = {"targets": ["a"], "useful_share": [0.5], "backbone": "resnet10t"}
    first = UtilityPredictor(**facts)  # type: ignore[arg-type]
    torch.save(first.network.backbone.state_dict(), tmp_path / "weights.pth")
    started = UtilityPredictor(**facts, backbone_weights=str(tmp_path / "weights.pth"))  # type: ignore[arg-type]
    for name, weight in first.network.backbone.state_dict().items():
        assert torch.equal(started.network.backbone.state_dict()[name], weight)
    (tmp_path / "weights.pth").unlink()
    again = UtilityPredictor(**started.hparams)
    again.load_state_dict(started.state_dict())


def test_a_detector_is_not_trained_on_a_label_set(label_folder: Path, tmp_path: Path) -> None:
    cfg = compose_training(
        tmp_path, "model=ssd300_light", "datamodule=utility", "callbacks=[utility]",
        f"datamodule.root={label_folder}", "logger=csv", "trainer=cpu",
    )  # fmt: skip
    with pytest.raises(
        ValueError, match="takes no qualities, targets, useful_share, which these data"
    ):
        train(cfg)  # type: ignore[arg-type]


def test_a_predictor_is_judged_by_its_own_callback(label_folder: Path, tmp_path: Path) -> None:
    cfg = compose_training(
        tmp_path, "experiment=utility_paper", "callbacks=[default]",
        f"datamodule.root={label_folder}", "logger=csv", "trainer=cpu",
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"callbacks=\[utility\]"):
        train(cfg)  # type: ignore[arg-type]
