"""The report as text: what it says, escapes, weighs and refuses."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest

from evaluation import evaluate_detections
from evaluation.report.page import ReportMeta, write_report

META = ReportMeta("SSD300", "street", drawn=False)


def report(path, street, meta=META, results=None):
    results = {"ssd300": street.results} if results is None else results
    scores = {name: evaluate_detections(street.truth, r) for name, r in results.items()}
    write_report(path, scores, street.truth, street.pictures.__getitem__, meta)
    return path.read_text()


def test_says_the_numbers_facts_and_skips(tmp_path, street):
    meta = dataclasses.replace(META, facts={"split": "3f9a2c71"}, skipped=1)
    text = report(tmp_path / "report.html", street, meta)
    scores = evaluate_detections(street.truth, street.results)
    assert f">{100 * scores.coco.summary['map']:.1f}<" in text
    assert f">{100 * scores.voc.area['door']:.1f}<" in text
    assert f">{scores.operating_point['window'].threshold:.2f}<" in text
    assert "3f9a2c71" in text
    assert "1 picture could not be read" in text
    assert "house_001.jpg" in text or "house_002.jpg" in text


def test_drawn_data_are_badged_and_real_data_are_not(tmp_path, street):
    drawn = report(tmp_path / "a.html", street, dataclasses.replace(META, drawn=True))
    assert drawn.count("not comparable with real data") == 2
    assert "<title>Drawn data" in drawn
    assert "rawn data" not in report(tmp_path / "b.html", street)


def test_names_from_files_are_escaped(tmp_path, street):
    evil = "<script>alert(1)</script>"
    categories = [{**c, "name": evil + c["name"]} for c in street.truth["categories"]]
    images = [{**i, "file_name": f'"{evil}.jpg'} for i in street.truth["images"]]
    truth = {**street.truth, "categories": categories, "images": images}
    meta = ReportMeta(evil, evil, drawn=False, facts={evil: evil})
    text = report(tmp_path / "r.html", dataclasses.replace(street, truth=truth), meta)
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_asks_nothing_of_the_network(tmp_path, street):
    text = re.sub(r"base64,[^\"]*", "", report(tmp_path / "r.html", street))
    assert re.findall(r"(?:https?:)?//[\w.-]+", text) == []
    assert "@import" not in text
    assert "url(" not in text


def test_stays_under_three_megabytes_with_pictures_that_compress_badly(tmp_path, street):
    rng = np.random.default_rng(0)
    noise = {i: rng.integers(0, 256, (900, 1200, 3), dtype=np.uint8) for i in street.pictures}
    runs = {f"run {i}": street.results for i in range(3)}
    report(tmp_path / "r.html", dataclasses.replace(street, pictures=noise), results=runs)
    assert (tmp_path / "r.html").stat().st_size <= 3_000_000


@pytest.mark.parametrize("seed", [0, 17, 19, 34, 38])
def test_empty_sets_make_a_page(tmp_path, random_case, seed):
    truth, results = random_case(seed)
    scores = {"run": evaluate_detections(truth, results)}
    blank = np.zeros((480, 640, 3), dtype=np.uint8)
    write_report(tmp_path / "r.html", scores, truth, lambda _: blank, META)
    text = (tmp_path / "r.html").read_text()
    assert "nan" not in text.split("base64")[0]


def test_many_classes_list_the_mix_ups_instead_of_a_matrix(tmp_path, street):
    categories = [*street.truth["categories"]]
    categories += [{"id": i, "name": f"class {i}"} for i in range(10, 50)]
    truth = {**street.truth, "categories": categories}
    text = report(tmp_path / "r.html", dataclasses.replace(street, truth=truth))
    assert 'class="matrix"' not in text
    assert "Found as" in text


def test_no_run_is_no_report(tmp_path, street):
    with pytest.raises(ValueError, match="scores of one run at least"):
        write_report(tmp_path / "r.html", {}, street.truth, street.pictures.__getitem__, META)
    assert not (tmp_path / "r.html").exists()
