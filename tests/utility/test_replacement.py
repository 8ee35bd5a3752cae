"""mAP with pictures replaced: against COCO's own evaluation, and what an oracle must never do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from evaluation.coco import evaluate_coco
from utility.baselines import oracle_scores
from utility.label_set import LabelSet
from utility.protocol import judged_rows
from utility.replacement import SHARES, BothVersions, replacement_curves


@pytest.fixture(scope="module")
def judged(write_label_set: Callable[..., Path]) -> tuple[LabelSet, np.ndarray, BothVersions]:
    label_set = LabelSet.open(write_label_set(parents=60, detectors={"a": 0}))
    rows = judged_rows(label_set)
    return label_set, rows, BothVersions.of(label_set, "a", rows)


def test_map_is_that_of_cocos_evaluation(judged: tuple) -> None:
    label_set, rows, versions = judged
    replaced = np.random.default_rng(1).random(len(rows)) < 0.4
    (found,) = versions.scores(replaced[None], np.ones((1, 12)))
    truth, results, images, annotations = label_set.truth(), [], [], []
    for number, (row, is_replaced) in enumerate(zip(rows, replaced, strict=True), start=1):
        image_id = int(label_set.images["image_id"][row])
        condition = "clean" if is_replaced else str(label_set.images["condition"][row])
        images.append({"id": number, "width": 112, "height": 96, "file_name": "x"})
        annotations += [
            {**a, "id": 100 * number + i, "image_id": number}
            for i, a in enumerate(a for a in truth["annotations"] if a["image_id"] == image_id)
        ]
        results += [
            {**r, "image_id": number}
            for r in label_set.detections("a", condition).detections.to_results()
            if r["image_id"] == image_id
        ]
    expected = evaluate_coco({**truth, "images": images, "annotations": annotations}, results)
    assert found == pytest.approx(expected.summary["map"], abs=1e-12)
    assert 0.2 < found < 0.95


def test_replacing_by_an_oracle_never_lowers_recall(judged: tuple) -> None:
    """Of the detector whose labels it is: what it loses in a picture it has in the pristine one."""
    label_set, rows, versions = judged
    own = {name: label_set.labels["a"][name][rows] for name in ("y", "u")}
    order = np.argsort(oracle_scores(own), kind="stable")
    recalls = []
    for share in SHARES:
        weights = np.ones((1, len(rows)))
        chosen = order[: round(share * len(rows))]
        weights[0, chosen] = 0
        pristine = np.bincount(versions.parent[chosen], minlength=12)[None]
        weights = np.concatenate([weights, pristine], axis=1)
        (matches,) = versions.matches
        found = (weights[:, matches.image] * matches.hit[0]).sum()
        recalls.append(found / (weights @ matches.objects)[0])
    assert recalls == sorted(recalls)
    assert recalls[-1] == 1


def test_the_oracle_is_the_upper_and_random_the_lower_reference(judged: tuple) -> None:
    label_set, rows, versions = judged
    own = {name: label_set.labels["a"][name][rows] for name in ("y", "u")}
    quality = label_set.images["quality"][rows].astype(float)
    scorers = {"oracle": oracle_scores(own), "quality": quality}
    curves = replacement_curves(versions, scorers, ["oracle"], resamples=40)
    assert set(curves) == {"oracle", "quality", "random"}
    areas = {name: curve.area[0] for name, curve in curves.items()}
    assert areas["oracle"] > areas["quality"] > areas["random"]
    oracle = curves["oracle"]
    assert oracle.own_share == pytest.approx((own["y"] == 0).mean())
    assert oracle.own_map[0] == pytest.approx(1.0)
    assert oracle.own_filtered[0] == pytest.approx(1.0)
    assert np.isnan(curves["random"].own_share)
    for curve in curves.values():
        assert curve.map[0, 0] == curves["random"].map[0, 0]
        assert curve.map[0, -1] == pytest.approx(1.0)
        assert curve.map.shape == (41, len(SHARES))


def test_draws_of_parents_are_paired(judged: tuple) -> None:
    label_set, rows, versions = judged
    score = label_set.images["quality"][rows].astype(float)
    curves = replacement_curves(versions, {"one": score, "same": 2 * score}, [], resamples=10)
    assert np.array_equal(curves["one"].map, curves["same"].map)


def test_within_strata_a_score_gains_by_what_it_knows_beyond_them(judged: tuple) -> None:
    label_set, rows, versions = judged
    own = {name: label_set.labels["a"][name][rows] for name in ("y", "u")}
    quality = label_set.images["quality"][rows]
    _, strata = np.unique(quality, return_inverse=True)
    scorers = {
        "oracle": oracle_scores(own),
        "quality": quality.astype(float),
        "nothing": np.zeros(len(rows)),
    }
    curves = replacement_curves(versions, scorers, [], resamples=5, strata=strata)
    assert np.array_equal(curves["quality"].map, curves["nothing"].map)
    assert curves["oracle"].area[0] > curves["quality"].area[0]
    pooled = replacement_curves(versions, scorers, [], resamples=5)
    one = replacement_curves(versions, scorers, [], 5, strata=np.zeros(len(rows), dtype=np.int64))
    assert all(np.array_equal(one[name].map, pooled[name].map) for name in pooled)


def test_each_stratum_loses_an_equal_share(judged: tuple) -> None:
    _, rows, versions = judged
    strata = np.arange(len(rows)) % 2
    score = strata * 10.0 + np.arange(len(rows))
    seen = []

    class Spy:
        parent = versions.parent

        def scores(self, replaced, copies, dropped=False):
            seen.append(replaced[0])
            return np.zeros(len(replaced))

    replacement_curves(Spy(), {"one": score}, [], resamples=1, strata=strata)
    for share, replaced in zip(SHARES, seen, strict=False):
        for stratum in (0, 1):
            own = replaced[strata == stratum]
            assert own.sum() == round(share * len(own))
            assert not own[own.sum() :].any()
