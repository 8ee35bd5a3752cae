"""'Did you mean …' for misspelt names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(wrong: str, right: Iterable[str]) -> str:
    """A hint that ends an error message: the nearest right name and all the others.

    Args:
        wrong: what was typed.
        right: the names that would have been accepted.
    """
    names = sorted(right)
    near = difflib.get_close_matches(wrong, names, n=1, cutoff=0.5)
    listed = f"here: {', '.join(names) or 'nothing'}"
    return f"did you mean '{near[0]}'? Known {listed}" if near else f"known {listed}"
