"""The account of files that no video shows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from solar.frame_error import FrameError, Reason


class Rejection(NamedTuple):
    """One file that was left out.

    Attributes:
        source: The file.
        reason: Short name, to count by.
        message: What was wrong, expected and got, and the mend.
    """

    source: Path
    reason: Reason
    message: str


@dataclass
class Report:
    """Which files were left out, and why.

    Attributes:
        files: How many were looked at.
        rejected: In the order in which they were found out.
    """

    files: int = 0
    rejected: list[Rejection] = field(default_factory=list)

    def reject(self, error: FrameError) -> None:
        """Note a file that gives no frame."""
        self.rejected.append(Rejection(Path(error.source), error.reason, str(error)))

    def counts(self) -> dict[str, int]:
        """Files left out for each reason, the most frequent first."""
        return dict(Counter(rejection.reason for rejection in self.rejected).most_common())

    def as_json(self) -> dict[str, Any]:
        """Plain values, with the files' names without their folders."""
        return {
            "files": self.files,
            "left_out": self.counts(),
            "rejected": [
                {"file": r.source.name, "reason": r.reason, "message": r.message}
                for r in self.rejected
            ],
        }

    def __str__(self) -> str:
        told = ", ".join(f"{count} {reason}" for reason, count in self.counts().items())
        return f"{len(self.rejected)} of {self.files} files left out" + (told and f": {told}")
