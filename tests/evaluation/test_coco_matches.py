"""AP from stored matches against COCO's own accumulation."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation.coco import score_columns
from evaluation.coco_matches import coco_matches, weighted_average_precision
from evaluation.columns import result_columns, truth_columns


@pytest.mark.parametrize("backend", ["hotcoco", "pycocotools"])
@pytest.mark.parametrize("seed", range(12))
def test_with_every_picture_once_it_is_coco_ap(random_case, seed, backend):
    truth, results = random_case(seed)
    columns = truth_columns(truth)
    found = result_columns(results, columns)
    expected = score_columns(truth, columns, found, backend)
    once = np.ones((1, len(columns.image_ids)))
    matches = coco_matches(truth, columns, found, backend)
    for name, of_class in zip(columns.class_names, matches, strict=True):
        ap = weighted_average_precision(of_class, once)[0]
        scores = expected.per_class[name]
        np.testing.assert_allclose(
            [ap.mean(), ap[0], ap[5]], [scores["ap"], scores["ap_50"], scores["ap_75"]], atol=1e-12
        )
