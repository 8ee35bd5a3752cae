"""A detector from its config node."""

from __future__ import annotations

from omegaconf import DictConfig

from detectors.base import Detector
from structures import ClassList


def instantiate_detector(node: DictConfig, classes: ClassList) -> Detector:
    """The detector of a `model` node for the classes of a data set.

    They are the one fact that crosses from the data to the model.
    """
    from hydra.utils import instantiate

    return instantiate(
        node,
        class_names=list(classes.names),
        category_ids=list(classes.category_ids),
        _convert_="all",
    )
