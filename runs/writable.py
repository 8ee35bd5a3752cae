"""Whether results can be written where the command line says, asked before the work."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile


def require_writable(folder: Path, setting: str, what: str) -> None:
    """Stop unless files can be written to a folder, which is made if need be.

    Args:
        folder: the folder.
        setting: how the user named it, such as 'out=model.onnx'.
        what: what would be written, for the message.

    Raises:
        ValueError: saying why they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ValueError(
            f"{setting}: {what} cannot be written there ({error.strerror}); name another folder"
        ) from error
