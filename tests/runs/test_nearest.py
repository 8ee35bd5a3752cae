from runs.nearest import did_you_mean


def test_names_the_nearest_and_all_others():
    hint = did_you_mean("ssd30", ["ssd300", "faster_rcnn"])
    assert "did you mean 'ssd300'?" in hint
    assert "faster_rcnn" in hint


def test_claims_no_nearest_name_when_none_is_near():
    assert did_you_mean("xyz", ["ssd300"]) == "known here: ssd300"
