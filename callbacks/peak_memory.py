"""How much memory a test takes at its height."""

from __future__ import annotations

import re
from pathlib import Path

import torch

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class PeakMemory:
    """The height of memory since this was made.

    Of a CUDA device what torch has allocated there, else the resident memory of this process,
    loader processes not counted. On Linux, 5 in `clear_refs` resets the peak of the resident set
    (proc_pid_clear_refs(5)); without it the height of a training would be told of its test.

    Args:
        device: that computes.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._known = True
        try:
            if device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(device)
            else:
                _CLEAR.write_text("5", encoding="ascii")
        except OSError:
            self._known = False

    def read(self) -> int | None:
        """Bytes; None on systems that do not say."""
        if self._device.type == "cuda":
            return torch.cuda.max_memory_allocated(self._device)
        status = _STATUS.read_text(encoding="utf-8") if self._known else ""
        found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
        return None if found is None else 1024 * int(found[1])
