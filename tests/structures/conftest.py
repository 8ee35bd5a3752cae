"""Hypothesis draws the same examples on each run and does not time them."""

from __future__ import annotations

from hypothesis import settings

# The first example pays for the import of torch's kernels; a deadline would fail at random.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")
