"""Folders side by side are called by the ends of their paths."""

from __future__ import annotations

from pathlib import Path

import pytest

from structures.folder_names import distinct_ends


def test_the_shortest_ends_that_differ() -> None:
    assert distinct_ends([Path("/data/cmp"), Path("/data/paris")], "root") == ["cmp", "paris"]
    assert distinct_ends([Path("/a/x/run"), Path("/b/y/run")], "run=") == ["x/run", "y/run"]


def test_a_folder_given_twice_is_named_with_its_setting() -> None:
    with pytest.raises(ValueError, match=r"run= names a folder twice: /a, /b/\.\./a"):
        distinct_ends([Path("/a"), Path("/b/../a")], "run=")
