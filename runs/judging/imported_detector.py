"""A detector with published weights instead of a training of its own."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from runs.config.model_building import instantiate_model

if TYPE_CHECKING:
    from detectors.base import Detector

log = logging.getLogger(__name__)


def require_weights(node: DictConfig) -> None:
    """Raise `ValueError` where a `model` node, which no training follows, has no weights."""
    if node.get("weights") is None:
        raise ValueError(
            "model.weights= is needed with model=: without them its weights are random, and so "
            "would be its figures; give an enum name or a file, or run= for a training"
        )


def imported_detector(node: DictConfig, facts: Mapping[str, Any]) -> Detector:
    """A detector with published weights, in eval mode.

    Raises:
        ValueError: if its node names no weights, or these have no rows for the data's classes.
    """
    require_weights(node)
    detector: Detector = instantiate_model(node, facts)
    known = detector.imported_classes
    names = facts["class_names"]
    unknown = [name for name in names if known is not None and name not in known]
    if len(unknown) == len(names):
        raise ValueError(
            f"model.weights={node.weights}: no row of their classifiers serves for the data's "
            f"classes, {', '.join(unknown[:10])}; train on the data first, or give data with "
            "classes of the weights"
        )
    if unknown:
        log.warning("The weights do not know %s: their AP is that of chance", ", ".join(unknown))
    return detector.eval()
