"""What is replaced first where the objects lost are expected, not the label."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from utility.baselines import oracle_scores
from utility.expected_loss import loss_orders
from utility.label_set import LabelSet
from utility.predictor_scores import PredictorScores
from utility.protocol import judged_rows
from utility.replacement import BothVersions, replacement_curves
from utility.tables import LABELS


@pytest.fixture(scope="module")
def uneven(write_label_set: Callable[..., Path]) -> LabelSet:
    """Each second parent has one object that its detector ever finds, the others all three."""
    folder = write_label_set(parents=60, detectors={"a": 0})
    other = folder.with_name("uneven")
    shutil.copytree(folder, other)
    file = other / "labels.parquet"
    table = pq.read_table(file)
    n_ref = np.where(table["image_id"].to_numpy() % 2, 1, 3).astype(np.int32)
    place = table.schema.get_field_index("n_ref")
    pq.write_table(table.set_column(place, LABELS.field("n_ref"), pa.array(n_ref)), file)
    return LabelSet.open(other)


def test_what_is_lost_are_the_objects_of_the_pristine_picture_that_are_gone(
    uneven: LabelSet,
) -> None:
    own = uneven.labels["a"]
    expected = np.where(own["m"] == 1, 0, own["n_ref"])
    assert uneven.lost().dtype == np.float32
    assert np.array_equal(uneven.lost()[:, 0], expected)
    nothing = {**own, "m": np.full(len(uneven), np.nan, np.float32), "n_ref": 0 * own["n_ref"]}
    blind = LabelSet(uneven.folder, uneven.meta, uneven.images, {"a": nothing}, uneven.root)
    assert not blind.lost().any()


def test_the_order_is_that_of_the_expected_loss(uneven: LabelSet) -> None:
    rows = judged_rows(uneven)
    said = {
        "useful": np.full((len(rows), 1), 0.5, np.float32),
        "lost": np.arange(len(rows), dtype=np.float32)[:, None],
    }
    scores = {
        "counts": PredictorScores(("elsewhere",), said, 1.0),
        "does not": PredictorScores(("a",), {"useful": said["useful"]}, 1.0),
    }
    orders = loss_orders(uneven, uneven, rows, ["a"], scores)["a"]
    assert np.array_equal(orders["counts, by loss"], -np.arange(len(rows)))
    assert "does not, by loss" not in orders
    lost = uneven.lost()[rows, 0]
    assert np.array_equal(orders["oracle, by loss"], -lost)
    assert np.corrcoef(orders["DCT trees, by loss"], lost)[0, 1] < -0.5


def test_where_pictures_lose_all_or_nothing_it_is_the_order_of_the_label(
    write_label_set: Callable[..., Path],
) -> None:
    label_set = LabelSet.open(write_label_set(parents=60, detectors={"a": 0}))
    rows = judged_rows(label_set)
    versions = BothVersions.of(label_set, "a", rows)
    orders = loss_orders(label_set, label_set, rows, ["a"], {})["a"]
    y = {name: label_set.labels["a"][name][rows] for name in ("y", "u")}
    scorers = {"label": oracle_scores(y), "loss": orders["oracle, by loss"]}
    curves = replacement_curves(versions, scorers, [], resamples=2)
    assert np.allclose(curves["loss"].map[0], curves["label"].map[0], atol=0.02)
    assert curves["loss"].area[0] > curves["random"].area[0] + 0.02
