"""A resumed run stays in its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, open_dict, read_write
from typing_extensions import override

from runs.resuming import AUTO
from runs.run_folder import CONFIG_FILE


class ResumeFolder(Callback):
    """Makes the folder of `resume=<folder>` Hydra's output folder, and keeps its `.hydra/`.

    A folder that is none of a training is left to the message of `resumed_config`.
    """

    @override
    def on_run_start(self, config: DictConfig, **kwargs: Any) -> None:
        resume = config.get("resume")
        if resume is None or resume == AUTO:
            return
        folder = Path(str(resume)).expanduser().resolve()
        if (folder / CONFIG_FILE).is_file():
            with read_write(config), open_dict(config):
                config.hydra.run.dir = str(folder)
                config.hydra.output_subdir = None
