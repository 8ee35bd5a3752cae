"""Detections on disk: what comes back, and what is not believed."""

from __future__ import annotations

import json
import logging
import multiprocessing

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluation import evaluate_detections
from evaluation.detection_cache import METADATA, CachedDetections, DetectionCache
from evaluation.detections import Detections

KEY = {"data": "coco dev", "model": "ssd300", "checkpoint": "0123456789abcdef", "score": 0.01}


def detections(n=300, images=40, seed=0) -> Detections:
    """Boxes as a detector leaves them: float32 corners, whose widths need more than float32."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 300, (n, 2, 2)).astype(np.float32)
    low, high = corners.min(1).astype(np.float64), corners.max(1).astype(np.float64)
    return Detections(
        np.sort(rng.integers(0, images, n)),
        rng.integers(1, 91, n),
        np.hstack([low, high - low]),
        rng.random(n).astype(np.float32).astype(np.float64),
    )


def cached(bits=None, **kwargs) -> CachedDetections:
    return CachedDetections(detections(**kwargs), np.arange(50), np.array([70, 60]), bits)


def assert_same(found: CachedDetections | None, expected: CachedDetections) -> None:
    assert found is not None
    for field in ("image_ids", "category_ids", "boxes_xywh", "scores"):
        a, b = getattr(found.detections, field), getattr(expected.detections, field)
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(found.judged, expected.judged)
    np.testing.assert_array_equal(found.skipped, expected.skipped)
    assert found.bits_per_pixel == expected.bits_per_pixel


@pytest.mark.parametrize("bits", [None, 0.731])
def test_everything_comes_back_to_the_last_bit(tmp_path, bits):
    cache = DetectionCache(tmp_path, KEY)
    assert cache.read("fog_3") is None
    cache.write("fog_3", cached(bits))
    assert_same(DetectionCache(tmp_path, dict(reversed(KEY.items()))).read("fog_3"), cached(bits))
    assert cache.read("fog_2") is None


def test_no_detections_and_no_pictures_come_back_too(tmp_path):
    cache = DetectionCache(tmp_path, KEY)
    none = np.zeros(0, dtype=np.int64)
    for judged in (none, np.array([3, 1, 2])):
        nothing = CachedDetections(Detections.concatenate([]), judged, none, None)
        cache.write("clean", nothing)
        assert_same(cache.read("clean"), nothing)


def test_pictures_keep_their_order_and_detections_theirs_within_a_picture(tmp_path):
    cache = DetectionCache(tmp_path, KEY)
    boxes, scores = np.ones((4, 4)), np.array([0.1, 0.2, 0.3, 0.4])
    mixed = Detections(np.array([9, 2, 9, 2]), np.array([1, 1, 2, 2]), boxes, scores)
    cache.write("clean", CachedDetections(mixed, np.array([9, 5, 2]), np.array([], int), None))
    found = cache.read("clean")
    assert found.detections.image_ids.tolist() == [9, 9, 2, 2]
    assert found.detections.scores.tolist() == [0.1, 0.3, 0.2, 0.4]


def test_files_lie_by_data_model_and_checkpoint(tmp_path):
    path = DetectionCache(tmp_path, KEY).path("jpeg_q10")
    assert path.relative_to(tmp_path).parts[:2] == ("coco_dev", "ssd300@01234567")
    assert path.name.startswith("jpeg_q10-")


@pytest.mark.parametrize("name", ["..", "../../etc", "/etc/passwd", "a\\b", "x" * 500, ".hidden"])
def test_names_cannot_leave_the_folder(tmp_path, name):
    key = {"data": name, "model": name, "checkpoint": name}
    cache = DetectionCache(tmp_path / "cache", key)
    path = cache.path(name)
    assert path.resolve().is_relative_to((tmp_path / "cache").resolve())
    assert len(path.relative_to(tmp_path / "cache").parts) == 3
    cache.write(name, cached())
    assert_same(cache.read(name), cached())


def test_another_key_does_not_serve_and_the_log_says_why(tmp_path, caplog):
    DetectionCache(tmp_path, KEY).write("clean", cached())
    with caplog.at_level(logging.INFO, "evaluation.detection_cache"):
        assert DetectionCache(tmp_path, {**KEY, "score": 0.5}).read("clean") is None
    assert "score is 0.01, expected 0.5" in caplog.text


def test_a_file_under_anothers_name_is_not_believed(tmp_path, caplog):
    cache = DetectionCache(tmp_path, KEY)
    cache.write("fog_1", cached())
    cache.path("fog_1").rename(cache.path("clean"))
    assert cache.read("clean") is None
    assert "condition is 'fog_1', expected 'clean'" in caplog.text


def _rewritten(table: pa.Table, change: str) -> pa.Table:
    def column(name, value):
        place = table.schema.get_field_index(name)
        return table.set_column(place, table.schema.field(name), value)

    lists = {name: table[name].to_pylist() for name in ("category_ids", "boxes_xywh", "scores")}
    if change == "nan":
        lists["scores"][0][0] = float("nan")
        return column("scores", pa.array(lists["scores"], pa.list_(pa.float64())))
    if change == "infinite box":
        lists["boxes_xywh"][0][2] = float("inf")
        return column("boxes_xywh", pa.array(lists["boxes_xywh"], pa.list_(pa.float64())))
    if change == "negative width":
        lists["boxes_xywh"][0][2] = -1.0
        return column("boxes_xywh", pa.array(lists["boxes_xywh"], pa.list_(pa.float64())))
    if change == "box of three numbers":
        del lists["boxes_xywh"][0][3]
        return column("boxes_xywh", pa.array(lists["boxes_xywh"], pa.list_(pa.float64())))
    if change == "score of nothing":
        lists["scores"][0][0] = None
        return column("scores", pa.array(lists["scores"], pa.list_(pa.float64())))
    if change == "image twice":
        return column("image_id", pa.array([0] * table.num_rows, pa.int64()))
    if change == "skipped with detections":
        return column("skipped", pa.array([True] * table.num_rows))
    if change == "column gone":
        return table.drop_columns(["scores"])
    if change == "other type":
        return table.cast(table.schema.set(0, pa.field("image_id", pa.int32(), nullable=False)))
    if change == "no metadata":
        return table.replace_schema_metadata(None)
    if change == "nested metadata":
        return table.replace_schema_metadata({METADATA: b"[" * 100_000})
    facts = {**json.loads(table.schema.metadata[METADATA]), "bits_per_pixel": -1}
    return table.replace_schema_metadata({METADATA: json.dumps(facts)})


@pytest.mark.parametrize(
    "change",
    [
        "nan",
        "infinite box",
        "negative width",
        "box of three numbers",
        "score of nothing",
        "image twice",
        "skipped with detections",
        "column gone",
        "other type",
        "no metadata",
        "nested metadata",
        "negative bits",
    ],
)
def test_a_file_with_wrong_content_counts_for_nothing_and_is_named(tmp_path, caplog, change):
    cache = DetectionCache(tmp_path, KEY)
    cache.write("clean", cached())
    path = cache.path("clean")
    pq.write_table(_rewritten(pq.ParquetFile(path).read(), change), path)
    assert cache.read("clean") is None
    assert str(path) in caplog.text
    assert "the detector runs again" in caplog.text
    cache.write("clean", cached())
    assert cache.read("clean") is not None


@pytest.mark.parametrize("damage", ["empty", "cut", "text", "bytes"])
def test_a_damaged_file_counts_for_nothing_and_is_named(tmp_path, caplog, damage):
    cache = DetectionCache(tmp_path, KEY)
    cache.write("clean", cached())
    path = cache.path("clean")
    whole = path.read_bytes()
    middle = len(whole) // 3
    path.write_bytes(
        {
            "empty": b"",
            "cut": whole[: len(whole) // 2],
            "text": b"not a table",
            "bytes": whole[:middle] + b"\xff" * 64 + whole[middle + 64 :],
        }[damage]
    )
    assert cache.read("clean") is None
    assert str(path) in caplog.text


def test_detections_on_unjudged_pictures_and_pictures_twice_are_refused(tmp_path):
    cache = DetectionCache(tmp_path, KEY)
    found = detections()
    none = np.array([], dtype=np.int64)
    with pytest.raises(ValueError, match="detections on image 39, which was not judged"):
        cache.write("clean", CachedDetections(found, np.arange(39), none, None))
    with pytest.raises(ValueError, match="judged or skipped twice"):
        cache.write("clean", CachedDetections(found, np.arange(50), np.array([3]), None))
    assert list(tmp_path.rglob("*.parquet")) == []


@pytest.mark.parametrize("gone", ["data", "model", "checkpoint"])
def test_the_key_must_say_what_ran_on_what(tmp_path, gone):
    with pytest.raises(ValueError, match=f"lacks \\['{gone}'\\]"):
        DetectionCache(tmp_path, {k: v for k, v in KEY.items() if k != gone})


def _write_often(folder, seed) -> None:
    for _ in range(20):
        DetectionCache(folder, KEY).write("clean", cached(seed=seed))


def test_two_processes_may_write_the_same_entry(tmp_path):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_write_often, args=(tmp_path, s)) for s in (1, 2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    found = DetectionCache(tmp_path, KEY).read("clean")
    seed = 1 if np.array_equal(found.detections.scores, detections(seed=1).scores) else 2
    assert_same(found, cached(seed=seed))
    assert len(list(tmp_path.rglob("*.*"))) == 1


@pytest.mark.parametrize("seed", [1, 2, 17, 19])
def test_cached_detections_score_as_the_detections_themselves(tmp_path, random_case, seed):
    truth, results = random_case(seed)
    found = Detections.from_results(results)
    judged = np.array([image["id"] for image in truth["images"]])
    cache = DetectionCache(tmp_path, KEY)
    cache.write("clean", CachedDetections(found, judged, np.array([], dtype=np.int64), None))
    again = cache.read("clean").detections
    assert (
        evaluate_detections(truth, again).to_json() == evaluate_detections(truth, found).to_json()
    )
