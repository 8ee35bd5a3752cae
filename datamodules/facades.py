"""Street fronts with buildings, windows and doors."""

from __future__ import annotations

import logging

from typing_extensions import override

from datamodules.detection_datamodule import DetectionDataModule

logger = logging.getLogger(__name__)

CLASS_NAMES = ("building", "window", "door")


class FacadesDataModule(DetectionDataModule):
    """Facades from any COCO folder, drawn ones where no root is given.

    Says so in the log when the classes are not building, window and door; everything works with
    others as well.
    """

    @override
    def setup(self, stage: str | None = None) -> None:
        super().setup(stage)
        if set(self.classes.names) != set(CLASS_NAMES):
            logger.warning(
                "%s: facades usually have the classes %s, these have %s",
                self.name, ", ".join(CLASS_NAMES), ", ".join(self.classes.names),
            )  # fmt: skip
