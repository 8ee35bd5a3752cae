"""Verdicts and which pictures are shown."""

from __future__ import annotations

import numpy as np

from evaluation.confusion import confusion_matrix
from evaluation.matching import match_detections
from evaluation.report.gallery import choose_pictures, verdict_picture
from evaluation.report.verdict_drawing import FALSE_ALARM, MISSED
from evaluation.verdicts import judge


def test_counts_agree_with_the_confusion_matrix(random_case):
    for seed in range(40):
        matches = match_detections(*random_case(seed))
        thresholds = dict.fromkeys(matches.truth.class_names, 0.4)
        correct, missed, false = judge(matches, thresholds).counts.sum(axis=0)
        matrix = confusion_matrix(matches, thresholds)
        assert correct == np.trace(matrix)
        assert missed == matrix[:-1].sum() - correct
        assert false == matrix[:, :-1].sum() - correct


def test_best_and_worst_pictures_are_those_of_highest_and_lowest_f1(street):
    verdicts = judge(
        match_detections(street.truth, street.results),
        dict.fromkeys(("building", "window", "door"), 0.5),
    )
    best, worst = choose_pictures([verdicts], 3, 4, np.arange(len(verdicts.f1)))
    assert len(best) == 3
    assert len(worst) == 4
    assert not set(best) & set(worst)
    rest = [i for i in range(len(street.pictures)) if i not in best + worst]
    assert verdicts.f1[best].min() >= verdicts.f1[rest].max()
    assert verdicts.f1[worst].max() <= verdicts.f1[rest].min()


def test_a_picture_with_nothing_to_see_is_not_chosen(street):
    empty = {"id": 999, "file_name": "empty.jpg", "width": 640, "height": 480}
    truth = {**street.truth, "images": [*street.truth["images"], empty]}
    thresholds = dict.fromkeys(("building", "window", "door"), 0.5)
    verdicts = judge(match_detections(truth, street.results), thresholds)
    best, worst = choose_pictures([verdicts], 50, 50, np.arange(len(verdicts.f1)))
    assert sorted(best + worst) == list(range(len(street.pictures)))


def test_missed_and_false_are_painted_where_they_are():
    truth = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 200, "height": 100}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [20, 40, 40, 40]}],
        "categories": [{"id": 1, "name": "window"}],
    }
    stray = {"image_id": 1, "category_id": 1, "bbox": [120, 40, 40, 40], "score": 0.9}
    verdicts = judge(match_detections(truth, [stray]), {"window": 0.5})
    picture = np.zeros((100, 200, 3), dtype=np.uint8)
    drawn = verdict_picture(picture, verdicts, place=0, longest_side=400)
    assert drawn.shape == (200, 400, 3)
    assert tuple(drawn[81, 41]) == MISSED
    assert tuple(drawn[81, 241]) == FALSE_ALARM
