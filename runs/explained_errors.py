"""Errors of the command line, printed so that they say what to mend."""

from __future__ import annotations

import errno
import logging
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    InstantiationException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import OmegaConf
from omegaconf.errors import (
    InterpolationValidationError,
    MissingMandatoryValue,
    OmegaConfBaseException,
)

from runs.nearest import did_you_mean

log = logging.getLogger(__name__)

# What the doors of this project raise for bad input, and the machine for a full disk or a folder
# that may not be written; anything else is a fault of ours and keeps its traceback.
_INPUT_ERRORS = (ValueError, OSError)
_CONF = Path(__file__).resolve().parent.parent / "conf"
_SWEPT_GROUP = re.compile(r"([\w/@.]+)=(?:choice\()?([\w./-]+(?:,[\w./-]+)+)\)?")


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
    except (HydraException, OmegaConfBaseException, *_input_errors()) as error:  # type: ignore[misc]
        if wants_traceback:
            raise
        message = explain(error, sys.argv[1:])
        if message is None:
            raise
        _log_traceback(error)
        sys.exit(f"error: {message}")


def explain(error: BaseException, words: Sequence[str] = ()) -> str | None:
    """What a user should read about an error, or None where only the traceback helps.

    Args:
        error: what was raised.
        words: of the command line.
    """
    if isinstance(error, MissingConfigException):
        return _explain_missing_choice(error)
    if isinstance(error, OverrideParseException):
        hint = " (write $HOME for ~: no shell replaces it here)" if "=~" in error.override else ""
        return f"{error.override}: cannot be read as key=value{hint}: {error.message}"
    if isinstance(error, MissingMandatoryValue):
        return f"{error.full_key}= is needed; add it to the command line"
    if isinstance(error, InterpolationValidationError):
        return _explain_taken_value(error)
    if isinstance(error, ConfigCompositionException):
        cause = error.__cause__
        if isinstance(cause, OmegaConfBaseException):
            return _explain_key(cause, words)
        return str(error)
    if isinstance(error, InstantiationException):
        return _explain_instantiation(error)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return (
            f"{error}; free some, or write elsewhere (hydra.run.dir=…, for drawn data paths.data=…)"
        )
    return str(error)


def _input_errors() -> tuple[type[Exception], ...]:
    """Also what Lightning raises for settings of the trainer, once it is imported."""
    module = sys.modules.get("lightning.fabric.utilities.exceptions")
    return _INPUT_ERRORS if module is None else (*_INPUT_ERRORS, module.MisconfigurationException)


def _explain_instantiation(error: InstantiationException) -> str | None:
    """Hydra wraps what a constructor raised; that one's own message and the key are useful."""
    cause = error.__cause__
    if cause is None:  # Hydra's own words on a node that is no config of an object
        return str(error)
    if not isinstance(cause, _input_errors()):
        return None
    key = re.search(r"^full_key: (\S+)$", str(error), re.MULTILINE)
    return str(cause) if key is None or str(cause).startswith(key[1]) else f"{key[1]}: {cause}"


def _explain_taken_value(error: InterpolationValidationError) -> str:
    """A key that takes its value from another key, or a variable, of another type."""
    pattern = r"interpolation '(.+)': Value '(.*)' of type '\w+' could not be converted to (\w+)"
    found = re.search(pattern, str(error))
    if found is None:
        return str(error)
    source, value, kind = found.groups()
    variable = re.search(r"oc\.env:(\w+)", source)
    name = variable[1] if variable else source.removeprefix("${").removesuffix("}")
    wanted = {"Integer": "a whole number", "Float": "a number"}.get(kind, kind.lower())
    return f"{name}={value}: {error.full_key} is taken from it and must be {wanted}; write one"


def _explain_missing_choice(error: MissingConfigException) -> str:
    group, _, choice = (error.missing_cfg_file or "").rpartition("/")
    # Hydra does not list them where a group takes several.
    options = error.options or [file.stem for file in (_CONF / group).glob("*.yaml")]
    if not group or not options:
        return str(error)
    return f"{group}={choice}: there is no such choice; {did_you_mean(choice, options)}"


def _explain_key(cause: OmegaConfBaseException, words: Sequence[str]) -> str:
    key = str(cause.full_key)
    node, _, name = key.rpartition(".")
    # Hydra first composes a multirun without what it sweeps, and so with the default choices.
    swept = {word: _keys_with(word, node, words) for word in _swept_choices(words)}
    having = [word for word, keys in swept.items() if name in keys]
    groups = {word.partition("=")[0] for word in having}
    lacking = [w for w in swept if w not in having and w.partition("=")[0] in groups]
    if lacking:
        rest = ", ".join(having)
        return f"{key}: there is no such key with {', '.join(lacking)}; sweep over {rest} alone"
    if having:
        return (
            f"{key}: what the sweep chooses has this key, but the default choice has none; write "
            f"++{key}=…, which sets it in every job"
        )
    keys = sorted(set().union(*swept.values()))
    if not keys:
        keys = [str(each) for each in getattr(cause, "parent_node", None) or ()]
    return f"{key}: there is no such key; {did_you_mean(name, keys)}. To add one write +{key}=…"


def _swept_choices(words: Sequence[str]) -> list[str]:
    """The choices of groups between which a multirun goes: model=ssd300 and model=fcos."""
    if not {"-m", "--multirun"} & set(words):
        return []
    found = [_SWEPT_GROUP.fullmatch(word) for word in words]
    return [
        f"{match[1]}={choice}"
        for match in found
        if match and _is_group(match[1])
        for choice in match[2].split(",")
    ]


def _keys_with(choice: str, node: str, words: Sequence[str]) -> list[str]:
    """The keys of a node where this is chosen, and what else the command line chooses for all."""
    single = [word for word in words if "," not in word and _is_group(word.partition("=")[0])]
    searched = [word for word in words if word.startswith("hydra.searchpath=")]
    try:
        with initialize_config_dir(str(_CONF), version_base="1.3"):
            config = compose("train", overrides=[*searched, *single, choice])
    except (HydraException, OmegaConfBaseException):
        return []  # another mistake of this command line, which is told when this one is mended
    found = OmegaConf.select(config, node) if node else config
    return [str(key) for key in found] if OmegaConf.is_dict(found) else []


def _is_group(word: str) -> bool:
    group = word.partition("@")[0]
    return group != "" and (_CONF / group).is_dir()


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
