"""Checks of the `_target_` nodes of a config, before anything is built from them.

Hydra's `_target_` may name any callable of the machine. That is the registry of this project when
the user writes the config, and a hole when somebody else did; `check_trusted` closes it for
configs that come with a run folder.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from runs.config.value_types import annotations_of, fits, in_words
from runs.nearest import did_you_mean

_INSTANTIATE_KEYS = {"_target_", "_partial_", "_convert_", "_recursive_", "_args_"}
# Those of this project's packages that have classes a config may name.
_OWN_PACKAGES = frozenset({"callbacks", "datamodules", "detectors", "utility"})
_DISTRIBUTION = "detector-zoo"
_CONF = Path(__file__).resolve().parents[2] / "conf"


def target_nodes(config: Any, key: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All nodes with a `_target_` in a plain (already resolved) config, with their full keys."""
    if isinstance(config, Mapping):
        if "_target_" in config:
            yield key, config
        for name, value in config.items():
            yield from target_nodes(value, f"{key}.{name}" if key else str(name))
    elif isinstance(config, Sequence) and not isinstance(config, str):
        for index, value in enumerate(config):
            yield from target_nodes(value, f"{key}.{index}")


def locate(target: str, key: str) -> Any:
    """The class or function that a `_target_` names.

    Raises:
        ValueError: if there is none; says which part is missing and the nearest right name.
    """
    parts = str(target).split(".")
    for length in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:length])
        try:
            found: Any = import_module(name)
        except ModuleNotFoundError as error:
            if error.name is not None and (name + ".").startswith(error.name + "."):
                continue
            raise  # the module is there, but something it needs is not
        for part in parts[length:]:
            if not hasattr(found, part):
                public = [n for n in dir(found) if not n.startswith("_")]
                raise ValueError(
                    f"{key}._target_: '{target}' does not exist: {name} has no '{part}'; "
                    + did_you_mean(part, public)
                )
            found = getattr(found, part)
        return found
    raise ValueError(
        f"{key}._target_: '{target}' does not exist: no module named '{parts[0]}' is installed"
    )


def check_arguments(config: Any) -> None:
    """Refuse keys and values that the constructor of their `_target_` does not take.

    Args:
        config: a plain (resolved) config.

    Raises:
        ValueError: naming key, class and the nearest right name, or the type that is wanted.
    """
    for node_key, node in target_nodes(config):
        target = locate(node["_target_"], node_key)
        _check_names(node_key, node, inspect.signature(target).parameters)
        for name, annotation in annotations_of(target).items():
            if name in node and not fits(node[name], annotation):
                raise ValueError(
                    f"{node_key}.{name}: must be {in_words(annotation)}, got {node[name]!r} "
                    f"({type(node[name]).__name__})"
                )


def _check_names(
    node_key: str, node: Mapping[str, Any], parameters: Mapping[str, inspect.Parameter]
) -> None:
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values()):
        return
    for name in set(node) - _INSTANTIATE_KEYS:
        if name not in parameters:
            raise ValueError(
                f"{node_key}.{name}: {node['_target_']} takes no '{name}'; "
                + did_you_mean(name, set(parameters) - {"self"})
            )


def check_trusted(config: Mapping[str, Any], source: Path) -> None:
    """Refuse a config that somebody else wrote if it names more than it may.

    Allowed are subclasses of the model, datamodule, callback, logger, trainer, optimizer, schedule
    and pruner base classes, and besides them exactly what the installed `conf/` itself names
    (transforms, the functions that draw data). 'model' must be a detector or a predictor of
    utility and 'datamodule' a datamodule.

    Args:
        config: the plain config of a run folder.
        source: the file it was read from, for the message.

    Raises:
        ValueError: naming file, key and target.
    """
    named = _named_in_conf(_CONF)
    for key, node in target_nodes(config):
        target = str(node["_target_"])
        if target in named or _is_known_kind(target, key):
            continue
        raise ValueError(
            f"{source}: {key}._target_ is '{target}', which is no installed detector, datamodule, "
            "callback, logger, trainer, optimizer or schedule class. A run folder may not name "
            "anything else. A package of your own must be installed (pip install -e), PYTHONPATH "
            "is not enough; if you trust another author, name the class in a config of your own"
        )
    _check_main_kinds(config, source)


def _check_main_kinds(config: Mapping[str, Any], source: Path) -> None:
    from lightning.pytorch import LightningDataModule

    from detectors.trained_module import TrainedModule

    for key, kind in {"model": TrainedModule, "datamodule": LightningDataModule}.items():
        target = config.get(key, {}).get("_target_")
        if target is None:
            continue
        found = locate(target, key)
        if not (inspect.isclass(found) and issubclass(found, kind)):
            raise ValueError(
                f"{source}: {key}._target_ is '{target}', which is no subclass of {kind.__name__}"
            )


def _is_known_kind(target: str, key: str) -> bool:
    from lightning.pytorch import Callback, LightningDataModule, Trainer
    from lightning.pytorch.loggers import Logger
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from detectors.trained_module import TrainedModule

    kinds: tuple[type, ...]
    kinds = (TrainedModule, LightningDataModule, Callback, Logger, Trainer, Optimizer, LRScheduler)
    if not _is_installed(target):
        return False
    if target.startswith("optuna."):  # of trials, by `hydra.sweeper.pruner`
        from optuna.pruners import BasePruner

        kinds = (BasePruner,)
    found = locate(target, key)
    return inspect.isclass(found) and issubclass(found, kinds)


def _is_installed(target: str) -> bool:
    """Whether the module of a target belongs to an installed distribution or to this project.

    Importing runs a module's code, so a file that merely lies in the working directory (it may
    have come with the run folder) is not imported to find out what it holds. Run folders are
    unpacked beside our packages too, and `runs.theirs.module` must not pass for a part of `runs`.
    """
    from importlib.metadata import packages_distributions
    from importlib.util import find_spec

    top = target.partition(".")[0]
    if top in _OWN_PACKAGES:
        return True
    owners = packages_distributions().get(top, [])
    if not owners or _DISTRIBUTION in owners:
        return False
    spec = find_spec(top)
    # A package without an `__init__.py` can be continued by any folder of the same name.
    return spec is not None and spec.origin is not None


def _named_in_conf(*folders: Path) -> set[str]:
    named: set[str] = set()
    for folder in folders:
        for file in folder.rglob("*.yaml"):
            content = yaml.safe_load(file.read_text(encoding="utf-8"))
            named.update(str(node["_target_"]) for _, node in target_nodes(content))
    return named
