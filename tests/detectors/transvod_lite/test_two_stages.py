"""Two stages in one training: who learns when, what checkpoints carry, going on after a stop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import EMAWeightAveraging, ModelCheckpoint
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from detectors.checkpoint import restore
from detectors.transvod_lite import two_stages
from detectors.transvod_lite.module import TransVODLite
from detectors.transvod_lite.two_stages import SINGLE_FRAME, TEMPORAL
from structures import Batch, Target, collate

Build = Callable[..., TransVODLite]
RULES = [{"pattern": r"backbone\.", "lr_scale": 0.1}, {"pattern": "sampling_offsets"}]


def clip(first_id: int) -> tuple[Tensor, list[Target]]:
    generator = torch.Generator().manual_seed(first_id)
    pixels = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8, generator=generator)
    box = torch.tensor([[10.0, 12, 40, 44]])
    return pixels, [Target(box, torch.tensor([2]), first_id + t) for t in range(2)]


def loader(batch_size: int = 1) -> DataLoader[Any]:
    return DataLoader([clip(1), clip(3)], batch_size, collate_fn=collate)  # type: ignore[arg-type]


class Snapshots(Callback):
    """The weights at the end of each epoch's training."""

    def __init__(self) -> None:
        self.weights: list[dict[str, Tensor]] = []

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:
        self.weights.append({k: v.clone() for k, v in pl_module.state_dict().items()})


def two_stage(small_detector: Build, **options: Any) -> TransVODLite:
    settings = {"keep": [6, 4], "temporal_from_epoch": 2, "dropout": 0.0, **options}
    return small_detector(
        optimizer=partial(torch.optim.AdamW, lr=1e-3),
        schedule=partial(torch.optim.lr_scheduler.MultiStepLR, milestones=[1]),
        parameter_groups=RULES,
        **settings,
    )


def fit(
    detector: TransVODLite, folder: Path, epochs: int, *callbacks: Callback, resume: Any = None
) -> ModelCheckpoint:
    best = ModelCheckpoint(folder, "best", "val/loss", save_last=True)
    trainer = Trainer(
        max_epochs=epochs, accelerator="cpu", logger=False, enable_progress_bar=False,
        enable_model_summary=False, num_sanity_val_steps=0, default_root_dir=folder,
        gradient_clip_val=0.1, callbacks=[best, *callbacks],
    )  # fmt: skip
    trainer.fit(detector, loader(), loader(2), ckpt_path=resume, weights_only=True)
    return best


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_each_stage_trains_its_own_part(small_detector: Build, tmp_path: Path) -> None:
    detector, seen = two_stage(small_detector), Snapshots()
    first = {name: value.clone() for name, value in detector.state_dict().items()}
    fit(detector, tmp_path, 4, seen)
    in_first, in_second = changed(first, seen.weights[1]), changed(seen.weights[2], seen.weights[3])
    heads = {n for n in first if ".temporal." in n and (".class_head." in n or ".box_head." in n)}
    assert {n for n in in_first if ".temporal." in n} <= heads
    assert any("single_frame.backbone" in name for name in in_first)
    assert in_second
    assert all(".temporal." in name for name in in_second)
    assert detector.stage == TEMPORAL


def test_the_second_stage_starts_from_the_best_of_the_first(
    small_detector: Build, tmp_path: Path
) -> None:
    detector, seen = two_stage(small_detector), Snapshots()

    class WorseThanBefore(Callback):
        def on_train_epoch_start(self, trainer: Trainer, pl_module: Any) -> None:
            if trainer.current_epoch == 1:
                with torch.no_grad():
                    for weight in pl_module.network.single_frame.parameters():
                        weight.mul_(3.0)

    fit(detector, tmp_path, 3, WorseThanBefore(), seen)
    after_first, _, after_third = seen.weights
    trunk = [name for name in after_first if ".single_frame." in name]
    assert not changed({n: after_first[n] for n in trunk}, after_third)


def test_a_best_checkpoint_of_the_first_stage_detects_without_the_second(
    small_detector: Build, tmp_path: Path
) -> None:
    detector = two_stage(small_detector, temporal_from_epoch=1)
    fit(detector, tmp_path, 1)
    loaded = TransVODLite.load_from_checkpoint(tmp_path / "best.ckpt", weights_only=True).eval()
    assert loaded.stage == SINGLE_FRAME
    batch = collate([clip(1)])
    (in_clip, _), (alone,) = (
        loaded.predict(batch),
        loaded.predict(Batch([batch.clips[0][:1]], [batch.targets[0][:1]])),
    )
    torch.testing.assert_close(in_clip.scores, alone.scores)
    restore(detector, tmp_path / "best.ckpt")
    torch.testing.assert_close(detector.eval().predict(batch)[0].scores, in_clip.scores)


@pytest.mark.parametrize("stopped_after", [1, 2, 3])
def test_a_resumed_training_gives_the_same(
    small_detector: Build, tmp_path: Path, stopped_after: int
) -> None:
    whole, resumed = two_stage(small_detector), two_stage(small_detector)
    fit(whole, tmp_path / "whole", 4)

    class Stop(Callback):
        def on_train_epoch_start(self, trainer: Trainer, pl_module: Any) -> None:
            if trainer.current_epoch == stopped_after:
                raise KeyError("killed")

    with pytest.raises(KeyError, match="killed"):
        fit(two_stage(small_detector), tmp_path / "parts", 4, Stop())
    fit(resumed, tmp_path / "parts", 4, resume=tmp_path / "parts" / "last.ckpt")
    assert not changed(whole.state_dict(), resumed.state_dict())


def test_averaged_weights_go_through_both_stages(small_detector: Build, tmp_path: Path) -> None:
    detector = two_stage(small_detector)
    fit(detector, tmp_path, 4, EMAWeightAveraging(decay=0.5))
    temporal = detector.network.temporal  # the callback leaves the averages
    assert detector.stage == TEMPORAL
    assert temporal is not None
    # Heads that were averaged from their random start would be far from the decoder's.
    trained = detector.network.single_frame.decoder.class_heads[-1].weight
    for step in temporal.steps():
        torch.testing.assert_close(step.class_head.weight, trained, atol=0.02, rtol=0)


def test_the_schedule_begins_anew(small_detector: Build, tmp_path: Path) -> None:
    rates: list[float] = []

    class Rates(Callback):
        def on_train_epoch_start(self, trainer: Trainer, pl_module: Any) -> None:
            rates.append(trainer.optimizers[0].param_groups[-1]["lr"])

    fit(two_stage(small_detector), tmp_path, 4, Rates())
    assert rates == pytest.approx([1e-3, 1e-4, 1e-3, 1e-4])


def test_a_training_too_short_for_the_second_stage_says_so(
    small_detector: Build, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    detector = two_stage(small_detector, temporal_from_epoch=5)
    fit(detector, tmp_path, 1)
    assert "only the single-frame stage learns" in caplog.text
    assert detector.stage == SINGLE_FRAME


def test_untrained_heads_are_warm_started_and_trained_ones_kept(
    small_detector: Build, tmp_path: Path
) -> None:
    options = {"temporal_from_epoch": 0, "freeze_single_frame": False}
    detector = two_stage(small_detector, **options)
    detector.on_fit_start = partial(started, detector, detector.on_fit_start)  # type: ignore[method-assign]
    fit(detector, tmp_path, 1)
    again = two_stage(small_detector, **options)
    again.load_state_dict(detector.state_dict())
    kept = {name: value.clone() for name, value in again.state_dict().items()}
    again.on_fit_start = partial(  # type: ignore[method-assign]
        unchanged, again, kept, again.on_fit_start
    )
    fit(again, tmp_path, 1)


def started(detector: TransVODLite, hook: Callable[[], None]) -> None:
    hook()
    assert detector.network.temporal is not None
    (wanted, _) = detector.network.single_frame.decoder.class_heads[-1].parameters()
    for step in detector.network.temporal.steps():
        assert torch.equal(step.class_head.weight, wanted)


def unchanged(detector: TransVODLite, kept: dict[str, Tensor], hook: Callable[[], None]) -> None:
    hook()
    assert not changed(kept, detector.state_dict())


def test_an_image_detector_has_one_stage(small_detector: Build, tmp_path: Path) -> None:
    detector = two_stage(small_detector, keep=[], temporal_from_epoch=1)
    fit(detector, tmp_path, 2)
    assert detector.stage == SINGLE_FRAME
    assert any(p.requires_grad for p in detector.network.single_frame.parameters())


@pytest.mark.parametrize(("freeze", "calls"), [(True, 1), (False, 2)])
def test_an_empty_batch_takes_part_in_every_count_of_boxes(
    small_detector: Build, monkeypatch: pytest.MonkeyPatch, freeze: bool, calls: int
) -> None:
    counted: list[Tensor] = []
    monkeypatch.setattr(two_stages, "mean_over_processes", counted.append)
    detector = small_detector(keep=[6], freeze_single_frame=freeze)
    loss = detector.training_step(Batch([], []), 0)
    assert len(counted) == calls
    assert float(loss.detach()) == 0
    loss.backward()


def test_ddp_must_be_told_of_the_stage_that_rests() -> None:
    class Wrapped(DistributedDataParallel):
        def __init__(self, allowed: bool) -> None:
            nn.Module.__init__(self)
            self.find_unused_parameters = allowed

    two_stages._require_unused_parameters_allowed(Wrapped(True))
    with pytest.raises(ValueError, match="ddp_find_unused_parameters_true"):
        two_stages._require_unused_parameters_allowed(Wrapped(False))
