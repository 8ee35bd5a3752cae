"""Which lines of libraries a run keeps to itself."""

from __future__ import annotations

import warnings

import pytest

from runs.library_noise import drop_library_noise

ADVICE = (
    "It is recommended to use `self.log({key!r}, ..., sync_dist=True)` when logging on epoch level "
    "in distributed setting to accumulate the metric across devices."
)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (ADVICE.format(key="val/ap/door"), False),
        (ADVICE.format(key="test/fog_3/map"), False),
        (ADVICE.format(key="train/loss_of_a_plugin"), True),
        ("The number of training batches (3) is smaller than the logging interval", True),
    ],
)
def test_only_advice_that_does_not_apply_is_dropped(message: str, shown: bool) -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        drop_library_noise()
        warnings.warn(message, stacklevel=1)
    assert [str(warning.message) for warning in seen] == [message] * shown
