"""Checkpoint files that are whole at every moment."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.plugins import TorchCheckpointIO
from typing_extensions import override

from structures.atomic_file import write_atomically


class AtomicCheckpointIO(TorchCheckpointIO):
    """Replaces a checkpoint in one step, so that a run killed meanwhile keeps the one before.

    Lightning's own writes into the machine's temporary folder and moves the file from there, which
    is a copy in many steps where that folder lies on another disk.
    """

    @override
    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        content = BytesIO()
        torch.save(checkpoint, content)
        write_atomically(Path(path), content.getvalue())
