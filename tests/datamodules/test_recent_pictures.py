"""Decoded pictures are kept within a budget, the ones that were used last."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from datamodules import recent_pictures
from datamodules.recent_pictures import RecentPictures


def test_the_cache_keeps_within_its_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_pictures, "_MB", 1000)
    asked: list[int] = []

    def read(index: int) -> Any:
        asked.append(index)
        return np.full((10, 10, 3), index, dtype=np.uint8)

    pictures = RecentPictures(read, budget_mb=1)  # room for three
    for index in (0, 1, 2, 0, 3, 0, 1):
        assert pictures(index)[0, 0, 0] == index
    assert asked == [0, 1, 2, 3, 1]
    with pytest.raises(ValueError, match="read-only"):
        pictures(1)[0] = 0
