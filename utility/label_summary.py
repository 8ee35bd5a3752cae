"""What a label set holds, for the terminal: is its ladder well chosen, do its detectors agree?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from utility.label_set import LabelSet
from utility.labels import unanimous


def violations(
    y: NDArray[np.int8], quality: NDArray[np.int32], image_id: NDArray[np.int64]
) -> float:
    """The share of steps up the JPEG ladder at which a picture that was useful is useful no more.

    Args:
        y: int8 [R], -1 for no statement.
        quality: [R], -1 where not JPEG; rows of one picture stand together.
        image_id: [R].

    Returns:
        Of the steps on whose both ends there is a statement; NaN without any.
    """
    rows = np.flatnonzero((y >= 0) & (quality > 0))
    rows = rows[np.lexsort((quality[rows], image_id[rows]))]
    step = np.flatnonzero(np.diff(image_id[rows]) == 0)
    before, after = y[rows][step], y[rows][step + 1]
    return float(np.mean(before > after)) if len(step) else float("nan")


def print_summary(labels: LabelSet) -> None:
    """Print the share of useful pictures a condition and detector, and of common labels."""
    y = labels.column("y")
    common = unanimous(y)
    table = Table(title=f"Share of pictures that are still useful ({labels.meta['variant']})")
    table.add_column("condition")
    for name in (*labels.detectors, "all", "all agree"):
        table.add_column(name, justify="right")
    conditions = labels.images["condition"]
    for name in labels.meta["conditions"]:
        rows = conditions == name
        agreed = np.mean(common[rows] >= 0)
        table.add_row(name, *map(_share, (*y[rows].T, common[rows])), f"{agreed:.2f}")
    table.add_section()
    shown = conditions != "clean"
    agreed = np.mean(common[shown] >= 0)
    table.add_row("distorted", *map(_share, (*y[shown].T, common[shown])), f"{agreed:.2f}")
    console = Console(markup=False, emoji=False)
    console.print(table)
    quality, ids = labels.images["quality"], labels.images["image_id"]
    turned = [f"{violations(y[:, d], quality, ids):.1%}" for d in range(y.shape[1])]
    console.print(f"steps to a higher quality that lose utility: {', '.join(turned)}")
    console.print(f"label set: {labels.folder}", soft_wrap=True)


def _share(y: NDArray[np.int8]) -> str:
    stated = y[y >= 0]
    return f"{np.mean(stated):.2f}" if len(stated) else "-"
