"""AP under distortion of several runs, line by line beside each other."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evaluation.robustness import SCORES, Robustness, measure_robustness


@dataclass(frozen=True, slots=True)
class ComparedCondition:
    """A line of the table.

    Attributes:
        name: of a condition, of a kind with its severities, or 'mPC'.
        aps: AP of each run in 0..1, nan where it was not measured.
        best: the highest of them, nan without any.
    """

    name: str
    aps: list[float]
    best: float


def robustness_from_json(written: Mapping[str, Any]) -> Robustness:
    """The scores that `Robustness.to_json` wrote.

    Args:
        written: the part 'robustness' of a metrics.json.

    Raises:
        ValueError: if it has no condition 'clean', or a name is no condition.
        KeyError: if a score is missing.
    """
    conditions = written["conditions"]
    scalars = {
        name: {key: math.nan if scores[key] is None else float(scores[key]) for key in SCORES}
        for name, scores in conditions.items()
    }
    bits = {name: scores["bits_per_pixel"] for name, scores in conditions.items()}
    return measure_robustness(scalars, bits)


def compare_conditions(runs: Mapping[str, Robustness]) -> list[ComparedCondition]:
    """Clean, the JPEG ladder, the mean of every kind, and mPC.

    Args:
        runs: run name -> its scores. What a run was not tested on is nan.
    """
    tables = [{row.name: row.map for row in robustness.rows()} for robustness in runs.values()]
    lines = []
    for name in dict.fromkeys(name for table in tables for name in table):
        aps = [table.get(name, math.nan) for table in tables]
        best = max((ap for ap in aps if not math.isnan(ap)), default=math.nan)
        lines.append(ComparedCondition(name, aps, best))
    return lines
