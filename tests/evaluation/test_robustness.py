"""mPC and rPC: against published numbers, against NumPy, and where the table has holes."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from evaluation.conditions import BENCHMARK_KINDS, EXTRA_KINDS
from evaluation.robustness import SCORES, Robustness, measure_robustness

# The public raw results of arXiv:1907.07484 for mmdetection's 1x detectors (COCO val2017):
# P, mPC and rPC to four digits, and AP at the five severities of jpeg_compression to three.
PUBLISHED = {
    "Faster R-CNN R50-FPN": (0.3639, 0.1800, 0.4947, (0.253, 0.196, 0.159, 0.087, 0.042)),
    "RetinaNet R50-FPN": (0.3561, 0.1783, 0.5008, (0.253, 0.202, 0.168, 0.095, 0.047)),
    "Mask R-CNN R50-FPN": (0.3727, 0.1868, 0.5014, (0.261, 0.206, 0.168, 0.093, 0.047)),
}
# Rows of the benchmark's public leaderboard: P, mPC and rPC in percent, to one digit.
LEADERBOARD = [(41.2, 20.7, 50.2), (40.4, 20.1, 49.7), (40.1, 22.3, 55.5), (50.6, 32.7, 64.7)]


def robustness(table, clean=0.4, extra=None, **sizes) -> Robustness:
    """From kind -> severity -> AP; AP50 is twice that, the other scores half of it."""
    aps = {"clean": clean, **(extra or {})}
    for kind, levels in table.items():
        aps |= {f"{kind}_{level}": ap for level, ap in levels.items()}
    factor = {"map": 1.0, "map_50": 2.0}
    scalars = {
        name: {**{s: factor.get(s, 0.5) * ap for s in SCORES}, "ap/door": 1.0}
        for name, ap in aps.items()
    }
    return measure_robustness(scalars, sizes)


def full_table(values) -> dict[str, dict[int, float]]:
    rows = zip(BENCHMARK_KINDS, np.asarray(values).tolist(), strict=True)
    return {kind: dict(enumerate(row, start=1)) for kind, row in rows}


def table_with_mean(mean: float, jpeg: tuple[float, ...]) -> np.ndarray:
    """[15, 5] with the published JPEG row; the other rows are made up to give the mean."""
    rng = np.random.default_rng(0)
    rest = rng.normal(0, 0.02, (14, 5))
    rest += (75 * mean - sum(jpeg)) / 70 - rest.mean()
    return np.vstack([rest, jpeg])


@pytest.mark.parametrize("detector", PUBLISHED)
def test_golden_published_rows_follow_from_their_clean_ap_and_a_full_table(detector):
    clean, mpc, rpc, jpeg = PUBLISHED[detector]
    measured = robustness(full_table(table_with_mean(mpc, jpeg)), clean)
    assert not measured.partial
    assert measured.mpc == pytest.approx(mpc, abs=1e-9)
    # P and mPC are known to half a unit of the fourth digit, and rPC inherits that.
    spread = 0.5e-4 / clean * (1 + rpc) + 0.5e-4
    assert measured.rpc == pytest.approx(rpc, abs=spread)
    assert measured.kind_means(BENCHMARK_KINDS)["jpeg_compression"] == pytest.approx(sum(jpeg) / 5)


@pytest.mark.parametrize(("clean", "mpc", "rpc"), LEADERBOARD)
def test_golden_leaderboard_rows(clean, mpc, rpc):
    measured = robustness(full_table(np.full((15, 5), mpc / 100)), clean / 100)
    assert 100 * measured.rpc == pytest.approx(rpc, abs=0.2)


def test_a_full_table_gives_the_mean_of_its_75_numbers():
    values = np.random.default_rng(1).uniform(0, 0.4, (15, 5))
    measured = robustness(full_table(values), clean=0.37)
    assert measured.mpc == pytest.approx(values.mean(), rel=1e-12)
    assert measured.rpc == pytest.approx(values.mean() / 0.37, rel=1e-12)
    assert list(measured.kind_means(BENCHMARK_KINDS).values()) == pytest.approx(values.mean(1))
    assert not measured.partial
    assert measured.coverage == "15 of 15 kinds at severities 1-5"
    scalars = measured.scalars()
    assert set(scalars) == {"mpc", "rpc", *(f"mpc/{kind}" for kind in BENCHMARK_KINDS)}
    assert scalars["mpc/fog"] == pytest.approx(values[BENCHMARK_KINDS.index("fog")].mean())


def test_held_out_kinds_and_the_jpeg_ladder_do_not_enter():
    values = np.random.default_rng(2).uniform(0, 0.4, (15, 5))
    extra = {f"{kind}_{level}": 0.9 for kind in EXTRA_KINDS for level in range(1, 6)}
    alone = robustness(full_table(values))
    joined = robustness(full_table(values), extra={**extra, "jpeg_q5": 0.01, "jpeg_q80": 0.99})
    assert (joined.mpc, joined.rpc, joined.partial) == (alone.mpc, alone.rpc, False)
    assert joined.scalars()["mpc/saturate"] == pytest.approx(0.9)
    assert set(joined.to_json()["kinds_not_in_mpc"]) == set(EXTRA_KINDS)


def test_kinds_weigh_the_same_though_one_has_fewer_severities():
    measured = robustness({"fog": {1: 0.3, 3: 0.1}, "snow": {2: 0.4}})
    assert measured.mpc == pytest.approx(((0.3 + 0.1) / 2 + 0.4) / 2)


@pytest.mark.parametrize(
    ("table", "coverage"),
    [
        ({"fog": {1: 0.3, 3: 0.1}}, "1 of 15 kinds at severities 1, 3: fog"),
        ({"fog": {3: 0.1}, "snow": {3: 0.1}}, "2 of 15 kinds at severity 3: snow, fog"),
        ({"fog": {1: 0.1, 2: 0.1, 3: 0.1}, "snow": {3: 0.1}}, "4 of 75 settings: snow 3, fog 1-3"),
        ({kind: {1: 0.1, 5: 0.1} for kind in BENCHMARK_KINDS}, "15 of 15 kinds at severities 1, 5"),
        ({"saturate": {1: 0.1}}, "none of the 15 kinds"),
    ],
)
def test_an_incomplete_table_is_never_called_mpc(table, coverage):
    measured = robustness(table)
    assert measured.partial
    assert measured.coverage == coverage
    assert measured.to_json()["partial"] is True
    assert {"mpc_partial", "rpc_partial"} <= set(measured.scalars())
    assert not {"mpc", "rpc"} & set(measured.scalars())
    assert [row for row in measured.rows() if row.name == "mPC"] == []


def test_a_kind_with_all_severities_has_its_name_though_the_whole_is_partial():
    full = {level: 0.1 * level for level in range(1, 6)}
    scalars = robustness({"fog": full, "snow": {1: 0.2}}).scalars()
    assert scalars["mpc/fog"] == pytest.approx(0.3)
    assert scalars["mpc_partial/snow"] == pytest.approx(0.2)


@pytest.mark.parametrize("clean", [0.0, math.nan])
def test_without_a_clean_ap_rpc_is_undefined(clean):
    measured = robustness(full_table(np.zeros((15, 5))), clean)
    assert math.isnan(measured.rpc)
    assert measured.mpc == 0
    assert measured.to_json()["rpc"] is None


def test_an_undefined_ap_makes_mpc_undefined_instead_of_being_left_out():
    measured = robustness({"fog": {1: math.nan, 2: 0.2}})
    assert math.isnan(measured.mpc)
    json.dumps(measured.to_json(), allow_nan=False)


def test_json_has_every_number_and_no_nan():
    measured = robustness({"fog": {1: 0.3}}, extra={"jpeg_q10": 0.2}, jpeg_q10=0.25)
    whole = json.loads(json.dumps(measured.to_json(), allow_nan=False))
    assert whole["conditions"]["jpeg_q10"]["bits_per_pixel"] == 0.25
    assert whole["conditions"]["clean"]["bits_per_pixel"] is None
    assert whole["conditions"]["fog_1"]["map_50"] == pytest.approx(0.6)
    assert whole["kinds"] == {"fog": {"mean": 0.3, "severities": {"1": 0.3}}}


def test_rows_are_clean_the_ladder_from_below_kinds_and_mpc():
    extra = {"jpeg_q80": 0.38, "jpeg_q5": 0.1, "saturate_1": 0.3}
    measured = robustness({"snow": {1: 0.3, 2: 0.1}}, extra=extra, jpeg_q5=0.2)
    rows = measured.rows()
    assert [row.name for row in rows] == [
        "clean",
        "jpeg_q5",
        "jpeg_q80",
        "snow 1, 2",
        "saturate 1",
        "mPC (partial: 1 of 15 kinds at severities 1, 2: snow)",
    ]
    assert rows[1].drop == pytest.approx(0.3)
    assert rows[1].bits_per_pixel == 0.2
    assert rows[3].map == pytest.approx(0.2)
    assert rows[3].map_50 == pytest.approx(0.4)
    assert [row.name for row in measured.condition_rows()][:2] == ["clean", "jpeg_q80"]


def test_clean_is_needed():
    with pytest.raises(ValueError, match=r"against the condition 'clean'; got \['fog_1'\]"):
        measure_robustness({"fog_1": dict.fromkeys(SCORES, 0.1)})
