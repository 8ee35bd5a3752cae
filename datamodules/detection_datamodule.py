"""COCO data sets as batches, for training and for evaluation."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import LightningDataModule
from numpy.typing import NDArray
from torch.utils.data import BatchSampler, DataLoader, Sampler
from typing_extensions import override

from datamodules.bits_per_pixel import file_bits_per_pixel
from datamodules.checked_splits import CheckedSplits
from datamodules.coco_annotations import CocoAnnotations
from datamodules.coco_dataset import ClipAugmentation, CocoDataset
from datamodules.data_root import read_roots, root_names, root_paths
from datamodules.loaders import clip_loader
from datamodules.picture import read_picture
from datamodules.root_layout import SPLITS
from datamodules.samplers import EvaluationBatches, TrainingSampler
from structures import Batch, ClassList

logger = logging.getLogger(__name__)

CLEAN = "clean"


class DetectionDataModule(LightningDataModule):
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
        super().__init__()
        if on_bad_image not in ("error", "skip"):
            raise ValueError(f"datamodule.on_bad_image must be error or skip, got {on_bad_image!r}")
        if batch_size < 1 or num_workers < 0 or seed < 0:
            raise ValueError(
                "datamodule needs batch_size >= 1, num_workers >= 0 and seed >= 0, got "
                f"batch_size={batch_size}, num_workers={num_workers}, seed={seed}"
            )
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.seed = seed
        self.split_seed = split_seed
        self.fractions = dict(fractions or {"train": 0.7, "val": 0.15, "test": 0.15})
        if set(self.fractions) != set(SPLITS):
            raise ValueError(f"datamodule.fractions needs {SPLITS}, got {list(self.fractions)}")
        self.augmentation = augmentation
        self.drawn = root is None
        self._skip_bad = on_bad_image == "skip"
        self._class_names = None if class_names is None else list(class_names)
        self._draw = draw
        self._roots = root_paths(root, draw, drawn_root)
        self._drawn_root = self._roots[0]
        self._is_drawn = False
        self._test_pictures: int | None = None
        self._clip_boxes = False
        self._splits: CheckedSplits | None = None
        self._selected: tuple[str, ...] | None = None

    @property
    def name(self) -> str:  # type: ignore[override]  # Lightning declares a plain attribute
        """What reports call the data; begins with 'drawn' if and only if they are drawn."""
        name = "+".join(root_names(self._roots))
        return name if name.startswith("drawn") or not self.drawn else f"drawn_{name}"

    @property
    def classes(self) -> ClassList:
        """The classes in the order of their labels, with the file's category ids."""
        return self._read().classes

    @property
    def split_hash(self) -> str:
        """The sha256 of which picture stands in which split."""
        return self._read().hash

    @property
    def test_split(self) -> str:
        """'test', or 'val' for data that came split into train and val alone, as COCO does."""
        return self._read().test_split

    @property
    def conditions(self) -> tuple[str, ...]:
        """The names of the forms in which a test shows each picture; 'clean', as stored, first."""
        return (CLEAN,)

    def skipped_in(self, split: str) -> dict[int, str]:
        """Image id -> fault of the pictures that were left out of 'train', 'val' or 'test'."""
        return self._read().skipped(split)

    @property
    def selected_conditions(self) -> tuple[str, ...]:
        """The condition of each loader of `test_dataloader`; all, unless some were selected."""
        return self.conditions if self._selected is None else self._selected

    def select_conditions(self, names: Sequence[str]) -> None:
        """Choose the conditions that are tested from now on, and their order.

        Raises:
            ValueError: if a name is none of `conditions`.
        """
        for name in names:
            self._require_condition(name)
        self._selected = tuple(names)

    def bits_per_pixel(
        self, condition: str, image_ids: NDArray[np.int64] | None = None
    ) -> float | None:
        """The mean over test pictures of 8 · bytes / (H · W), bytes of the files for 'clean'.

        Args:
            condition: one of `conditions`.
            image_ids: int64 [I], the pictures; all where absent.

        Returns:
            None for conditions that are no files.

        Raises:
            ValueError: if there is no such condition.
        """
        self._require_condition(condition)
        if condition != CLEAN:
            return None
        return file_bits_per_pixel(self.annotations("test"), self._tested(image_ids))

    def annotations(self, split: str) -> CocoAnnotations:
        """The checked annotations of 'train', 'val' or 'test', without skipped pictures."""
        return self._read().annotations(split)

    def data_digest(self, split: str = "test") -> str:
        """The sha256 of all that a split is judged on: files' bytes, ids and annotations."""
        return self._read().digest(split)

    def ground_truth(self, split: str) -> dict[str, Any]:
        """A split as a complete COCO document with the file's category ids, for evaluation."""
        return self.annotations(split).ground_truth()

    def picture(self, image_id: int, condition: str = CLEAN) -> NDArray[np.uint8]:
        """A picture of any split in one of the `conditions`: uint8 [H, W, 3] RGB.

        Raises:
            ValueError: if there is no such picture or condition.
        """
        self._require_condition(condition)
        return read_picture(self._read().path(image_id))

    @override
    def prepare_data(self) -> None:
        if self._draw is not None and self.drawn and not self._is_drawn:
            self._roots = [self._draw(destination=self._drawn_root)]
            self._is_drawn = True

    @override
    def setup(self, stage: str | None = None) -> None:
        if stage in (None, "fit"):
            self._read().require_training()
        if self.test_split == "val":
            logger.warning("%s has no test split: val is tested", self.name)
        for split in self._splits_of(stage):
            data = self.annotations(split)
            logger.info(
                "%s %s: %d pictures, %d boxes", self.name, split, len(data), len(data.labels)
            )

    @override
    def train_dataloader(self) -> DataLoader[Batch]:
        if not len(self.annotations("train")):
            raise ValueError(f"{self.name} has no training pictures; see datamodule.fractions")
        dataset = self._dataset("train", training=True)
        sampler = TrainingSampler(dataset, *self._processes(), seed=self.seed)
        # The rest of an epoch would make one small, noisy step; a tiny set has nothing else.
        batches = BatchSampler(sampler, self.batch_size, len(sampler) >= self.batch_size)
        return clip_loader(dataset, batches, self.num_workers, self.seed, persistent=True)

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
        return CocoDataset(self.annotations(split), augmentation, self.seed, self._skip_bad, read)

    def _reader(self, condition: str) -> Callable[[int], NDArray[np.uint8]] | None:
        """What shows the test pictures in a condition, by index; None for those on disk."""
        del condition
        return None

    def _tested(self, image_ids: NDArray[np.int64] | None) -> NDArray[np.int64]:
        """The places of test pictures, of all where no ids are given."""
        known = self.annotations("test").image_ids
        return np.flatnonzero(np.isin(known, known if image_ids is None else image_ids))

    def _evaluation_batches(self, length: int) -> Sampler[Any]:
        """Which clips this process judges, in what batches."""
        return EvaluationBatches(length, *self._processes(), self.batch_size)

    def _splits_of(self, stage: str | None) -> list[str]:
        """The splits that a stage of the trainer needs."""
        # A fit ends with a test, so a fault in test data must show before the training.
        stages = {"validate": ["val"], "test": ["test"], "predict": ["test"]}
        return stages.get(stage or "fit", list(self._read()))

    def _require_condition(self, name: str) -> None:
        if name not in self.conditions:
            raise ValueError(
                f"{self.name} has no condition {name!r}; it has {', '.join(self.conditions)}"
            )

    def _processes(self) -> tuple[int, int]:
        """(world size, rank)."""
        if self.trainer is None:
            return 1, 0
        return self.trainer.world_size, self.trainer.global_rank

    def _read(self) -> CheckedSplits:
        if self._splits is None:
            self.prepare_data()
            splits = read_roots(
                self._roots, self._class_names, self.fractions, self.split_seed, self._clip_boxes
            )
            self._splits = CheckedSplits(splits, self.name, self._skip_bad, self._test_pictures)
            logger.info("%s: split %s, seed %d", self.name, self.split_hash[:12], self.split_seed)
        return self._splits
