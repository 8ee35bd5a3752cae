"""The state of a linker comes from a file: one that was spoiled is refused by name."""

from __future__ import annotations

import copy

import pytest

from evaluation.events.linker import EventLinker
from tests.evaluation.events.linked_frames import CADENCE, LINKING, seen


def spoiled(change):
    linker = EventLinker(LINKING, CADENCE)
    for frame in seen("xxx"):
        linker.update(*frame)
    state = copy.deepcopy(linker.to_json())
    change(state)
    return state


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("tracks"), "the keys"),
        (lambda s: s["linking"].pop("min_iou"), "'linking' with"),
        (lambda s: s["linking"].update(min_iou="a lot"), "numbers in 'linking'"),
        (lambda s: s.update(cadence=-1), "'cadence' above 0"),
        (lambda s: s.update(events=0.5), "whole number as 'events'"),
        (lambda s: s.update(events=0), "numbered once"),
        (lambda s: s.update(last_time="now"), "'last_time'"),
        (lambda s: s.update(tracks={}), "list 'tracks'"),
        (lambda s: s["tracks"].append(7), "track 1: expected the keys"),
        (lambda s: s["tracks"].append(s["tracks"][0]), "numbered once"),
        (lambda s: s["tracks"][0]["times"].reverse(), "track 0: expected rising times"),
        (lambda s: s["tracks"][0]["times"].append(1e9), "as many times"),
        (lambda s: s["tracks"][0]["boxes"][0].pop(), "finite numbers as 'boxes'"),
        (lambda s: s["tracks"][0]["boxes"][0].reverse(), "boxes x0 <= x1"),
        (lambda s: s["tracks"][0].update(scores=[None] * 3), "finite numbers as 'scores'"),
        (lambda s: s["tracks"][0].update(event=True), "whole number as 'event'"),
        (lambda s: s.update(last_time=10), "rising times"),
    ],
)
def test_a_spoiled_state_is_refused_by_name(change, message):
    with pytest.raises(ValueError, match=f"(?s)watch.json.*{message}"):
        EventLinker.from_json(spoiled(change), "watch.json")


def test_a_list_is_no_state():
    with pytest.raises(ValueError, match="Remove it to begin anew"):
        EventLinker.from_json([])
