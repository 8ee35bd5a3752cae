"""COCO data sets as batches, for training and for evaluation."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from numpy.typing import NDArray
from torch.utils.data import BatchSampler, DataLoader, Sampler
from typing_extensions import override

from datamodules.coco_annotations import CocoAnnotations
from datamodules.coco_dataset import ClipAugmentation, CocoDataset
from datamodules.data_root import SPLITS, read_roots, root_names, root_paths
from datamodules.group_split import split_digest
from datamodules.picture import check_pictures, read_picture
from datamodules.samplers import EvaluationBatches, TrainingSampler
from structures import Batch, ClassList, collate

logger = logging.getLogger(__name__)

_SHOWN = 10


class DetectionDataModule(LightningDataModule):
    """Pictures with boxes from COCO files, checked before the first batch.

    Use it with `Trainer(use_distributed_sampler=False)`: its samplers share pictures out over the
    processes themselves, without repeating any in validation and test.

    Args:
        root: folder of a data set, or several whose classes agree; see `read_roots`. Where it is
            None, data are drawn.
        batch_size: clips a batch and process.
        num_workers: loader processes; 0 loads in the training process.
        seed: of the shuffle and the augmentation.
        split_seed: of the split; on its own, so that trainings with other seeds see the same one.
        fractions: train, val, test -> share of the pictures, for roots that are not split.
        on_bad_image: 'error' stops on a picture that is missing, damaged or of another size than
            annotated; 'skip' leaves such pictures out and counts them in `skipped`.
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
        self.skipped: dict[int, str] = {}
        self._skip_bad = on_bad_image == "skip"
        self._class_names = None if class_names is None else list(class_names)
        self._draw = draw
        self._roots = root_paths(root, draw, drawn_root)
        self._drawn_root = self._roots[0]
        self._is_drawn = False
        self._splits: dict[str, CocoAnnotations] = {}
        self._split_hash = ""
        self._checked: set[str] = set()
        self._places: dict[int, tuple[str, int]] = {}

    @property
    def name(self) -> str:  # type: ignore[override]  # Lightning declares a plain attribute
        """What reports call the data; begins with 'drawn' if and only if they are drawn."""
        name = "+".join(root_names(self._roots))
        return name if name.startswith("drawn") or not self.drawn else f"drawn_{name}"

    @property
    def classes(self) -> ClassList:
        """The classes in the order of their labels, with the file's category ids."""
        return self._read()["train"].classes

    @property
    def split_hash(self) -> str:
        """The sha256 of which picture stands in which split."""
        self._read()
        return self._split_hash

    @property
    def test_split(self) -> str:
        """'test', or 'val' for data that came split into train and val alone, as COCO does."""
        return "test" if "test" in self._read() else "val"

    def annotations(self, split: str) -> CocoAnnotations:
        """The checked annotations of 'train', 'val' or 'test', without skipped pictures."""
        splits = self._read()
        split = self.test_split if split == "test" else split
        if split not in splits:
            raise ValueError(f"{self.name} has no split {split!r}; it has {', '.join(splits)}")
        self._check(split)
        return splits[split]

    def ground_truth(self, split: str) -> dict[str, Any]:
        """A split as a complete COCO document with the file's category ids, for evaluation."""
        return self.annotations(split).ground_truth()

    def picture(self, image_id: int) -> NDArray[np.uint8]:
        """A picture of any split as stored: uint8 [H, W, 3] RGB."""
        if not self._places:
            self._places = {
                int(image_id): (split, index)
                for split, data in self._read().items()
                for index, image_id in enumerate(data.image_ids)
            }
        if image_id not in self._places:
            raise ValueError(f"{self.name} has no image with id {image_id}")
        split, index = self._places[image_id]
        return read_picture(self._splits[split].path(index))

    @override
    def prepare_data(self) -> None:
        if self._draw is not None and self.drawn and not self._is_drawn:
            self._roots = [self._draw(destination=self._drawn_root)]
            self._is_drawn = True

    @override
    def setup(self, stage: str | None = None) -> None:
        # A fit ends with a test, so a fault in test data must show before the training.
        wanted = {"validate": ["val"], "test": ["test"], "predict": ["test"]}.get(stage or "fit")
        if self.test_split == "val":
            logger.warning("%s has no test split: val is tested", self.name)
        for split in wanted or self._read():
            data = self.annotations(split)
            logger.info(
                "%s %s: %d pictures, %d boxes", self.name, split, len(data), len(data.labels)
            )

    @override
    def train_dataloader(self) -> DataLoader[Batch]:
        if not len(self.annotations("train")):
            raise ValueError(f"{self.name} has no training pictures; see datamodule.fractions")
        dataset = CocoDataset(
            self.annotations("train"), self.augmentation, self.seed, self._skip_bad
        )
        sampler = TrainingSampler(dataset, *self._processes(), seed=self.seed)
        # The rest of an epoch would make one small, noisy step; a tiny set has nothing else.
        drop_last = len(sampler) >= self.batch_size
        return self._loader(dataset, BatchSampler(sampler, self.batch_size, drop_last))

    @override
    def val_dataloader(self) -> DataLoader[Batch]:
        return self._evaluation_loader("val")

    @override
    def test_dataloader(self) -> DataLoader[Batch]:
        return self._evaluation_loader("test")

    @override
    def predict_dataloader(self) -> DataLoader[Batch]:
        return self._evaluation_loader("test")

    def _evaluation_loader(self, split: str) -> DataLoader[Batch]:
        dataset = CocoDataset(self.annotations(split), skip_bad=self._skip_bad)
        batches = EvaluationBatches(len(dataset), *self._processes(), self.batch_size)
        return self._loader(dataset, batches)

    def _loader(self, dataset: CocoDataset, batches: Sampler[Any]) -> DataLoader[Batch]:
        return DataLoader(
            dataset,  # type: ignore[arg-type]  # of samples, which `collate` makes batches
            batch_sampler=batches,
            num_workers=self.num_workers,
            collate_fn=collate,
            pin_memory=torch.cuda.is_available(),
            persistent_workers=self.num_workers > 0,
            worker_init_fn=_one_thread,
            # Its own, so that loading does not move the global random state.
            generator=torch.Generator().manual_seed(self.seed),
        )

    def _processes(self) -> tuple[int, int]:
        """(world size, rank)."""
        if self.trainer is None:
            return 1, 0
        return self.trainer.world_size, self.trainer.global_rank

    def _read(self) -> dict[str, CocoAnnotations]:
        if not self._splits:
            self.prepare_data()
            splits = read_roots(self._roots, self._class_names, self.fractions, self.split_seed)
            names = root_names(next(iter(splits.values())).roots)
            self._split_hash = split_digest(
                {
                    split: [
                        f"{names[root]}/{file}"
                        for root, file in zip(data.root_index, data.file_names, strict=True)
                    ]
                    for split, data in splits.items()
                }
            )
            self._splits = splits
            logger.info("%s: split %s, seed %d", self.name, self._split_hash[:12], self.split_seed)
        return self._splits

    def _check(self, split: str) -> None:
        """Look at a split's pictures once; stop on bad ones or leave them out."""
        if split in self._checked:
            return
        data = self._splits[split]
        faults = {index: fault for index, fault in enumerate(check_pictures(data)) if fault}
        if faults:
            shown = "\n  ".join(list(faults.values())[:_SHOWN])
            told = f"{self.name} {split}: {len(faults)} of {len(data)} pictures are bad:\n  {shown}"
            if not self._skip_bad or len(faults) == len(data):
                raise ValueError(
                    f"{told}\nMend or remove them, or set datamodule.on_bad_image=skip to leave "
                    "single bad pictures out."
                )
            logger.warning("%s\nThey are left out.", told)
            self.skipped |= {int(data.image_ids[i]): fault for i, fault in faults.items()}
            self._splits[split] = data.subset([i for i in range(len(data)) if i not in faults])
        self._checked.add(split)


def _one_thread(worker: int) -> None:
    """Keep OpenCV in a worker from starting a thread for each core; the workers are the threads."""
    del worker
    cv2.setNumThreads(0)
