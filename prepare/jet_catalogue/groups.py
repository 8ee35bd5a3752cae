"""Which trigger events a split must keep together."""

from __future__ import annotations

from collections.abc import Collection, Iterable


def groups_of(shown: Iterable[Collection[str]]) -> dict[str, str]:
    """Groups of events, each named after its first event in the order of names.

    Videos of one event share their background, and a jet of a second event that a video shows as
    well shares it with the videos of that one: all of them are one group.

    Args:
        shown: For each video, the SOL of every jet in it.

    Returns:
        SOL -> name of its group.
    """
    groups: dict[str, set[str]] = {}
    for sols in shown:
        joined = set(sols).union(*(groups.get(sol, ()) for sol in sols))
        groups |= dict.fromkeys(joined, joined)
    return {sol: min(group) for sol, group in groups.items()}
