"""A finished run among those that are compared."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class ComparedRun:
    """What a test left in a folder.

    Attributes:
        name: what tells it from the others.
        folder: where its artefacts lie.
        metrics: its metrics.json.
    """

    name: str
    folder: Path
    metrics: dict[str, Any]

    @classmethod
    def read(cls, name: str, folder: Path) -> ComparedRun:
        """Open the folder of a test.

        Raises:
            OSError: if it holds no metrics.json.
        """
        return cls(name, folder, json.loads((folder / "metrics.json").read_text(encoding="utf-8")))

    def score(self, key: str) -> float:
        """A scalar of the test, -1 where it is not defined, for sorting."""
        value = self.metrics["scalars"][key]
        return -1.0 if value is None else float(value)

    @property
    def val_map(self) -> float:
        """The best `val/map` of its training, nan where there was none."""
        value = self.metrics["best_val_map"]
        return math.nan if value is None else float(value)

    @property
    def frames_per_second(self) -> float | None:
        """Of the detector without loading; None where its detections were read from the cache."""
        milliseconds = self.metrics["milliseconds_per_picture"]
        return 1000 / milliseconds if milliseconds else None

    @property
    def partial(self) -> bool:
        """Kinds or severities are missing in its mean over corruptions."""
        return bool(self.metrics.get("robustness", {}).get("partial"))
