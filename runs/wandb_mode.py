"""Weights & Biases stays offline unless the user is logged in."""

from __future__ import annotations

import netrc
import os
from pathlib import Path

_HOST = "api.wandb.ai"


def set_wandb_mode() -> str:
    """Set `WANDB_MODE` unless the user did, so that nothing ever waits for a login prompt.

    Returns:
        'online' if a key is found in the environment or in ~/.netrc, else 'offline'.
    """
    if "WANDB_MODE" not in os.environ:
        os.environ["WANDB_MODE"] = "online" if _has_key() else "offline"
    return os.environ["WANDB_MODE"]


def _has_key() -> bool:
    if os.environ.get("WANDB_API_KEY"):
        return True
    file = Path(os.environ.get("NETRC", "~/.netrc")).expanduser()
    try:
        return netrc.netrc(str(file)).authenticators(_HOST) is not None
    except (FileNotFoundError, netrc.NetrcParseError):
        return False
