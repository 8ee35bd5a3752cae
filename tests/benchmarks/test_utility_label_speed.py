"""The benchmark runs at toy size and says what it measured."""

from __future__ import annotations

import re

import pytest

from benchmarks.utility_label_speed import main


@pytest.mark.slow
def test_shares_are_of_the_whole_build(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--pictures", "2", "--models", "ssd300_light"])
    shares = re.findall(r"([\d.]+)%", capsys.readouterr().out)
    one, every = map(float, shares[-2:])
    assert 0 < one == every < 100
