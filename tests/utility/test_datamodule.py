"""Batches of the predictor: parents stay in their split, pictures are those that were labelled."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datamodules.distortions import Distortion, distort
from datamodules.picture import read_picture
from utility.datamodule import UNANIMOUS, UtilityDataModule
from utility.label_set import LabelSet
from utility.tables import LABELS


def ready(folder: Path, **arguments: object) -> UtilityDataModule:
    datamodule = UtilityDataModule(str(folder), **arguments)  # type: ignore[arg-type]
    datamodule.setup("fit")
    return datamodule


def test_no_parent_of_the_test_is_in_any_item_of_the_training(label_folder: Path) -> None:
    datamodule = ready(label_folder, batch_size=5)
    seen = {
        split: {int(i) for batch in loader for i in batch.image_ids}
        for split, loader in {
            "train": datamodule.train_dataloader(),
            "val": datamodule.val_dataloader(),
            "test": datamodule.test_dataloader(),
        }.items()
    }
    split_of = dict(
        zip(
            datamodule.label_set.images["image_id"].tolist(),
            datamodule.label_set.images["split"].tolist(),
            strict=True,
        )
    )
    assert all(split_of[i] == split for split, ids in seen.items() for i in ids)
    assert not seen["train"] & (seen["val"] | seen["test"])
    assert len(seen["test"]) == 8


def test_pictures_are_those_that_were_labelled(label_folder: Path) -> None:
    datamodule = ready(label_folder)
    (batch,) = datamodule.test_dataloader()
    labels = LabelSet.open(label_folder)
    for picture, row, y in zip(batch.pictures, batch.rows.tolist(), batch.y, strict=True):
        image_id = int(labels.images["image_id"][row])
        quality = int(labels.images["quality"][row])
        expected = distort(read_picture(labels.path(row)), Distortion("jpeg", quality), image_id)
        assert np.array_equal(picture.permute(1, 2, 0).numpy(), expected)
        assert y.tolist() == labels.column("y")[row].tolist()


def test_a_batch_has_several_qualities_of_each_parent_and_other_ones_next_epoch(
    label_folder: Path,
) -> None:
    dataset = ready(label_folder, per_parent=2).dataset("train")
    epochs = [[dataset[i, epoch].qualities.tolist() for i in range(12)] for epoch in (0, 1)]
    assert all(len(set(qualities)) == 2 for epoch in epochs for qualities in epoch)
    assert epochs[0] != epochs[1]
    assert epochs[0] == [dataset[i, 0].qualities.tolist() for i in range(12)]


def test_the_pristine_condition_is_not_shown_unless_named(label_folder: Path) -> None:
    (batch,) = ready(label_folder).test_dataloader()
    assert set(batch.qualities.tolist()) == {5, 10, 20, 40}
    datamodule = ready(label_folder, conditions=["clean", "jpeg_q5"])
    assert set(next(iter(datamodule.val_dataloader())).qualities.tolist()) == {-1, 5}


def test_an_unknown_condition_is_named(label_folder: Path) -> None:
    with pytest.raises(ValueError, match=r"conditions: .* has no jpeg_q11; it has clean, jpeg_q5"):
        ready(label_folder, conditions=["jpeg_q11"])


def test_combined_labels_are_those_on_which_all_agree(label_folder: Path) -> None:
    datamodule = ready(label_folder, combine=True)
    assert datamodule.targets == (UNANIMOUS,)
    (batch,) = datamodule.test_dataloader()
    each = datamodule.label_set.column("y")[batch.rows.numpy()]
    expected = [row[0] if len(set(row)) == 1 else -1 for row in each.tolist()]
    assert batch.y[:, 0].tolist() == expected
    assert -1 in expected


def test_a_predictor_is_told_the_targets_and_their_shares(label_folder: Path) -> None:
    datamodule = ready(label_folder)
    facts = datamodule.model_facts
    y = datamodule.label_set.column("y")[datamodule.rows("train")]
    assert facts["targets"] == ["a", "b"]
    assert facts["qualities"] == [5, 10, 20, 40]
    assert facts["useful_share"] == pytest.approx(y.mean(axis=0).tolist())


def test_fewer_parents_are_the_same_ones_each_time(label_folder: Path) -> None:
    few = ready(label_folder, limit_parents=5).dataset("train").image_ids
    assert len(few) == 5
    more = ready(label_folder, limit_parents=9).dataset("train").image_ids
    assert set(few) <= set(more)


def test_no_common_labels_left_is_told(label_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(label_folder, folder)
    table = pq.read_table(folder / "labels.parquet")
    detector = np.array(table["detector"].to_pylist())
    y = np.where(detector == "a", 1, 0).astype(np.int8)
    place = table.schema.get_field_index("y")
    table = table.set_column(place, LABELS.field("y"), pa.array(y))
    pq.write_table(table, folder / "labels.parquet")
    with pytest.raises(ValueError, match="no label is left on which a, b agree"):
        ready(folder, combine=True)
    with pytest.raises(ValueError, match="no picture that is not useful to a"):
        ready(folder)


def test_missing_pristine_pictures_are_told(label_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="40 of 40 pristine pictures are missing"):
        ready(label_folder, pictures=str(tmp_path))


def test_of_combined_labels_the_objects_lost_are_the_mean_of_those_that_agree(
    label_folder: Path,
) -> None:
    combined, each = ready(label_folder, combine=True), ready(label_folder)
    agreed = combined.y[:, 0] >= 0
    assert 0 < agreed.sum() < len(agreed)
    assert np.isnan(combined.lost[~agreed]).all()
    assert np.array_equal(combined.lost[agreed, 0], each.lost[agreed].mean(axis=1))
    assert set(np.unique(each.lost)) == {0, 3}
    batch = next(iter(combined.train_dataloader()))
    assert (batch.y >= 0).all()
    assert not batch.lost.isnan().any()


def test_pictures_in_which_nothing_is_ever_found_are_shown_for_they_lose_nothing(
    label_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "toy"
    shutil.copytree(label_folder, folder)
    table = pq.read_table(folder / "labels.parquet")
    blind = table["image_id"].to_numpy() == 1
    for name, value in {"y": -1, "n_ref": 0, "m": np.nan, "u": np.nan}.items():
        field, place = LABELS.field(name), table.schema.get_field_index(name)
        values = np.where(blind, value, table[name].to_numpy())
        table = table.set_column(
            place, field, pa.array(values.astype(field.type.to_pandas_dtype()))
        )
    pq.write_table(table, folder / "labels.parquet")
    dataset = ready(folder).dataset("train")
    assert 1 in dataset.image_ids
    assert not dataset[(int(np.flatnonzero(dataset.image_ids == 1)[0]), 0)].lost.any()
