"""What can go wrong between here and JSOC, by what helps against it."""

from __future__ import annotations


class UnreachableError(ConnectionError):
    """No answer, or one that is not JSOC's: later attempts may succeed."""


class RefusedError(ValueError):
    """JSOC does not carry out this request.

    Args:
        message: What JSOC says.
        again: Whether the same request may succeed later.

    Attributes:
        again: As given.
    """

    def __init__(self, message: str, again: bool) -> None:
        super().__init__(message)
        self.again = again


class LostError(ValueError):
    """JSOC no longer has, or never had, the files of a request: it must be made again."""


class StoppedError(ConnectionError):
    """Going on now would not help or would annoy JSOC; the same command goes on later."""


class DiskError(OSError):
    """The disk takes no more; what is there is whole."""
