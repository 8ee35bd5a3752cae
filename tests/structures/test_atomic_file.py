import subprocess
import sys
from pathlib import Path

import pytest

from structures.atomic_file import write_atomically

ROOT = Path(__file__).resolve().parents[2]


def test_a_file_is_replaced_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "a.json"
    write_atomically(file, b"old")
    write_atomically(file, b"new")
    assert file.read_bytes() == b"new"
    assert list(file.parent.iterdir()) == [file]


def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.json"
    write_atomically(file, b"old")

    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        write_atomically(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_preparations_write_files_without_torch() -> None:
    code = "import sys, prepare.coco_writer; raise SystemExit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_the_room_still_gives_its_types() -> None:
    import structures

    assert all(getattr(structures, name).__name__ == name for name in structures.__all__)
    assert not hasattr(structures, "Box")
