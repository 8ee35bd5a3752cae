"""The house keeps its shape: imports point down, one concept a file, no cupboards for anything."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

_FLOOR_1 = {"detectors", "datamodules", "evaluation"}
_BELOW_RUNS = {"structures", "solar", "callbacks", "prepare", "utility", *_FLOOR_1}

# Each room and the rooms that it may import from, besides itself.
ALLOWED: dict[str, set[str]] = {
    "structures": set(),
    "detectors": {"structures"},
    "datamodules": {"structures"},
    "evaluation": {"structures"},
    "solar": {"structures"},
    "prepare": {"structures", "solar"},
    "callbacks": {"structures", *_FLOOR_1},
    "utility": {"structures", *_FLOOR_1},
    "runs": _BELOW_RUNS,
    "train": {"runs", *_BELOW_RUNS},
    "evaluate": {"runs", *_BELOW_RUNS},
    "predict": {"runs", *_BELOW_RUNS},
    "detectors.export": {"runs", *_BELOW_RUNS},
    "utility.build": {"runs", *_BELOW_RUNS},
    # Where Hydra looks for plugins.
    "hydra_plugins": {"runs", *_BELOW_RUNS},
    "conf": set(),
}
# Entry points that lie in a package, beside what they are about: a floor of their own.
INNER_ENTRY_POINTS = {
    "detectors/export.py": "detectors.export",
    "utility/build.py": "utility.build",
}
FREE = {"tests", "benchmarks", "examples"}
CONFIG_LIBRARIES = {"hydra", "omegaconf"}
CONFIG_ROOMS = {
    "hydra_plugins",
    "runs",
    "train",
    "evaluate",
    "predict",
    "detectors.export",
    "utility.build",
}
CUPBOARDS = {"utils", "util", "common", "helpers", "helper", "misc"}
LONGEST = 350
CODE = {".py", ".yaml", ".jinja", ".css", ".js"}
NOT_OURS = {"outputs", "multirun", "data", "wandb", "build", "dist"}


def project_files() -> dict[str, str]:
    """Path from the root -> text, of every file of ours that can break a rule."""
    tops = [p for p in ROOT.iterdir() if not p.name.startswith(".") and p.name not in NOT_OURS]
    paths = [path for top in tops for path in ([top] if top.is_file() else top.rglob("*"))]
    files = {p for p in paths if p.suffix in CODE and ".egg-info" not in str(p)}
    return {p.relative_to(ROOT).as_posix(): p.read_text("utf-8") for p in sorted(files)}


def room_of(path: str) -> str:
    return INNER_ENTRY_POINTS.get(path, path.split("/")[0].removesuffix(".py"))


def imported_modules(source: str) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import, also within functions; '.' for a relative one."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." if node.level else str(node.module)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            function = node.func
            name = function.attr if isinstance(function, ast.Attribute) else ""
            name = function.id if isinstance(function, ast.Name) else name
            if name in ("import_module", "__import__"):
                yield node.lineno, str(node.args[0].value)


def import_faults(path: str, source: str) -> Iterator[str]:
    room = room_of(path)
    if room in FREE:
        return
    if room not in ALLOWED:
        yield f"{path}: no floor is known for {room!r}; give it one in tests/test_layers.py"
        return
    for line, module in imported_modules(source):
        top = module.split(".")[0]
        if module == ".":
            yield f"{path}:{line}: relative import; write the whole name"
        elif module in INNER_ENTRY_POINTS.values():
            yield f"{path}:{line}: {room} may not import {module}, an entry point"
        elif (top in ALLOWED or top in FREE) and top not in {room, *ALLOWED[room]}:
            yield f"{path}:{line}: {room} may not import {module}"
        elif top in CONFIG_LIBRARIES and room not in CONFIG_ROOMS:
            yield f"{path}:{line}: {module} belongs to {sorted(CONFIG_ROOMS)} only"


def file_faults(path: str, text: str) -> Iterator[str]:
    lines = len(text.splitlines())
    if lines > LONGEST:
        yield f"{path}: {lines} lines, {LONGEST} at most; split it by concept"
    cupboards = CUPBOARDS & {part.split(".")[0] for part in path.split("/")}
    if cupboards:
        yield f"{path}: {sorted(cupboards)} says nothing of what is in it; name the concept"


def faults(files: dict[str, str]) -> list[str]:
    """Everything in `files` that breaks a rule of the house."""
    found = [fault for path, text in files.items() for fault in file_faults(path, text)]
    sources = {path: text for path, text in files.items() if path.endswith(".py")}
    found += [fault for path, text in sources.items() for fault in import_faults(path, text)]
    augmenting = [
        path
        for path, text in sources.items()
        if room_of(path) != "tests"
        and any(module.split(".")[0] == "albumentations" for _, module in imported_modules(text))
    ]
    if len(augmenting) > 1:
        found.append(f"albumentations is imported by {augmenting}; one file may, to replace it")
    return found


def test_the_house_is_in_order() -> None:
    assert faults(project_files()) == []


def test_albumentations_is_imported_by_one_file() -> None:
    files = {path: text for path, text in project_files().items() if room_of(path) != "tests"}
    importing = [
        path
        for path, text in files.items()
        if path.endswith(".py")
        and any(name.split(".")[0] == "albumentations" for _, name in imported_modules(text))
    ]
    assert len(importing) == 1, importing


def test_installed_packages_are_those_of_the_tree() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    sources = [Path(path) for path in project_files() if path.endswith(".py")]
    inner = [path for path in sources if path.parts[0] not in FREE]
    folders = {".".join(path.parent.parts) for path in inner if len(path.parts) > 1}
    assert sorted(settings["packages"]) == sorted(folders)
    assert sorted(settings["py-modules"]) == sorted(p.stem for p in inner if len(p.parts) == 1)
    unmarked = [f for f in folders if not (ROOT / f.replace(".", "/") / "__init__.py").is_file()]
    assert unmarked == []


PLANTED = {
    "up": ("detectors/x.py", "from callbacks.evaluation import E", "may not import callbacks"),
    "sideways": ("detectors/x.py", "import datamodules.facades", "may not import datamodules"),
    "floor 0 up": ("structures/x.py", "from detectors import base", "may not import detectors"),
    "a leaf": ("prepare/x.py", "from evaluation.coco import f", "may not import evaluation"),
    "an entry point": ("runs/x.py", "import train", "runs may not import train"),
    "between entry points": ("train.py", "import evaluate", "train may not import evaluate"),
    "an entry point in a package": (
        "detectors/x.py",
        "from detectors.export import export",
        "detectors may not import detectors.export, an entry point",
    ),
    "beside an entry point": ("detectors/onnx_export.py", "import runs", "may not import runs"),
    "tests": ("evaluation/x.py", "from tests.conftest import R", "may not import tests"),
    "in a function": (
        "detectors/x.py",
        "def f():\n    if True:\n        import callbacks",
        "detectors/x.py:3: detectors may not import callbacks",
    ),
    "by name": (
        "datamodules/x.py",
        "import importlib\nimportlib.import_module('detectors.base')",
        "datamodules/x.py:2: datamodules may not import detectors.base",
    ),
    "relative": ("detectors/ssd300/x.py", "from .priors import P", "relative import"),
    "hydra": ("detectors/x.py", "from hydra.utils import get_class", "hydra.utils belongs to"),
    "omegaconf": ("callbacks/x.py", "import omegaconf", "omegaconf belongs to"),
    "an unknown room": ("attic/x.py", "", "no floor is known for 'attic'"),
    "a cupboard": ("detectors/utils.py", "", "says nothing of what is in it"),
    "a cupboard folder": ("evaluation/helpers/x.py", "", "says nothing of what is in it"),
    "a long file": ("detectors/x.py", "x = 1\n" * 351, "351 lines, 350 at most"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found(name: str) -> None:
    path, text, message = PLANTED[name]
    (fault,) = faults({path: text})
    assert message in fault


def test_a_second_importer_of_albumentations_is_found() -> None:
    source = "import albumentations as A"
    (fault,) = faults({"datamodules/a.py": source, "datamodules/b.py": source})
    assert fault.startswith(
        "albumentations is imported by ['datamodules/a.py', 'datamodules/b.py']"
    )


def test_arrows_down_are_no_fault() -> None:
    source = "from structures import Batch\nfrom detectors.base import Detector\nimport torch"
    assert faults({"callbacks/x.py": source, "detectors/x.py": source, "train.py": source}) == []
