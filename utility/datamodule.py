"""A label set as batches for the predictor: parents split before anything else."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from numpy.typing import NDArray
from torch.utils.data import DataLoader
from typing_extensions import override

from datamodules.samplers import EvaluationBatches, TrainingBatches, TrainingSampler
from evaluation.conditions import CLEAN
from utility.label_set import LabelSet
from utility.parent_dataset import ParentDataset
from utility.picture_batch import PictureBatch, join

logger = logging.getLogger(__name__)

UNANIMOUS = "unanimous"


class UtilityDataModule(LightningDataModule):
    """Pictures under conditions and what detectors' labels say of them.

    A parent is decoded once an epoch and distorted on the fly, with the bytes that were labelled;
    several of its conditions stand in one batch, for the ranking loss to have pairs. Splits are
    those of the label set, by parent. Nothing is augmented here: the predictor itself crops on
    JPEG's grid and mirrors.

    Args:
        root: the folder of a label set, as `python -m utility.build` makes it.
        pictures: where the pristine pictures lie, if not where they lay when it was built.
        detectors: whose labels to learn; all of the set if None.
        conditions: to show; all but 'clean' if None.
        combine: learn one target, the labels on which these detectors agree, not one a detector.
        batch_size: parents a batch.
        per_parent: conditions of a parent that training sees in an epoch, drawn anew in each.
        num_workers: loader processes.
        seed: of what training draws.
        limit_parents: train on that many parents alone, to measure how much more would help.

    Raises:
        ValueError: if a number is out of range.
    """

    def __init__(
        self,
        root: str,
        pictures: str | None = None,
        detectors: Sequence[str] | None = None,
        conditions: Sequence[str] | None = None,
        combine: bool = False,
        batch_size: int = 16,
        per_parent: int = 4,
        num_workers: int = 0,
        seed: int = 0,
        limit_parents: int | None = None,
    ) -> None:
        super().__init__()
        if batch_size < 1 or per_parent < 1 or num_workers < 0 or seed < 0:
            raise ValueError(
                "datamodule needs batch_size >= 1, per_parent >= 1, num_workers >= 0 and "
                f"seed >= 0, got {batch_size}, {per_parent}, {num_workers} and {seed}"
            )
        self._root = root
        self._pictures = pictures
        self._detectors = detectors
        self._conditions = conditions
        self._combine = combine
        self._batch_size = batch_size
        self._per_parent = per_parent
        self._num_workers = num_workers
        self._seed = seed
        self._resume_at = (0, 0)
        self._limit = limit_parents
        self.label_set: LabelSet
        self.targets: tuple[str, ...] = ()

    @override
    def setup(self, stage: str | None = None) -> None:
        if self.targets:
            return
        self.label_set = LabelSet.open(self._root, self._pictures)
        detectors = tuple(self._detectors or self.label_set.detectors)
        columns = {name: self.label_set.column(name, detectors) for name in ("y", "u", "m")}
        self.y, self.u, self.m = columns["y"], columns["u"], columns["m"]
        self.lost = self.label_set.lost(detectors)
        self.targets = detectors
        if self._combine:
            self.y = self.label_set.combined(detectors)[:, None]
            self.u, self.m = _mean_known(self.u), _mean_known(self.m)
            lost = self.lost.mean(axis=1, keepdims=True)
            self.lost = np.where(self.y >= 0, lost, np.nan).astype(np.float32)
            self.targets = (UNANIMOUS,)
        self.shown = self._shown_rows()
        for split in ("train", "val", "test"):
            rows = self.rows(split)
            known = {t: int((self.y[rows, i] >= 0).sum()) for i, t in enumerate(self.targets)}
            logger.info(
                "%s %s: %d parents, %d pictures, labels %s",
                self.name, split, len(np.unique(self.label_set.images["image_id"][rows])),
                len(rows), known,
            )  # fmt: skip
        self._require_labels()

    @property
    def name(self) -> str:  # type: ignore[override]
        """What reports call the data."""
        return str(self.label_set.meta["data"].get("name", self.label_set.folder.name))

    @property
    def drawn(self) -> bool:
        """Whether the pictures are drawn."""
        return bool(self.label_set.meta["data"].get("drawn", False))

    @property
    def model_facts(self) -> dict[str, Any]:
        """What a predictor must be told: its targets, how often they are 1, JPEG's qualities."""
        rows = self.rows("train")
        shares = [(y == 1).sum() / max((y >= 0).sum(), 1) for y in self.y[rows].T]
        qualities = np.unique(self.label_set.images["quality"][rows])
        return {
            "targets": list(self.targets),
            "useful_share": [float(share) for share in shares],
            "qualities": qualities[qualities > 0].tolist(),
        }

    def rows(self, split: str) -> NDArray[np.int64]:
        """The rows of the label set that 'train', 'val' or 'test' shows, ascending."""
        rows = self.label_set.rows(split)
        rows = rows[self.shown[rows]]
        if split == "train" and self._limit is not None:
            ids = self.label_set.images["image_id"][rows]
            kept = np.random.default_rng(0).permutation(np.unique(ids))[: self._limit]
            rows = rows[np.isin(ids, kept)]
        return rows

    def dataset(self, split: str) -> ParentDataset:
        """The parents of a split; in training some of their conditions, else all."""
        rows, per_parent = self.rows(split), None
        if split == "train":
            # Pictures of which nothing is known, not even that they have nothing to lose.
            taught = (self.y[rows] >= 0) | ~np.isnan(self.lost[rows])
            rows, per_parent = rows[taught.any(axis=1)], self._per_parent
        labels = (self.y, self.u, self.m, self.lost)
        return ParentDataset(self.label_set, rows, *labels, per_parent, self._seed)

    def resume_at(self, epoch: int, batches: int) -> None:
        """Let the training begin within an epoch, after so many batches of each process."""
        self._resume_at = (epoch, batches)

    @override
    def train_dataloader(self) -> DataLoader[PictureBatch]:
        dataset = self.dataset("train")
        sampler = TrainingSampler(len(dataset), *self._processes(), seed=self._seed)
        drop_last = len(sampler) >= self._batch_size
        batches = TrainingBatches(sampler, self._batch_size, drop_last, self._resume_at)
        return self._loader(dataset, batches)

    @override
    def val_dataloader(self) -> DataLoader[PictureBatch]:
        return self.evaluation_loader("val")

    @override
    def test_dataloader(self) -> DataLoader[PictureBatch]:
        return self.evaluation_loader("test")

    def evaluation_loader(self, split: str) -> DataLoader[PictureBatch]:
        """Every picture of a split once, over all processes."""
        dataset = self.dataset(split)
        batches = EvaluationBatches(len(dataset), *self._processes(), self._batch_size)
        return self._loader(dataset, batches)

    def _loader(self, dataset: ParentDataset, batches: Any) -> DataLoader[PictureBatch]:
        return DataLoader(
            dataset,
            batch_sampler=batches,
            num_workers=self._num_workers,
            collate_fn=join,
            pin_memory=torch.cuda.is_available(),
            persistent_workers=self._num_workers > 0,
            worker_init_fn=_one_thread,
            generator=torch.Generator().manual_seed(self._seed),
        )

    def _shown_rows(self) -> NDArray[np.bool_]:
        names = self.label_set.images["condition"]
        if self._conditions is None:
            return names != CLEAN
        unknown = sorted(set(self._conditions) - set(names.tolist()))
        if unknown:
            raise ValueError(
                f"datamodule.conditions: {self.label_set.folder} has no {', '.join(unknown)}; "
                f"it has {', '.join(dict.fromkeys(names.tolist()))}"
            )
        return np.isin(names, list(self._conditions))

    def _require_labels(self) -> None:
        """Of both kinds in training, for else there is nothing to learn."""
        for split in ("train", "val"):
            y = self.y[self.rows(split)]
            for i, target in enumerate(self.targets):
                kinds = sorted({0, 1} & set(y[:, i].tolist()))
                if len(kinds) < 2:
                    raise ValueError(
                        f"{self.label_set.folder}: the {split} split has no picture that "
                        f"{'is' if kinds == [0] else 'is not'} useful to {target} (labels "
                        f"{kinds or 'none'}); take more pictures, other conditions, or leave that "
                        "detector out (datamodule.detectors)"
                    )

    def _processes(self) -> tuple[int, int]:
        """(world size, rank)."""
        if self.trainer is None:
            return 1, 0
        return self.trainer.world_size, self.trainer.global_rank


def _mean_known(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean over targets that are known: [R, 1], NaN where none is."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0).sum(axis=1, keepdims=True)
    mean = total / np.maximum(known.sum(axis=1, keepdims=True), 1)
    return np.where(known.any(axis=1, keepdims=True), mean, np.nan).astype(np.float32)


def _one_thread(worker: int) -> None:
    """Keep OpenCV in a worker from starting a thread for each core."""
    del worker
    cv2.setNumThreads(0)
