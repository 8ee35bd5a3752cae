"""Lines of libraries that say nothing to the user of a run."""

from __future__ import annotations

import logging
import warnings

# Patterns of warnings that are about Lightning itself, or about what is so on purpose.
_WARNINGS = (
    r".*exists and is not empty",  # the run folder: config and data check are written first
    r".*isinstance\(treespec, LeafSpec\)",  # Lightning's own use of torch
    # Every process logs the same figure, computed once and broadcast; a mean of them would round.
    r".*`self\.log\('(val|test)/.*sync_dist=True",
    r".*your dataloader is not resumable",  # `TrainingBatches` is
    r".*`srun` command is available on your system but is not used",  # here nothing asks for it
    r".*does not have many workers",  # num_workers is the user's choice, 0 suits small machines
)


def drop_library_noise() -> None:
    """Silence advertisements, doubled lines and warnings that nobody can act on."""
    # Lightning brings a handler of its own; Hydra's prints every line already.
    logging.getLogger("lightning").handlers.clear()
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(
        lambda record: "Tip:" not in record.getMessage()
    )
    for pattern in _WARNINGS:
        warnings.filterwarnings("ignore", pattern)
