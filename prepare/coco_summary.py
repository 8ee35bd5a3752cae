"""A written COCO data set in figures, for the terminal."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.table import Table

from prepare.coco_writer import ANNOTATIONS, CocoWriter


def print_summary(writer: CocoWriter) -> None:
    """Print pictures, boxes a class, and what was dropped and why."""
    table = Table()
    table.add_column("prepared")
    table.add_column("count", justify="right")
    if writer.videos:
        table.add_row("videos", str(len(writer.videos)))
    table.add_row("pictures", str(len(writer.images)))
    boxes = Counter(entry["category_id"] for entry in writer.annotations)
    for label, name in enumerate(writer.class_names, start=1):
        table.add_row(f"boxes: {name}", str(boxes[label]))
    for reason, count in sorted(writer.dropped.items()):
        table.add_row(f"dropped: {reason}", str(count))
    print(f"Wrote {writer.out / ANNOTATIONS}")
    Console().print(table)
