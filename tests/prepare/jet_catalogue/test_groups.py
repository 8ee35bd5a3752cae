"""Events that a split keeps together."""

from __future__ import annotations

from prepare.jet_catalogue.groups import groups_of


def test_events_of_one_video_share_a_group_and_so_on() -> None:
    groups = groups_of([{"d"}, {"b", "c"}, {"e"}, {"a", "b"}, {"d"}])
    assert groups == {"a": "a", "b": "a", "c": "a", "d": "d", "e": "e"}


def test_a_late_video_joins_groups_that_stood_apart() -> None:
    assert set(groups_of([{"a", "b"}, {"c", "d"}, {"b", "d"}]).values()) == {"a"}
