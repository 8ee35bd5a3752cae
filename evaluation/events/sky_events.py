"""From detections in the pictures of solar videos to figures about events."""

from __future__ import annotations

from collections.abc import Mapping

from evaluation.columns import ResultColumns, Truth, TruthColumns
from evaluation.events.evaluation import EventEvaluation, evaluate_events
from evaluation.events.linker import link_events
from evaluation.events.linking import LINKED_SHARE, Linking
from evaluation.events.matching import CATALOGUE_TOLERANCE
from evaluation.events.sky import read_sky
from evaluation.events.truth import read_observations, read_true_events
from evaluation.tracks import read_tracks


def evaluate_sky_events(
    truth: Truth,
    columns: TruthColumns,
    detections: ResultColumns,
    thresholds: Mapping[str, float],
    event_threshold: float | None = None,
) -> EventEvaluation | None:
    """Link detections into events on the sky and judge them.

    Where the `info` of the truth has `exact_events`, it knows all events to their very ends; else
    it may lack some, and their ends are off by up to `CATALOGUE_TOLERANCE`.

    Args:
        truth: COCO-VID instances dict; `read_observations` and `read_true_events` say which fields
            they read.
        columns: made of it.
        detections: joined to `columns`.
        thresholds: class name -> operating point of single frames; detections of `LINKED_SHARE` of
            it are linked, which bounds the recall that any threshold of events can reach.
        event_threshold: least score of an event; see `evaluate_events`.

    Returns:
        None where no picture is a frame of a video that lies on the sky, where objects are not
        followed over frames, or where there are several classes, for events are of one.

    Raises:
        ValueError: if the truth's fields for videos and the sky are not what they should be.
    """
    tracks, sky = read_tracks(truth, columns), read_sky(truth)
    untracked = tracks is not None and columns.counted.any() and not tracks.followed
    if tracks is None or sky is None or untracked or len(columns.class_names) > 1:
        return None
    (least,) = thresholds.values()
    exact = bool(truth.get("info", {}).get("exact_events"))
    observations = read_observations(truth, tracks, sky)
    boxes = sky.boxes(detections.boxes, detections.image)
    linking = Linking(least, LINKED_SHARE)
    return evaluate_events(
        read_true_events(truth, columns, tracks, observations, sky),
        link_events(observations, detections.image, boxes, detections.scores, linking),
        observations,
        complete=exact,
        threshold=event_threshold,
        tolerance=0.0 if exact else CATALOGUE_TOLERANCE,
    )
