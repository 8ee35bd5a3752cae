"""The report's sections on videos and on several runs."""

from __future__ import annotations

import math
import re

import numpy as np

from evaluation import evaluate_detections
from evaluation.bootstrap import Difference, Interval
from evaluation.report.page import ReportMeta, percent, write_report
from evaluation.report.side_by_side import SideBySide, Standing

META = ReportMeta("SSD300", "film", drawn=False)


def page(path, truth, runs, comparison=None):
    frame = np.zeros((480, 640, 3), np.uint8)
    write_report(path, runs, truth, lambda _: frame, META, comparison=comparison)
    return " ".join(re.sub(r"base64,[^\"]*", "", path.read_text()).split())


def test_motion_and_steadiness_have_a_section(tmp_path, film):
    truth, results = film(seed=0, videos=1)
    evaluation = evaluate_detections(truth, results)
    text = page(tmp_path / "r.html", truth, {"ssd300": evaluation})
    section = text[text.index("<h2>Videos</h2>") :]
    for name, count in evaluation.video.motion.objects.items():
        assert f">{name}, {count}</th>" in section
        assert f"<td>{percent(evaluation.video.motion.map[name])} <span" in section
    assert f"<td>{100 * evaluation.video.consistency.flicker:.1f}</td>" in section
    assert f"({evaluation.video.motion.ungrouped} boxes without neighbours" in section


def test_videos_without_followed_objects_are_told_of(tmp_path, film):
    truth, results = film(seed=0, videos=1)
    for annotation in truth["annotations"]:
        del annotation["track_id"]
    text = page(tmp_path / "r.html", truth, {"ssd300": evaluate_detections(truth, results)})
    assert "1 video. No box says which object it shows (track_id)" in text
    assert "Flicker" not in text


def test_pictures_alone_have_no_section_on_videos(tmp_path, street):
    text = page(
        tmp_path / "r.html",
        street.truth,
        {"ssd300": evaluate_detections(street.truth, street.results)},
    )
    assert "<h2>Videos</h2>" not in text
    assert "Differences and cost" not in text


def test_differences_stand_with_their_intervals_and_cost(tmp_path, film):
    truth, results = film(seed=0, videos=1)
    runs = {name: evaluate_detections(truth, results) for name in ("good", "bad", "odd")}
    sure, unsure = Interval(0.123, 0.05, 0.2), Interval(-0.04, math.nan, math.nan)
    comparison = SideBySide(
        "bad",
        [
            Standing(
                "good", Difference(sure, sure, "videos", 5), 12.5, 512_000_000, None, 10**6, None
            ),
            Standing("bad", None, None, None, None, 10**6, None),
            Standing("odd", Difference(unsure, unsure, "videos", 5), None, None, None, 10**6, None),
        ],
    )
    text = page(tmp_path / "r.html", truth, runs, comparison)
    section = text[text.index("Differences and cost") :]
    assert '<td class="best">+12.3 <span class="quiet">[+5.0, +20.0]</span></td>' in section
    assert '<td>-4.0 <span class="quiet"></span></td>' in section
    assert "<td>12.5</td> <td>512</td>" in section
    assert "paired bootstrap over 5 videos" in section
