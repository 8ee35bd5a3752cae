"""Errors of the command line, printed so that they say what to mend."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    InstantiationException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from runs.nearest import did_you_mean

log = logging.getLogger(__name__)

# What the doors of this project raise for bad input; anything else is a fault of ours and keeps
# its traceback.
_INPUT_ERRORS = (ValueError, FileNotFoundError, IsADirectoryError, PermissionError)


@contextmanager
def explained_errors() -> Iterator[None]:
    """End the process with exit code 1 and a message instead of a traceback for wrong input.

    The full traceback goes to the log file of the run; `HYDRA_FULL_ERROR=1` shows it instead.
    """
    wants_traceback = "HYDRA_FULL_ERROR" in os.environ
    # Without it Hydra prints its own shortened message and exits before we see the error.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    except (HydraException, OmegaConfBaseException, *_INPUT_ERRORS) as error:
        if wants_traceback:
            raise
        message = explain(error)
        if message is None:
            raise
        _log_traceback(error)
        sys.exit(f"error: {message}")


def explain(error: BaseException) -> str | None:
    """What a user should read about an error, or None where only the traceback helps."""
    if isinstance(error, MissingConfigException):
        return _explain_missing_choice(error)
    if isinstance(error, OverrideParseException):
        hint = " (write $HOME for ~: no shell replaces it here)" if "=~" in error.override else ""
        return f"{error.override}: cannot be read as key=value{hint}: {error.message}"
    if isinstance(error, MissingMandatoryValue):
        return f"{error.full_key}= is needed; add it to the command line"
    if isinstance(error, ConfigCompositionException):
        cause = error.__cause__
        return _explain_key(cause) if isinstance(cause, OmegaConfBaseException) else str(error)
    if isinstance(error, InstantiationException):
        # Hydra wraps what a constructor raised; the door's own message is the useful one.
        cause = error.__cause__
        return str(cause) if isinstance(cause, _INPUT_ERRORS) else None
    return str(error)


def _explain_missing_choice(error: MissingConfigException) -> str:
    group, _, choice = (error.missing_cfg_file or "").rpartition("/")
    if not group or not error.options:
        return str(error)
    return f"{group}={choice}: there is no such choice; {did_you_mean(choice, error.options)}"


def _explain_key(cause: OmegaConfBaseException) -> str:
    parent = getattr(cause, "parent_node", None)
    keys = [str(key) for key in parent] if parent is not None else []
    return (
        f"{cause.full_key}: there is no such key; "
        f"{did_you_mean(str(cause.key), keys)}. To add a new key write +{cause.full_key}=…"
    )


def _log_traceback(error: BaseException) -> None:
    """Keep the traceback in the run's log file without repeating it on the console."""
    record = log.makeRecord(
        log.name,
        logging.ERROR,
        __file__,
        0,
        "stopped",
        (),
        (type(error), error, error.__traceback__),
    )
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.FileHandler):
            handler.handle(record)
