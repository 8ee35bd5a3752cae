"""The best run of a sweep as a file of the group `experiment`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from runs.sweep.end import command_line
from structures.atomic_file import write_atomically

_CONF = Path(__file__).resolve().parents[2] / "conf"
# Groups that say where and how a run is done, not what it is.
_NOT_OURS = {"experiment", "sweep"}
# Keys of this sweep alone.
_DROPPED = ("callbacks.trial", "paths", "resume")


def write_best_experiment(sweep: Path, job: Path, why: str) -> Path:
    """Write `<sweep>/experiment/best.yaml`, which trains what the best job did.

    Args:
        sweep: the folder of the multirun.
        job: the folder of its best job.
        why: it is the best, for a comment.

    Returns:
        The file.
    """
    words = command_line(job)
    choices = OmegaConf.load(job / ".hydra" / "hydra.yaml").hydra.runtime.choices
    file = sweep / "experiment" / "best.yaml"
    text = experiment_text(words, OmegaConf.to_container(choices), why, sweep)  # type: ignore[arg-type]
    write_atomically(file, text.encode())
    return file


def experiment_text(words: Sequence[str], choices: dict[str, Any], why: str, sweep: Path) -> str:
    """The file as text.

    Args:
        words: of the job's command line.
        choices: group -> what was chosen for it in the end.
        why: for a comment.
        sweep: where it will lie, below `experiment/`.
    """
    parsed = OverridesParser.create().parse_overrides(list(words))
    groups = [o for o in parsed if (_CONF / o.key_or_group).is_dir()]
    values = [o for o in parsed if o not in groups and not o.key_or_group.startswith(_DROPPED)]
    lines = [
        "# @package _global_",
        f"# python train.py experiment=best 'hydra.searchpath=[file://{sweep.resolve()}]'",
        "#",
        f"# {why} Copied to conf/experiment/ it needs no searchpath.",
        *(
            f"# Was set besides: {override.input_line}"
            for override in values
            if override.is_delete()
        ),
        "defaults:",
        *_defaults(groups, choices),
    ]
    settings = OmegaConf.create()
    for override in values:
        if not override.is_delete():
            OmegaConf.update(settings, override.key_or_group, override.value(), force_add=True)
    tail = ["  - _self_", "", OmegaConf.to_yaml(settings).rstrip()] if settings else []
    return "\n".join([*lines, *tail]) + "\n"


def _defaults(groups: Sequence[Override], choices: dict[str, Any]) -> list[str]:
    """Of the experiment that the sweep went from, what it chose itself, and what `sweep=` chose."""
    lines = []
    experiment, model = choices.get("experiment"), choices["model"]
    if experiment is not None:
        lines.append(f"  - {experiment}")
        # `train.yaml` looks it up by the experiment's name, which is another one here.
        by_model = f"by_model/{experiment}/{model}"
        if (_CONF / f"{by_model}.yaml").is_file():
            lines.append(f"  - /{by_model}")
    chosen = {"model": model, "datamodule": choices["datamodule"]}
    for override in groups:
        if override.key_or_group not in _NOT_OURS:
            package = "" if override.package is None else f"@{override.package}"
            chosen[override.key_or_group + package] = override.get_value_element_as_str()
    return [*lines, *(f"  - override /{group}: {choice}" for group, choice in chosen.items())]
