"""Weights & Biases stays offline unless the user is logged in, and waits for nobody."""

from __future__ import annotations

import logging
import netrc
import os
import re
import socket
from pathlib import Path

log = logging.getLogger(__name__)

_HOST = "api.wandb.ai"
_SERVICE = "WANDB_SERVICE"
_ANSWER_S = 5.0


def set_wandb_mode() -> str:
    """Set `WANDB_MODE` unless the user did, so that nothing ever waits for a login prompt.

    A process of W&B that the environment names but that does not answer is forgotten, or W&B would
    end the training.

    Returns:
        'online' if a key is found in the environment or in ~/.netrc, else 'offline'.
    """
    _forget_lost_service()
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


def _forget_lost_service() -> None:
    """Let W&B start a process of its own where it would look for that of another machine.

    sbatch hands on the environment of a process that logs to W&B to jobs on other machines.
    """
    token = os.environ.get(_SERVICE, "")
    named = re.fullmatch(r"\d+-\d+-(?:unix-(?P<path>.+)|tcp-localhost-(?P<port>\d+))", token)
    if named is None:
        return
    family = socket.AF_UNIX if named["path"] else socket.AF_INET
    with socket.socket(family) as service:
        service.settimeout(_ANSWER_S)
        try:
            service.connect(named["path"] or ("localhost", int(named["port"])))
        except OSError as error:
            log.info("%s=%s does not answer (%s) and is forgotten", _SERVICE, token, error)
            del os.environ[_SERVICE]
