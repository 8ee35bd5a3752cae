"""What every detector gets from its base class."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from torch.optim import SGD
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader

from detectors.base import Detector
from detectors.schedules import WarmupCosine
from structures import Batch, ClassList, Target, collate


def make_batch(pictures: int = 2) -> Batch:
    box, label = torch.tensor([[4.0, 4.0, 20.0, 30.0]]), torch.tensor([1])
    clip = torch.zeros(1, 3, 32, 40, dtype=torch.uint8)
    return collate([(clip, [Target(box, label, image_id=i)]) for i in range(pictures)])


def make_trainer(folder: Path, **options: Any) -> Trainer:
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "logger": False}
    return Trainer(
        accelerator="cpu", devices=1, default_root_dir=folder, **{**quiet, **options}
    )  # fmt: skip


def loader(*batches: Batch) -> Any:
    return DataLoader(list(batches), batch_size=None)  # type: ignore[arg-type]


def fit(module: Any, folder: Path, batches: int = 3, **options: Any) -> Trainer:
    options = {"enable_checkpointing": False, "max_epochs": 2, **options}
    trainer = make_trainer(folder, **options)
    batch = make_batch()
    trainer.fit(module, loader(*[batch] * batches), loader(batch), weights_only=True)
    return trainer


def test_category_ids_are_kept_or_counted(make_toy: Any) -> None:
    assert make_toy().classes == ClassList(("cat", "dog"), (3, 7))
    assert make_toy(category_ids=None).classes == ClassList(("cat", "dog"), (1, 2))


def test_a_subclass_without_its_methods_is_told_which(make_toy: Any) -> None:
    bare = Detector(["a"])
    with pytest.raises(NotImplementedError, match=r"Detector must define losses\(batch\)"):
        bare.losses(make_batch())
    with pytest.raises(NotImplementedError, match=r"Detector must define predict\(batch\)"):
        bare.predict(make_batch())


def test_each_loss_and_their_sum_are_logged(make_toy: Any, tmp_path: Path) -> None:
    trainer = fit(make_toy(), tmp_path)
    metrics = {name: float(value) for name, value in trainer.callback_metrics.items()}
    assert {"train/class", "train/box", "train/total", "val/loss"} <= set(metrics)
    total = metrics["train/class"] + metrics["train/box"]
    assert metrics["train/total"] == pytest.approx(total, rel=1e-5)


def test_steps_return_the_predictions_of_every_frame(make_toy: Any, tmp_path: Path) -> None:
    module = make_toy()
    for step in (module.test_step, module.predict_step):
        output = step(make_batch(3), 0)
        predictions = output["predictions"] if isinstance(output, dict) else output
        assert [prediction.image_id for prediction in predictions] == [0, 1, 2]


def test_a_batch_whose_pictures_were_all_skipped_changes_nothing(make_toy: Any) -> None:
    module, empty = make_toy(), collate([4, 5])
    loss = module.training_step(empty, 0)
    loss.backward()  # every parameter gets a gradient, or other processes would wait for it
    assert float(loss) == 0
    assert all(bool((p.grad == 0).all()) for p in module.parameters())
    assert module.validation_step(empty, 0) == {"predictions": []}
    assert module.test_step(empty, 0) == {"predictions": []}
    assert module.predict_step(empty, 0) == []


def test_training_without_optimizer_names_the_key(make_toy: Any) -> None:
    with pytest.raises(ValueError, match=r"ToyDetector has no optimizer; .*model\.optimizer"):
        make_toy(optimizer=None).configure_optimizers()


def test_an_argument_that_yaml_forgot_is_named(make_toy: Any) -> None:
    module = make_toy(optimizer=partial(SGD, lr=0.1), schedule=partial(StepLR))
    with pytest.raises(ValueError, match=r"model\.schedule: StepLR cannot be made: .*'step_size'"):
        module.configure_optimizers()


def test_rules_reach_the_optimizer(make_toy: Any) -> None:
    module = make_toy(parameter_groups=[{"pattern": r"bias$", "lr_scale": 2}])
    biases, rest = module.configure_optimizers().param_groups
    assert (biases["lr"], rest["lr"]) == (0.02, 0.01)


@pytest.mark.parametrize(("interval", "steps"), [("epoch", 2), ("step", 6)])
def test_a_schedule_is_told_how_long_the_training_is(
    make_toy: Any, tmp_path: Path, interval: str, steps: int
) -> None:
    lengths = []

    def schedule(optimizer: Any, total_steps: int) -> Any:
        lengths.append(total_steps)
        return WarmupCosine(optimizer, total_steps)

    fit(make_toy(schedule=schedule, schedule_interval=interval), tmp_path)
    assert lengths == [steps]


def test_a_length_given_in_yaml_is_kept(make_toy: Any, tmp_path: Path) -> None:
    module = make_toy(schedule=partial(WarmupCosine, total_steps=100, warmup=0.1))
    trainer = fit(module, tmp_path)
    # Two epochs into a rise of ten steps: the third factor is next.
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.01 * 3 / 10)


def test_a_schedule_without_length_is_left_alone(make_toy: Any, tmp_path: Path) -> None:
    schedule = partial(torch.optim.lr_scheduler.StepLR, step_size=1, gamma=0.1)
    trainer = fit(make_toy(schedule=schedule), tmp_path)
    assert trainer.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.01 * 0.1**2)


def test_optimizer_and_schedule_are_no_hyperparameters(make_toy: Any) -> None:
    hyperparameters = make_toy(schedule=WarmupCosine).hparams
    assert not {"optimizer", "schedule"} & set(hyperparameters)
    assert hyperparameters["class_names"] == ["cat", "dog"]


def test_a_checkpoint_loads_by_itself(make_toy: Any, tmp_path: Path) -> None:
    module = make_toy(scale=0.5)
    trainer = fit(module, tmp_path)
    module.operating_point = {"cat": 0.4}
    trainer.save_checkpoint(tmp_path / "toy.ckpt")
    loaded = type(module).load_from_checkpoint(tmp_path / "toy.ckpt", weights_only=True)
    assert loaded.classes == module.classes
    assert loaded.scale == 0.5
    assert loaded.operating_point == {"cat": 0.4}


def test_training_resumed_from_a_checkpoint_ends_like_one_in_a_piece(
    make_toy: Any, tmp_path: Path
) -> None:
    schedule = partial(WarmupCosine, total_steps=4)
    whole = make_toy(schedule=schedule)
    fit(whole, tmp_path, max_epochs=4)
    half = make_toy(schedule=schedule)
    fit(half, tmp_path, max_epochs=2).save_checkpoint(tmp_path / "half.ckpt")
    resumed = make_toy(schedule=schedule)
    make_trainer(tmp_path, max_epochs=4, enable_checkpointing=False).fit(
        resumed,
        loader(*[make_batch()] * 3),
        loader(make_batch()),
        ckpt_path=tmp_path / "half.ckpt",
        weights_only=True,
    )
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, msg=name)


def test_coverage_is_empty_unless_a_detector_has_fixed_geometry(make_toy: Any) -> None:
    assert make_toy().coverage(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, 2)) == {}
