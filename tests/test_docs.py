"""What README and docs/ point at exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/**/*.md"))]

_LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)")
_FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
# A path in backticks: with a folder of ours in front, no placeholder or glob in it.
_ROOMS = (
    "structures|detectors|datamodules|evaluation|callbacks|prepare|runs|conf|tests|docs|benchmarks"
    "|examples|train\\.py|evaluate\\.py|predict\\.py"
)
_PATH = re.compile(rf"`((?:{_ROOMS})(?:/[\w.\-]+)*/?)`")


def anchor(heading: str) -> str:
    """The anchor that a heading gets when a page is shown on GitHub."""
    plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+\s+(.+?)\s*#*$", _FENCE.sub("", text), re.MULTILINE)
    return {anchor(heading) for heading in headings}


def faults(page: Path, text: str) -> Iterator[str]:
    """Links and named files of a page that lead nowhere."""
    prose = _FENCE.sub("", text)
    for target in _LINK.findall(prose):
        if re.match(r"[a-z]+:", target):
            continue  # the network is not asked
        file, _, fragment = target.partition("#")
        there = (page.parent / file).resolve() if file else page
        if not there.exists():
            yield f"{page.name}: link to {target} leads nowhere"
        elif fragment and there.suffix == ".md":
            known = anchors(text if there == page else there.read_text("utf-8"))
            if fragment not in known:
                yield f"{page.name}: no heading #{fragment} in {there.name}"
    for named in _PATH.findall(prose):
        if not (ROOT / named).exists():
            yield f"{page.name}: names {named}, which does not exist"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_and_named_files_exist(page: Path) -> None:
    assert list(faults(page, page.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("see [this](docs/gone.md)", "link to docs/gone.md leads nowhere"),
        ("![picture](docs/gone.png)", "link to docs/gone.png leads nowhere"),
        ("see [below](#nowhere)\n# Here", "no heading #nowhere in README.md"),
        ("in `detectors/gone.py`", "names detectors/gone.py, which does not exist"),
    ],
)
def test_a_planted_fault_is_found(text: str, message: str) -> None:
    (fault,) = faults(ROOT / "README.md", text)
    assert message in fault


@pytest.mark.parametrize(
    "text",
    [
        "[licence](LICENSE), [web](https://a.org/x), [here](#two-words-yes)\n## Two words, `yes`",
        "`detectors/base.py`, `conf/`, `detectors/<name>/module.py`, `outputs/run`",
        "```\n[no](link.md) `detectors/gone.py`\n```",
    ],
)
def test_sound_text_has_no_fault(text: str) -> None:
    assert list(faults(ROOT / "README.md", text)) == []
