"""The report's section on distortions: what it says, shows and weighs."""

from __future__ import annotations

import dataclasses
import math
import re

import numpy as np
import pytest

from evaluation import evaluate_detections
from evaluation.conditions import BENCHMARK_KINDS, EXTRA_KINDS
from evaluation.report.chart_frame import Frame, log_ticks, y_ticks
from evaluation.report.page import ReportMeta, write_report
from evaluation.report.robustness_charts import robustness_section
from evaluation.report.robustness_examples import choose_example, condition_example, example_strips
from evaluation.robustness import SCORES, measure_robustness

META = ReportMeta("SSD300", "street", drawn=False)
LADDER = (5, 10, 20, 40, 80)


def scores(ap: float) -> dict[str, float]:
    return {**dict.fromkeys(SCORES, ap), "map_50": min(1.4 * ap, 1.0)}


def measured(kinds=BENCHMARK_KINDS, severities=range(1, 6), ladder=LADDER, clean=0.5, sizes=True):
    """AP falls by a tenth of the clean one with each severity."""
    names = {"clean": clean}
    names |= {f"jpeg_q{q}": clean * q / 100 for q in ladder}
    names |= {f"{kind}_{s}": clean * (1 - s / 10) for kind in kinds for s in severities}
    bits = {f"jpeg_q{q}": q / 40 for q in ladder} if sizes else {}
    return measure_robustness({name: scores(ap) for name, ap in names.items()}, bits)


@pytest.fixture(scope="module")
def clean(street):
    return evaluate_detections(street.truth, street.results)


def page(path, street, evaluation, robustness, examples=()) -> str:
    picture = street.pictures.__getitem__
    runs = {"ssd300": evaluation}
    write_report(path, runs, street.truth, picture, META, robustness, examples)
    return re.sub(r"base64,[^\"]*", "", path.read_text())


def examples_of(street, evaluation, names, pictures=None):
    image_id = choose_example(evaluation)
    shown = (pictures or street.pictures)[image_id]
    return [condition_example(name, evaluation, image_id, shown) for name in names]


def test_says_mpc_rpc_and_every_ap(tmp_path, street, clean):
    robustness = measured((*BENCHMARK_KINDS, *EXTRA_KINDS))
    text = page(tmp_path / "r.html", street, clean, robustness)
    assert re.search(r">35\.0</p>\s*<p class=\"name\">mPC</p>", text)
    assert re.search(r">70\.0</p>\s*<p class=\"name\">rPC</p>", text)
    assert "partial" not in re.sub(r"<style>.*</style>", "", text, flags=re.DOTALL)
    for ap in (45.0, 40.0, 35.0, 30.0, 25.0):
        assert len(re.findall(rf'style="--v:[\d.]+">{ap}</td>', text)) >= 19
    assert "those that the benchmark holds out" in text
    assert text.count('class="panel"') == 19
    assert "All that follows is about the clean pictures." in text


def test_a_partial_table_is_called_so(tmp_path, street, clean):
    robustness = measured(("fog", "snow"), (1, 3))
    text = page(tmp_path / "r.html", street, clean, robustness)
    assert "mPC (partial)" in text
    assert "2 of 15 kinds at severities 1, 3: snow, fog" in text
    assert '<td class="void">' in text


def test_a_ladder_alone_has_no_mpc(tmp_path, street, clean):
    text = page(tmp_path / "r.html", street, clean, measured(()))
    assert "mPC" not in text
    assert "AP and JPEG quality" in text
    assert "AP and bits per pixel" in text
    assert ">0.25<" in text


def test_a_plain_report_has_no_such_section(tmp_path, street, clean):
    assert "istorted" not in page(tmp_path / "r.html", street, clean, None)


@pytest.mark.parametrize("ap", [0.0, math.nan])
def test_a_detector_that_finds_nothing_makes_a_page(tmp_path, street, clean, ap):
    text = page(tmp_path / "r.html", street, clean, measured(clean=ap))
    assert "nan" not in text


def test_curves_go_from_clean_down_and_from_low_quality_up():
    section = robustness_section(measured())
    fog = next(p for p in section.panels["weather"] if p.label == "fog")
    heights = [point.y for point in fog.curve.points]
    assert len(heights) == 6
    assert heights == sorted(heights)
    assert fog.behind.polyline == fog.curve.polyline  # all kinds are alike here
    quality, size = section.ladder
    for chart in (quality, size):
        points = chart.curves[0].points
        assert [p.x for p in points] == sorted(p.x for p in points)
        assert [p.y for p in points] == sorted((p.y for p in points), reverse=True)
    assert [p.mark for p in size.curves[0].points] == ["5", "10", "20", "40", "80"]


def test_bits_per_pixel_have_no_chart_where_they_are_not_known():
    charts = robustness_section(measured(sizes=False)).ladder
    assert [chart.title for chart in charts] == ["AP and JPEG quality"]


def test_the_hardest_and_the_mildest_kind_are_named():
    names = {"clean": 0.5, "fog_1": 0.1, "snow_1": 0.4, "frost_1": 0.2, "saturate_1": 0.01}
    robustness = measure_robustness({name: scores(ap) for name, ap in names.items()})
    assert robustness_section(robustness).extremes == [("fog", 0.1), ("snow", 0.4)]


@pytest.mark.parametrize("largest", [0.004, 0.031, 0.37, 0.5, 1.0])
def test_ticks_reach_just_above_the_largest_value(largest):
    ticks = y_ticks([0.001, math.nan, largest])
    assert ticks[0] == 0
    assert largest <= ticks[-1] < 2 * largest
    assert 2 <= len(ticks) <= 6


def test_logarithmic_places_and_ticks():
    frame = Frame(10, 0, 100, 50, (1, 100), 1.0, logarithmic=True)
    assert (frame.x(1), frame.x(10), frame.x(100)) == (10, 60, 110)
    assert (frame.y(0), frame.y(1)) == (50, 0)
    assert log_ticks(0.18, 2.4) == pytest.approx([0.2, 0.3, 0.5, 0.7, 1, 1.5, 2])
    assert log_ticks(0.31, 0.32) == [0.31, 0.32]


def test_the_example_is_a_picture_in_which_much_is_found(street, clean):
    image_id = choose_example(clean)
    truth = [a for a in street.truth["annotations"] if a["image_id"] == image_id]
    assert len(truth) >= 8
    (example,) = examples_of(street, clean, ["clean"])
    assert example.correct + example.missed == len(truth)
    assert example.correct > 0.8 * len(truth)
    assert max(example.picture.shape) == 224


def test_strips_are_the_ladder_from_above_then_a_kind_each(street, clean):
    names = ["clean", "fog_1", "fog_3", "jpeg_q5", "jpeg_q80", "jpeg_compression_1"]
    strips, weight = example_strips(examples_of(street, clean, names))
    assert [(s["label"], [shot["caption"] for shot in s["shots"]]) for s in strips] == [
        ("clean and JPEG qualities", ["clean", "q 80", "q 5"]),
        ("fog", ["1", "3"]),
        ("JPEG compression", ["1"]),
    ]
    assert weight > 0


def test_a_strip_without_the_ladder_does_not_claim_one(street, clean):
    strips, _ = example_strips(examples_of(street, clean, ["clean", "fog_1"]))
    assert [strip["label"] for strip in strips] == ["clean", "fog"]


def test_the_first_quality_keeps_off_the_labels_of_the_axis(tmp_path, street, clean):
    text = page(tmp_path / "r.html", street, clean, measured(()))
    marks = re.findall(r'text-anchor="(\w+)" stroke="none">(\d+)<', text)
    assert marks == [("start", "5"), *(("middle", str(q)) for q in LADDER[1:])]


def test_an_example_must_have_been_judged(street, clean):
    with pytest.raises(ValueError, match="fog_1: image 999 was not judged there"):
        condition_example("fog_1", clean, 999, street.pictures[1])


def test_stays_under_three_megabytes_with_every_condition_and_noise(tmp_path, street, clean):
    rng = np.random.default_rng(0)
    noise = {i: rng.integers(0, 256, (900, 1200, 3), dtype=np.uint8) for i in street.pictures}
    robustness = measured((*BENCHMARK_KINDS, *EXTRA_KINDS), ladder=range(5, 95, 5))
    names = [c.condition.name for c in robustness.conditions]
    shots = examples_of(street, clean, names, noise)
    noisy = dataclasses.replace(street, pictures=noise)
    text = page(tmp_path / "r.html", noisy, clean, robustness, shots)
    assert (tmp_path / "r.html").stat().st_size <= 3_000_000
    assert text.count('class="tile"') == len(names) == 114
