"""Lightning's counters as they stand between two steps, where it saves none itself.

Lightning can go on from the end of a batch, but saves there before that batch is logged. These
functions take the counters of a batch or an epoch that is about to begin, when all before it is
done and logged, back to what Lightning would have saved at the end of the one before.
"""

from __future__ import annotations

from typing import Any


def end_of_batch_before(loops: dict[str, Any]) -> None:
    """Change the saved loops of `on_train_batch_start`, not of an epoch's first batch.

    Args:
        loops: `checkpoint["loops"]`; changed in place.
    """
    fit = loops["fit_loop"]
    batches = fit["epoch_loop.batch_progress"]
    for count in (batches["total"], batches["current"]):
        count["ready"] -= 1  # the batch that is about to begin
        count["completed"] -= 1  # Lightning adds it when it goes on
    batches["is_last_batch"] = False  # it was said of the batch that is about to begin
    fit["epoch_loop.state_dict"]["_batches_that_stepped"] -= 1  # it adds this one, too


def end_of_epoch_before(loops: dict[str, Any]) -> None:
    """Change the saved loops of `on_train_epoch_start`: the epoch has not begun.

    Args:
        loops: `checkpoint["loops"]`; changed in place.
    """
    for count in loops["fit_loop"]["epoch_progress"].values():
        count["ready"] -= 1
