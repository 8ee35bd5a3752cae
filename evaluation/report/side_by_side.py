"""What is said of several runs beside the scores of each: differences, cost, robustness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.bootstrap import Difference
from evaluation.per_video import ComparedVideo
from evaluation.report.parallel_coordinates import ParallelCoordinates
from evaluation.robustness import Robustness
from evaluation.robustness_comparison import ComparedCondition, compare_conditions


@dataclass(frozen=True, slots=True)
class Standing:
    """One run among several.

    Attributes:
        name: of the run.
        difference: to the reference; None for the reference itself.
        frames_per_second: of the detector without loading; None where it was not measured.
        peak_memory: bytes; likewise.
        robustness: under distortion; None where the pictures were shown as stored alone.
        parameters: their number.
        flops: floating-point operations a frame; None where they were not counted.
    """

    name: str
    difference: Difference | None
    frames_per_second: float | None
    peak_memory: int | None
    robustness: Robustness | None
    parameters: int
    flops: int | None


@dataclass(frozen=True, slots=True)
class SideBySide:
    """Runs that were judged on the same pictures.

    Attributes:
        reference: the name of the run that the others are compared with.
        standings: of all runs, the reference among them.
        videos: AP on single videos, one column for each of `standings`; may be empty.
        settings: what the jobs of a sweep had set and what came of it.
    """

    reference: str
    standings: Sequence[Standing]
    videos: Sequence[ComparedVideo] = ()
    settings: ParallelCoordinates | None = None

    @property
    def sampled(self) -> Difference | None:
        """Some difference, for what all have in common; None where there is a single run."""
        return next((s.difference for s in self.standings if s.difference), None)

    @property
    def distorted(self) -> list[str]:
        """The names of the runs with scores under distortion."""
        return [standing.name for standing in self.standings if standing.robustness]

    @property
    def conditions(self) -> list[ComparedCondition]:
        """AP under distortion, one column for each of `distorted`."""
        return compare_conditions({s.name: s.robustness for s in self.standings if s.robustness})
