"""What was learned from is not judged: parents of the training and validation splits."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from utility.label_set import LabelSet

log = logging.getLogger(__name__)


def require_unlearned(trained_on: Sequence[str], judged: Sequence[LabelSet]) -> None:
    """Raise `ValueError` if a test parent was learned from.

    Args:
        trained_on: folders of label sets; one that is not there any more is told in the log.
        judged: label sets whose test split is judged.
    """
    for folder in dict.fromkeys(trained_on):
        if not (Path(folder) / "meta.json").is_file():
            log.warning("%s is not there: what was learned from in it cannot be told", folder)
            continue
        learned = LabelSet.open(folder, pictures=False)
        for label_set in judged:
            require_apart(learned, label_set)


def require_apart(learned: LabelSet, judged: LabelSet) -> None:
    """Raise `ValueError` if a parent that was learned from would be judged.

    Parents are told by their files, for two sets may number them alike.
    """
    own = np.isin(learned.images["split"], ("train", "val"))
    both = sorted(
        set(learned.images["file"][own].tolist())
        & set(judged.images["file"][judged.rows("test")].tolist())
    )
    digests = [each.meta["data"].get("digest") for each in (learned, judged)]
    same = digests[0] is not None and digests[0] == digests[1]  # wherever they lie now
    if both and (same or learned.root.resolve() == judged.root.resolve()):
        raise ValueError(
            f"{judged.folder}: {len(both)} of its test pictures, such as {both[0]}, were learned "
            f"from in {learned.folder}; build both sets with the same split"
        )
