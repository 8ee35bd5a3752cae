"""How well events were found: in which place, from when to when, how soon, with what alarms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from evaluation.events.curve import EventCurve, choose_event_threshold, event_curve
from evaluation.events.found_events import FoundEvent
from evaluation.events.matching import CATALOGUE_TOLERANCE, Criteria, EventMatches, match_events
from evaluation.events.observations import Observations
from evaluation.events.scores import EventScores, score_events
from evaluation.events.true_events import TrueEvent

WANTED_RECALL = 0.9
ALLOWED_RATE = 1.0  # false alarms an hour
RECALLS = (0.5, 0.7, 0.9)


@dataclass(frozen=True, slots=True, eq=False)
class EventEvaluation:
    """All that is said of found events.

    Attributes:
        threshold: least score of an event.
        chosen_here: the threshold was chosen on these very events, which flatters.
        complete: the truth knows every event, so what matches none is a false alarm for certain.
        tolerance: seconds by which the ends of true events may be off.
        scores: with that tolerance.
        exact: with the ends of the truth taken as they are.
        curve: of all thresholds, with the tolerance.
        matches: at the threshold, with the tolerance.
        observations: what was looked at.
    """

    threshold: float
    chosen_here: bool
    complete: bool
    tolerance: float
    scores: EventScores
    exact: EventScores
    curve: EventCurve
    matches: EventMatches
    observations: Observations

    def scalars(self) -> dict[str, float]:
        """The numbers worth logging, nan where undefined.

        Keys: `event_recall`, `event_precision` and so on; `event_recall_exact` and the like without
        the tolerance; `event_far_50`, `_70`, `_90`, false alarms an hour at that recall.
        """
        names = (
            *("recall", "precision", "f1", "tiou", "iou", "onset_error", "localisation_error"),
            *("false_alarms_per_hour", "false_alarms_per_hour_field", "latency", "fragmentation"),
        )
        values = {f"event_{name}": float(getattr(self.scores, name)) for name in names}
        for name in ("recall", "precision", "f1", "tiou"):
            values[f"event_{name}_exact"] = float(getattr(self.exact, name))
        for recall in RECALLS:
            values[f"event_far_{100 * recall:.0f}"] = self.curve.rate_at(recall)
        return values | {"event_threshold": self.threshold}

    def to_json(self) -> dict[str, Any]:
        """All figures as plain types, with nan."""
        return {
            "threshold": self.threshold,
            "threshold_chosen_here": self.chosen_here,
            "truth_complete": self.complete,
            "tolerance": self.tolerance,
            "observed_hours": float(self.observations.hours.sum()),
            "scores": asdict(self.scores),
            "exact": asdict(self.exact),
            "false_alarms_per_hour_at_recall": {
                f"{recall:g}": self.curve.rate_at(recall) for recall in RECALLS
            },
        }


def evaluate_events(
    truth: Sequence[TrueEvent],
    found: Sequence[FoundEvent],
    observations: Observations,
    complete: bool,
    threshold: float | None = None,
    wanted_recall: float = WANTED_RECALL,
    allowed_rate: float = ALLOWED_RATE,
    tolerance: float = CATALOGUE_TOLERANCE,
) -> EventEvaluation:
    """Judge found events.

    Args:
        truth: of the videos of `observations`.
        found: of the same videos, of any score: the curve needs the weak ones too.
        observations: what was looked at.
        complete: the truth knows every event in these videos, as only drawn data do.
        threshold: least score of an event, chosen on validation data; None chooses it here.
        wanted_recall: for which it is chosen then, see `choose_event_threshold`.
        allowed_rate: likewise, false alarms an hour.
        tolerance: seconds by which the ends of true events may be off; 0 where they are known.

    Raises:
        ValueError: if an event's video was not observed.
    """
    _require_observed([*truth, *found], observations)
    criteria = Criteria(tolerance)
    curve = event_curve(truth, found, criteria, float(observations.hours.sum()))
    least = threshold
    if least is None:
        least = choose_event_threshold(curve, wanted_recall, allowed_rate)
    kept = [event for event in found if event.score >= least]
    matches = match_events(truth, kept, criteria)
    strict = match_events(truth, kept, Criteria(tolerance=0.0))
    return EventEvaluation(
        threshold=least,
        chosen_here=threshold is None,
        complete=complete,
        tolerance=tolerance,
        scores=score_events(matches, observations, tolerance, least),
        exact=score_events(strict, observations, 0.0, least),
        curve=curve,
        matches=matches,
        observations=observations,
    )


def _require_observed(events: Sequence[TrueEvent | FoundEvent], observations: Observations) -> None:
    for event in events:
        if not 0 <= event.video < len(observations.names):
            raise ValueError(
                f"event {event.event} of video {event.video}: {len(observations.names)} videos "
                "were observed, with the numbers from 0 on"
            )
