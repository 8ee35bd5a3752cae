"""From detections in the pictures of solar videos to figures about events."""

from __future__ import annotations

from evaluation.columns import ResultColumns, Truth, TruthColumns
from evaluation.event_linking import link_events
from evaluation.event_matching import CATALOGUE_TOLERANCE
from evaluation.event_truth import read_observations, read_true_events
from evaluation.events import WANTED_RECALL, EventEvaluation, evaluate_events
from evaluation.linking import Linking
from evaluation.sky import read_sky
from evaluation.tracks import read_tracks


def evaluate_sky_events(
    truth: Truth,
    columns: TruthColumns,
    detections: ResultColumns,
    linking: Linking,
    complete: bool,
    threshold: float | None = None,
    wanted_recall: float = WANTED_RECALL,
    tolerance: float = CATALOGUE_TOLERANCE,
) -> EventEvaluation | None:
    """Link detections into events on the sky and judge them.

    Args:
        truth: COCO-VID instances dict of one class; `read_observations` and `read_true_events` say
            which fields they read.
        columns: made of it.
        detections: joined to `columns`.
        linking: the rules. Its least score of a detection bounds the recall that any threshold of
            events can reach.
        complete: see `evaluate_events`, as all that follows.
        threshold: of events.
        wanted_recall: of events.
        tolerance: seconds.

    Returns:
        None where no picture is a frame of a video that lies on the sky.

    Raises:
        ValueError: if the truth's fields for videos and the sky are not what they should be.
    """
    tracks, sky = read_tracks(truth, columns), read_sky(truth)
    if tracks is None or sky is None:
        return None
    observations = read_observations(truth, tracks, sky)
    boxes = sky.boxes(detections.boxes, detections.image)
    return evaluate_events(
        read_true_events(truth, columns, tracks, observations, sky),
        link_events(observations, detections.image, boxes, detections.scores, linking),
        observations,
        complete=complete,
        threshold=threshold,
        wanted_recall=wanted_recall,
        tolerance=tolerance,
    )
