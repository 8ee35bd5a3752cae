"""A run in Weights & Biases that neither keeps a training waiting nor loses its thread."""

from __future__ import annotations

import logging
import os
import secrets
import time
from pathlib import Path
from typing import Any

import wandb
from lightning.pytorch.loggers import WandbLogger
from lightning.pytorch.utilities import rank_zero_only
from typing_extensions import override

from callbacks.wandb_file import history
from structures.atomic_file import write_atomically

log = logging.getLogger(__name__)

ID_FILE = "wandb_id.txt"
FLUSH_S = 0.1  # how often W&B writes to its file, by default every 15 s
WAIT_S = 10.0  # how long a checkpoint waits for that at most


class ResumableWandb(WandbLogger):
    """Lightning's W&B logger with one id for all parts of a run, and with limits on waiting.

    The id stands in `wandb_id.txt` of the run folder. A resumed run writes a part of its own,
    always offline, whose rows go on with the number (`_step`) that the checkpoint had reached, see
    `joined_history`. A server that does not answer in time leaves the run offline, with a warning.

    Args:
        save_dir: the run folder.
        project: of W&B.
        init_timeout: seconds that the server has to answer at the start.
        finish_timeout: seconds for uploading what is left in the end; the rest stays on disk.
        options: further ones of `WandbLogger` and `wandb.init`.
    """

    def __init__(
        self,
        save_dir: str,
        project: str,
        init_timeout: float = 20.0,
        finish_timeout: float = 300.0,
        **options: Any,
    ) -> None:
        settings = wandb.Settings(
            init_timeout=init_timeout,
            finish_timeout=finish_timeout,
            x_transaction_log_flush_interval=FLUSH_S,
        )
        super().__init__(save_dir=save_dir, project=project, settings=settings, **options)
        self._id_file = Path(save_dir) / ID_FILE
        self._position = 0
        self._known_rows = 0
        self._read_bytes = 0
        self._resumed = False

    def position(self) -> int:
        """How many rows are logged; they are on disk then, if W&B writes them in time."""
        if self._experiment is None:
            return self._position
        run: Any = self._experiment
        rows = int(run.step)
        file = Path(run.dir).parent / f"run-{run.id}.wandb"
        deadline = time.monotonic() + WAIT_S
        while not self._has_rows(file, rows):
            if time.monotonic() > deadline:
                log.warning(
                    "W&B has not written row %d to %s within %g s; if this run is killed before it "
                    "does, its history in W&B will have a gap (metrics.csv has none)",
                    rows - 1, run.dir, WAIT_S,
                )  # fmt: skip
                break
            time.sleep(FLUSH_S / 4)
        return rows

    def go_on_from(self, position: int) -> None:
        """Begin a part whose first row has the number `position`."""
        self._position = self._known_rows = position
        self._resumed = True

    @property
    @override
    def experiment(self) -> Any:
        if self._experiment is None and rank_zero_only.rank == 0:  # type: ignore[attr-defined]
            self._wandb_init["id"] = self._id = self._read_or_make_id()
            if self._resumed:
                # A server knows rows after the checkpoint, and would refuse them a second time.
                self._wandb_init["mode"] = "offline"
            run = self._start()
            if self._position:
                run.log({}, step=self._position, commit=False)
        return super().experiment

    def _start(self) -> Any:
        try:
            return super().experiment
        except wandb.errors.CommError as error:
            log.warning(
                "W&B: %s. This run is logged offline; upload it later: "
                "python -m callbacks.wandb_sync %s", str(error).splitlines()[0], self.save_dir,
            )  # fmt: skip
            wandb.teardown()  # or the id would be in use
            self._wandb_init["mode"] = "offline"
            return super().experiment

    def _read_or_make_id(self) -> str:
        if self._id_file.is_file() and self._resumed:
            return self._id_file.read_text(encoding="utf-8").strip()
        # An agent of a W&B sweep names the run that it starts.
        made = self._id or os.environ.get("WANDB_RUN_ID") or secrets.token_hex(4)
        write_atomically(self._id_file, made.encode())
        return made

    def _has_rows(self, file: Path, count: int) -> bool:
        """Whether the first `count` rows are in a file; what was read before is passed over."""
        if self._known_rows < count and file.is_file():
            size = file.stat().st_size
            found = [row["_step"] for row in history(file, self._read_bytes)]
            if found and found[-1] + 1 >= count:
                self._known_rows, self._read_bytes = count, size
        return self._known_rows >= count
