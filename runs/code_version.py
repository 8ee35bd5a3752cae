"""Which code a run was trained with, to tell a resumed one that it has changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from structures.atomic_file import write_atomically

CODE_FILE = "code.json"
_ROOT = Path(__file__).resolve().parent.parent
# What a training computes with; scripts around it do not count.
_ROOMS = ("structures", "datamodules", "detectors", "evaluation", "callbacks", "utility")
_PACKAGES = ("torch", "torchvision", "lightning", "timm", "albumentations", "numpy")


def code_version() -> dict[str, dict[str, str]]:
    """Versions of the libraries, and the sha256 of every file of ours that a training runs."""
    files = sorted(file for room in _ROOMS for file in (_ROOT / room).rglob("*.py"))
    return {
        "versions": {name: version(name) for name in _PACKAGES},
        "files": {
            file.relative_to(_ROOT).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in files
        },
    }


def write_code_version(folder: Path) -> None:
    """Write `code.json` to a run folder."""
    write_atomically(folder / CODE_FILE, json.dumps(code_version(), indent=1).encode())


def code_differences(folder: Path) -> list[str]:
    """What differs between the code of a run and this one, a line each; none without `code.json`.

    Raises:
        ValueError: if the file is malformed.
    """
    file = folder / CODE_FILE
    if not file.is_file():
        return []
    try:
        then = json.loads(file.read_text(encoding="utf-8"))
        versions, files = dict(then["versions"]), dict(then["files"])
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file}: malformed ({error}); delete it to go on without it") from error
    now = code_version()
    lines = [
        f"{name}: {_shown(versions.get(name))} -> {_shown(now['versions'].get(name))}"
        for name in _changed(versions, now["versions"])
    ]
    changed = _changed(files, now["files"])
    if changed:
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        lines.append(f"code: {', '.join(changed[:5])}{more}")
    return lines


def _changed(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return sorted(name for name in {*then, *now} if then.get(name) != now.get(name))


def _shown(value: Any) -> str:
    return "absent" if value is None else str(value)
