"""AP under distortion: by condition, by kind and severity, and as mPC and rPC.

Definitions of Michaelis et al., "Benchmarking Robustness in Object Detection" (2019,
arXiv:1907.07484), section 3: P is COCO's AP on clean pictures, mPC the mean over 15 kinds of
corruption of the mean over 5 severities, rPC = mPC / P. Other conditions (the 4 kinds that the
benchmark holds out, the ladder of JPEG qualities) never enter mPC.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from evaluation.conditions import BENCHMARK_KINDS, CLEAN, EXTRA_KINDS, SEVERITIES, Condition

SCORES = ("map", "map_50", "map_75", "map_small", "map_medium", "map_large")


@dataclass(frozen=True, slots=True)
class ConditionScores:
    """What was measured at one condition.

    Attributes:
        condition: its kind and level.
        scores: COCO's `map`, `map_50`, `map_75`, `map_small`, `map_medium`, `map_large`, 0..1.
        bits_per_pixel: mean size of the encoded pictures, nan where they were not encoded.
    """

    condition: Condition
    scores: dict[str, float]
    bits_per_pixel: float


class Row(NamedTuple):
    """A line of a table: scores in 0..1, nan where there is nothing to say.

    Attributes:
        name: of the condition, of a kind with its severities, or 'mPC'.
        map: AP, of a kind the mean over its severities.
        map_50: AP at IoU .5, likewise.
        drop: AP on clean pictures less `map`.
        bits_per_pixel: of the encoded pictures.
    """

    name: str
    map: float
    map_50: float
    drop: float
    bits_per_pixel: float


@dataclass(frozen=True, slots=True)
class Robustness:
    """The scores of one detector at every condition of a test.

    Attributes:
        conditions: in the order of the test, the clean one among them.
    """

    conditions: tuple[ConditionScores, ...]

    @property
    def clean(self) -> ConditionScores:
        """The undistorted pictures: P of the paper."""
        return next(c for c in self.conditions if c.condition.kind == CLEAN)

    @property
    def ladder(self) -> list[ConditionScores]:
        """The JPEG qualities, from the lowest."""
        steps = [c for c in self.conditions if c.condition.kind == "jpeg"]
        return sorted(steps, key=lambda c: c.condition.level)

    def table(self, kinds: Sequence[str], score: str = "map") -> dict[str, dict[int, float]]:
        """Kind -> severity -> score, with the measured kinds and severities only.

        Args:
            kinds: `BENCHMARK_KINDS` or `EXTRA_KINDS`; their order is kept.
            score: one of `SCORES`.
        """
        found: dict[str, dict[int, float]] = {kind: {} for kind in kinds}
        for measured in sorted(self.conditions, key=lambda c: c.condition.level):
            if measured.condition.kind in found:
                found[measured.condition.kind][measured.condition.level] = measured.scores[score]
        return {kind: levels for kind, levels in found.items() if levels}

    def kind_means(self, kinds: Sequence[str], score: str = "map") -> dict[str, float]:
        """Kind -> mean over its measured severities."""
        table = self.table(kinds, score)
        return {kind: _mean(list(levels.values())) for kind, levels in table.items()}

    @property
    def mpc(self) -> float:
        """Mean performance under corruption, nan where no benchmark kind was measured."""
        return _mean(list(self.kind_means(BENCHMARK_KINDS).values()))

    @property
    def rpc(self) -> float:
        """mPC as a share of the clean AP, nan where that is 0 or either is not defined."""
        clean = self.clean.scores["map"]
        return self.mpc / clean if clean > 0 else math.nan

    @property
    def partial(self) -> bool:
        """mPC rests on less than the 15 kinds × 5 severities, so papers' values do not compare."""
        table = self.table(BENCHMARK_KINDS)
        return len(table) < len(BENCHMARK_KINDS) or not all(map(_complete, table.values()))

    @property
    def coverage(self) -> str:
        """Which kinds and severities mPC rests on, in words."""
        table = self.table(BENCHMARK_KINDS)
        levels = {tuple(row) for row in table.values()}
        if not table:
            return "none of the 15 kinds"
        if len(levels) == 1:
            every = f"{len(table)} of {len(BENCHMARK_KINDS)} kinds at {_severities(levels.pop())}"
            return every if len(table) > 3 else f"{every}: {', '.join(table)}"
        settings = sum(map(len, table.values()))
        parts = (f"{kind} {_span(tuple(row))}" for kind, row in table.items())
        whole = len(BENCHMARK_KINDS) * len(SEVERITIES)
        return f"{settings} of {whole} settings: {', '.join(parts)}"

    def scalars(self) -> dict[str, float]:
        """The numbers worth logging, nan where undefined.

        Keys: `mpc`, `rpc` and `mpc/<kind>`. What misses kinds or severities is called
        `mpc_partial`, `rpc_partial`, `mpc_partial/<kind>` instead, so that it is never taken
        for the benchmark's number.
        """
        end = "_partial" if self.partial else ""
        values = {f"mpc{end}": self.mpc, f"rpc{end}": self.rpc}
        kinds = (*BENCHMARK_KINDS, *EXTRA_KINDS)
        table = self.table(kinds)
        for kind, mean in self.kind_means(kinds).items():
            values[f"mpc/{kind}" if _complete(table[kind]) else f"mpc_partial/{kind}"] = mean
        return values

    def rows(self) -> list[Row]:
        """A short table: clean, the JPEG ladder, the mean of every kind, and mPC."""
        listed = [self._row(c) for c in (self.clean, *self.ladder)]
        for kinds in (BENCHMARK_KINDS, EXTRA_KINDS):
            table, ap_50 = self.table(kinds), self.kind_means(kinds, "map_50")
            listed += [
                self._mean_row(f"{kind} {_span(tuple(table[kind]))}", mean, ap_50[kind])
                for kind, mean in self.kind_means(kinds).items()
            ]
        if not math.isnan(self.mpc):
            name = f"mPC (partial: {self.coverage})" if self.partial else "mPC"
            ap_50_means = list(self.kind_means(BENCHMARK_KINDS, "map_50").values())
            listed.append(self._mean_row(name, self.mpc, _mean(ap_50_means)))
        return listed

    def condition_rows(self) -> list[Row]:
        """The long table: one line a condition, in the order of the test."""
        return [self._row(c) for c in self.conditions]

    def to_json(self) -> dict[str, Any]:
        """All of it for `metrics.json`: plain types, None for nan."""
        return {
            "mpc": _or_none(self.mpc),
            "rpc": _or_none(self.rpc),
            "partial": self.partial,
            "coverage": self.coverage,
            "kinds": self._kinds_json(BENCHMARK_KINDS),
            "kinds_not_in_mpc": self._kinds_json(EXTRA_KINDS),
            "conditions": {
                c.condition.name: {
                    **{name: _or_none(value) for name, value in c.scores.items()},
                    "bits_per_pixel": _or_none(c.bits_per_pixel),
                }
                for c in self.conditions
            },
        }

    def _kinds_json(self, kinds: Sequence[str]) -> dict[str, Any]:
        means = self.kind_means(kinds)
        return {
            kind: {
                "mean": _or_none(means[kind]),
                "severities": {str(level): _or_none(ap) for level, ap in row.items()},
            }
            for kind, row in self.table(kinds).items()
        }

    def _row(self, measured: ConditionScores) -> Row:
        ap, ap_50 = measured.scores["map"], measured.scores["map_50"]
        drop = self.clean.scores["map"] - ap
        return Row(measured.condition.name, ap, ap_50, drop, measured.bits_per_pixel)

    def _mean_row(self, name: str, ap: float, ap_50: float) -> Row:
        return Row(name, ap, ap_50, self.clean.scores["map"] - ap, math.nan)


def measure_robustness(
    scalars: Mapping[str, Mapping[str, float]],
    bits_per_pixel: Mapping[str, float | None] | None = None,
) -> Robustness:
    """Collect the scores of a test's conditions.

    Args:
        scalars: condition name -> `Evaluation.scalars()`, in the order of the test.
        bits_per_pixel: condition name -> mean bits per pixel of its pictures, where known.

    Raises:
        ValueError: if 'clean' is missing, or a name is no condition.
    """
    if CLEAN not in scalars:
        raise ValueError(f"robustness is told against the condition '{CLEAN}'; got {list(scalars)}")
    sizes = bits_per_pixel or {}
    measured = []
    for name, values in scalars.items():
        size = sizes.get(name)
        scores = {score: float(values[score]) for score in SCORES}
        bits = math.nan if size is None else float(size)
        measured.append(ConditionScores(Condition.from_name(name), scores, bits))
    return Robustness(tuple(measured))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def _complete(levels: Mapping[int, float]) -> bool:
    return tuple(levels) == SEVERITIES


def _severities(levels: tuple[int, ...]) -> str:
    return f"severity {levels[0]}" if len(levels) == 1 else f"severities {_span(levels)}"


def _span(levels: tuple[int, ...]) -> str:
    """'1-5' for a run without gaps, else '1, 3, 5'."""
    if len(levels) > 2 and levels[-1] - levels[0] == len(levels) - 1:
        return f"{levels[0]}-{levels[-1]}"
    return ", ".join(map(str, levels))


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
