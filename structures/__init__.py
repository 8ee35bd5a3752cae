"""The data that passes between floors: clips, targets, predictions, classes and box geometry."""

from structures.batch import Batch, collate
from structures.classes import ClassList
from structures.prediction import Prediction
from structures.target import Target

__all__ = ["Batch", "ClassList", "Prediction", "Target", "collate"]
