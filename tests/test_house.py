"""What is tracked can be shown to anyone and set up anywhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
COMPROMISED = ("2.6.2", "2.6.3")  # of lightning: published with a credential stealer in them
LOCK_FILES = {"uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "conda-lock.yml", "pylock.toml"}
# In pieces, so that this file does not hold what it looks for.
_HOSTS = (
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "download.pytorch" + ".org",
    "conda" + ".anaconda",
)
_MACHINE = ("/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "/Us" + "ers/", "/tm" + "p/bash")
FORBIDDEN = re.compile("|".join(re.escape(piece) for piece in (*_HOSTS, *_MACHINE)))


def tracked_files() -> list[Path]:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("no git checkout: the tracked files are not known")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def requirements() -> list[Requirement]:
    extras = project()["optional-dependencies"].values()
    lists = [project()["dependencies"], *extras]
    return [Requirement(line) for lines in lists for line in lines]


def constraints() -> dict[str, Requirement]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonical(requirement.name): requirement for requirement in found}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_no_tracked_file_names_a_registry_or_a_machine() -> None:
    found = []
    for path in tracked_files():
        text = path.read_bytes().decode("utf-8", errors="ignore")
        found += [f"{path.relative_to(ROOT)}: {hit}" for hit in FORBIDDEN.findall(text)]
    assert found == []


@pytest.mark.parametrize("piece", [*_HOSTS, *_MACHINE])
def test_a_planted_address_is_found(piece: str) -> None:
    assert FORBIDDEN.search(f"see https://{piece}/simple")


def test_no_lock_file_and_no_weights_are_tracked() -> None:
    tracked = tracked_files()
    assert [path.name for path in tracked if path.name in LOCK_FILES] == []
    heavy = {".ckpt", ".pt", ".pth", ".onnx", ".safetensors", ".pyc"}
    assert [path.name for path in tracked if path.suffix in heavy] == []
    assert [path.name for path in tracked if path.stat().st_size > 2_000_000] == []


def test_constraints_hold_one_exact_version_each_and_no_address() -> None:
    for name, requirement in constraints().items():
        assert requirement.url is None, name
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", name
        assert "*" not in specifier.version, name


def test_constraints_fit_what_the_project_asks_for() -> None:
    held = constraints()
    extras = project()["optional-dependencies"]
    for line in [*project()["dependencies"], *extras["dev"]]:
        asked = Requirement(line)
        (specifier,) = held[canonical(asked.name)].specifier
        assert asked.specifier.contains(specifier.version, prereleases=True), line


def test_installed_versions_are_those_of_the_constraints() -> None:
    from importlib.metadata import version

    for name in ("torch", "torchvision", "lightning", "albumentations"):
        (specifier,) = constraints()[name].specifier
        assert Version(version(name)).public == specifier.version, f"{name}: call `make setup`"


def test_no_compromised_lightning_can_be_installed() -> None:
    names = ("lightning", "pytorch-lightning")
    specifiers = [r.specifier for r in requirements() if canonical(r.name) in names]
    specifiers += [constraints()[name].specifier for name in names]
    assert len(specifiers) >= 3
    for specifier in specifiers:
        assert not any(specifier.contains(bad) for bad in COMPROMISED), specifier


def test_torch_and_torchvision_are_bounded_on_both_sides() -> None:
    for name in ("torch", "torchvision"):
        (asked,) = [r for r in requirements() if r.name == name]
        assert {specifier.operator for specifier in asked.specifier} == {">=", "<"}


def test_nothing_under_the_agpl_is_asked_for() -> None:
    names = {canonical(r.name) for r in requirements()} | set(constraints())
    assert not names & {"albumentationsx", "ultralytics"}


def test_the_licence_is_the_one_that_is_declared() -> None:
    text = (ROOT / "LICENSE").read_text("utf-8")
    assert project()["license"] == "Apache-2.0"
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.mark.parametrize(
    "target", ["setup", "demo", "story", "test", "lint", "format", "type", "bench", "docs"]
)
def test_make_knows_its_targets(target: str) -> None:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    shown = subprocess.run(
        ["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0, shown.stderr


def test_the_makefile_calls_only_files_that_exist() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    for path in re.findall(r"[\w/]+\.py\b", text):
        assert (ROOT / path).is_file(), path
    for name in re.findall(r"experiment=(\w+)", text):
        assert (ROOT / f"conf/experiment/{name}.yaml").is_file(), name
