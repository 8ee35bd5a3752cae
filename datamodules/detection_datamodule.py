"""COCO data sets as batches, for training and for evaluation."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import LightningDataModule
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Sampler
from typing_extensions import override

from datamodules.coco_dataset import ClipAugmentation, CocoDataset
from datamodules.data_source import DataSource
from datamodules.judged_data import JudgedData
from datamodules.loaders import clip_loader
from datamodules.samplers import EvaluationBatches, TrainingBatches, TrainingSampler
from structures import Batch

logger = logging.getLogger(__name__)


class DetectionDataModule(JudgedData, LightningDataModule):  # type: ignore[misc]  # own `name`
    """Pictures with boxes from COCO files, checked before the first batch.

    Use it with `Trainer(use_distributed_sampler=False)`: its samplers share pictures out over the
    processes themselves, without repeating any in validation and test.

    Args:
        root: folder of a data set, or several whose classes agree; see `annotation_files` for what
            it holds. Where it is None, data are drawn.
        batch_size: clips a batch and process.
        num_workers: loader processes; 0 loads in the training process.
        seed: of the shuffle and the augmentation.
        split_seed: of the split; on its own, so that trainings with other seeds see the same one.
        fractions: train, val, test -> share of the pictures, for roots that are not split.
        on_bad_image: 'error' stops on a picture that is missing, damaged or of another size than
            annotated; 'skip' leaves such pictures out, see `skipped_in`.
        augmentation: applied to training clips.
        class_names: the classes in the order of their labels, a checkpoint's for instance; the
            file's where absent.
        draw: draws a data set into or below the folder `destination`, unless it is there, and
            returns its folder; used when `root` is None.
        drawn_root: the `destination` of drawn data.
    """

    def __init__(
        self,
        root: str | Sequence[str] | None = None,
        batch_size: int = 16,
        num_workers: int = 0,
        seed: int = 0,
        split_seed: int = 0,
        fractions: Mapping[str, float] | None = None,
        on_bad_image: str = "error",
        augmentation: ClipAugmentation | None = None,
        class_names: Sequence[str] | None = None,
        draw: Callable[..., Path] | None = None,
        drawn_root: str | None = None,
    ) -> None:
        LightningDataModule.__init__(self)
        if batch_size < 1 or num_workers < 0 or seed < 0:
            raise ValueError(
                "datamodule needs batch_size >= 1, num_workers >= 0 and seed >= 0, got "
                f"batch_size={batch_size}, num_workers={num_workers}, seed={seed}"
            )
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.seed = seed
        self.augmentation = augmentation
        self._resume_at = (0, 0)
        JudgedData.__init__(
            self,
            DataSource(root, split_seed, fractions, on_bad_image, class_names, draw, drawn_root),
        )

    @override
    def prepare_data(self) -> None:
        self._source.prepare()

    @override
    def setup(self, stage: str | None = None) -> None:
        if stage in (None, "fit"):
            self._source.splits.require_training()
        if self.test_split == "val":
            logger.warning("%s has no test split: val is tested", self.name)
        for split in self._splits_of(stage):
            data = self.annotations(split)
            logger.info(
                "%s %s: %d pictures, %d boxes", self.name, split, len(data), len(data.labels)
            )

    def resume_at(self, epoch: int, batches: int) -> None:
        """Let the training begin within an epoch.

        Args:
            epoch: the first one, counted from 0.
            batches: of it that are done, in each process.
        """
        self._resume_at = (epoch, batches)

    @override
    def train_dataloader(self) -> DataLoader[Batch]:
        if not len(self.annotations("train")):
            raise ValueError(f"{self.name} has no training pictures; see datamodule.fractions")
        dataset = self._dataset("train", training=True)
        batches = self._training_batches(dataset)
        return clip_loader(dataset, batches, self.num_workers, self.seed, persistent=True)

    def _training_batches(self, dataset: CocoDataset) -> TrainingBatches:
        sampler = TrainingSampler(len(dataset), *self._processes(), seed=self.seed)
        # The rest of an epoch would make one small, noisy step; a tiny set has nothing else.
        drop_last = len(sampler) >= self.batch_size
        return TrainingBatches(sampler, self.batch_size, drop_last, self._resume_at)

    @override
    def val_dataloader(self) -> DataLoader[Batch]:
        return self._evaluation_loader("val", persistent=True)

    @override
    def test_dataloader(self) -> list[DataLoader[Batch]]:
        return [
            self._evaluation_loader("test", self._reader(name)) for name in self.selected_conditions
        ]

    @override
    def predict_dataloader(self) -> DataLoader[Batch]:
        return self._evaluation_loader("test")

    def _evaluation_loader(
        self,
        split: str,
        read: Callable[[int], NDArray[np.uint8]] | None = None,
        persistent: bool = False,
    ) -> DataLoader[Batch]:
        dataset = self._dataset(split, read=read)
        batches = self._evaluation_batches(len(dataset))
        return clip_loader(dataset, batches, self.num_workers, self.seed, persistent)

    def _dataset(
        self,
        split: str,
        training: bool = False,
        read: Callable[[int], NDArray[np.uint8]] | None = None,
    ) -> CocoDataset:
        """The clips of a split, here each picture alone; augmented for training."""
        augmentation = self.augmentation if training else None
        return CocoDataset(
            self.annotations(split), augmentation, self.seed, self._source.skip_bad, read
        )

    def _reader(self, condition: str) -> Callable[[int], NDArray[np.uint8]] | None:
        """What shows the test pictures in a condition, by index; None for those on disk."""
        del condition
        return None

    def _evaluation_batches(self, length: int) -> Sampler[Any]:
        """Which clips this process judges, in what batches."""
        return EvaluationBatches(length, *self._processes(), self.batch_size)

    def _splits_of(self, stage: str | None) -> list[str]:
        """The splits that a stage of the trainer needs."""
        # A fit ends with a test, so a fault in test data must show before the training.
        stages = {"validate": ["val"], "test": ["test"], "predict": ["test"]}
        return stages.get(stage or "fit", list(self._source.splits))

    def _processes(self) -> tuple[int, int]:
        """(world size, rank)."""
        if self.trainer is None:
            return 1, 0
        return self.trainer.world_size, self.trainer.global_rank
