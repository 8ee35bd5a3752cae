"""A predictor's estimates for pictures of a label set."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from lightning.fabric.utilities import move_data_to_device
from numpy.typing import NDArray
from rich.progress import Progress
from torch.utils.data import DataLoader

from datamodules.samplers import EvaluationBatches
from utility.label_set import LabelSet
from utility.module import Estimates, UtilityPredictor
from utility.parent_dataset import ParentDataset
from utility.picture_batch import PictureBatch, join


class PredictorScores(NamedTuple):
    """What a predictor says of R pictures.

    Attributes:
        targets: T names.
        estimates: 'useful' -> float32 [R, T], calibrated probabilities; and of 'u', 'm' and
            'lost' those that it has heads for.
        milliseconds: of a picture, without decoding and distorting.
    """

    targets: tuple[str, ...]
    estimates: Mapping[str, NDArray[np.float32]]
    milliseconds: float

    def of(self, target: str, what: str = "useful") -> NDArray[np.float64]:
        """Float64 [R]: what it says of a target; of one unknown to it, the mean of all."""
        values = self.estimates[what]
        if target in self.targets:
            return values[:, self.targets.index(target)].astype(np.float64)
        return values.mean(axis=1, dtype=np.float64)


def score_rows(
    predictors: Sequence[UtilityPredictor],
    label_set: LabelSet,
    rows: NDArray[np.int64],
    batch_size: int,
    num_workers: int,
    device: str,
) -> list[PredictorScores]:
    """Let predictors judge pictures, each of which is decoded and distorted once for all of them.

    Args:
        predictors: with their weights.
        label_set: the pictures.
        rows: int64 [R], ascending.
        batch_size: parents a batch.
        num_workers: loader processes.
        device: such as 'cpu' or 'cuda'.
    """
    loader = _loader(label_set, rows, batch_size, num_workers)
    models = [predictor.to(device).eval() for predictor in predictors]
    order: list[NDArray[np.int64]] = []
    found: list[list[Estimates]] = [[] for _ in models]
    seconds = [0.0] * len(models)
    with Progress() as progress:
        for batch in progress.track(loader, description=f"predictors on {label_set.folder.name}"):
            order.append(batch.rows.numpy())
            pictures = move_data_to_device(batch.pictures, torch.device(device))
            for index, model in enumerate(models):
                started = time.perf_counter()
                said = model.estimate(pictures)
                found[index].append(said.cpu())
                seconds[index] += time.perf_counter() - started
    place = np.searchsorted(rows, np.concatenate(order))
    return [
        PredictorScores(model.targets, _in_order(parts, place), 1000 * spent / len(rows))
        for model, parts, spent in zip(models, found, seconds, strict=True)
    ]


def _loader(
    label_set: LabelSet, rows: NDArray[np.int64], batch_size: int, num_workers: int
) -> DataLoader[PictureBatch]:
    """The pictures without labels."""
    nothing = np.zeros((len(label_set), 0), dtype=np.float32)
    dataset = ParentDataset(label_set, rows, nothing.astype(np.int8), nothing, nothing, nothing)
    return DataLoader(
        dataset,
        batch_sampler=EvaluationBatches(len(dataset), 1, 0, batch_size),
        num_workers=num_workers,
        collate_fn=join,
    )


def _in_order(parts: Sequence[Estimates], place: NDArray[np.int64]) -> dict[str, Any]:
    """'useful', 'u', 'm', 'lost' -> [R, T] by the places of the rows, without what no head gave."""
    columns: dict[str, Any] = {}
    for name, batches in zip(("useful", "u", "m", "lost"), zip(*parts, strict=True), strict=True):
        if batches[0] is not None:
            joined = torch.cat(batches).numpy()
            columns[name] = np.empty_like(joined)
            columns[name][place] = joined
    return columns
