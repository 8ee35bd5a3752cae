"""Distorted pictures: JPEG at any quality and the corruptions of COCO-C, seeded and bit-stable."""

from datamodules.distortions.distortion import (
    CORRUPTIONS,
    ENGINE_VERSION,
    EXTRA_CORRUPTIONS,
    SEVERITIES,
    Distortion,
    distort,
    distortions_of,
)
from datamodules.distortions.jpeg import TRAIN_LADDER, UNSEEN_LADDER, encode_jpeg

__all__ = [
    "CORRUPTIONS",
    "ENGINE_VERSION",
    "EXTRA_CORRUPTIONS",
    "SEVERITIES",
    "TRAIN_LADDER",
    "UNSEEN_LADDER",
    "Distortion",
    "distort",
    "distortions_of",
    "encode_jpeg",
]
