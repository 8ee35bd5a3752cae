"""Checkpoints are read without running anything, and every fault is named."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from detectors.base import Detector
from detectors.checkpoint import (
    checkpoint_classes,
    code_digest,
    load_weights_only,
    read_checkpoint,
    require_same_classes,
    restore,
    weights_digest,
)
from structures import ClassList

CONTENT: dict[str, Any] = {
    "state_dict": {"network.weight": torch.arange(3.0)},
    "hyper_parameters": {"class_names": ["window", "door"], "category_ids": [4, 9]},
}


class RunsCode:
    """What a malicious checkpoint is made of: unpickling it calls a function."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return (os.mkdir, (str(self.marker),))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "best.ckpt"
    torch.save(CONTENT, path)
    return path


def test_a_detectors_checkpoint_is_read_with_its_classes(saved: Path) -> None:
    checkpoint = read_checkpoint(saved)
    assert torch.equal(checkpoint["state_dict"]["network.weight"], torch.arange(3.0))
    assert checkpoint_classes(checkpoint) == ClassList(("window", "door"), (4, 9))


def test_category_ids_are_counted_where_absent() -> None:
    hyper_parameters = {"class_names": ["a", "b"], "category_ids": None}
    classes = checkpoint_classes({"hyper_parameters": hyper_parameters})
    assert classes.category_ids == (1, 2)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone\.ckpt: no such checkpoint"):
        read_checkpoint(tmp_path / "gone.ckpt")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.95])
def test_a_truncated_file_is_named(saved: Path, share: float) -> None:
    data = saved.read_bytes()
    saved.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ValueError, match=r"best\.ckpt: damaged, cut off or no checkpoint"):
        read_checkpoint(saved)


@pytest.mark.parametrize("end", [5000, 100])
def test_a_large_file_cut_early_is_named_though_the_system_complains(saved: Path, end: int) -> None:
    torch.save(CONTENT | {"more": torch.zeros(100_000)}, saved)
    saved.write_bytes(saved.read_bytes()[:end])
    with pytest.raises(ValueError, match=r"best\.ckpt: damaged, cut off or no checkpoint"):
        read_checkpoint(saved)


@pytest.mark.parametrize("data", [b"hello world", b"\x80\x04junk", b"{}", b"PK\x03\x04", b"\n"])
def test_a_file_of_another_kind_is_named(saved: Path, data: bytes) -> None:
    saved.write_bytes(data)
    with pytest.raises(ValueError, match=r"best\.ckpt: damaged, cut off or no checkpoint"):
        read_checkpoint(saved)


def test_a_pickled_checkpoint_is_refused_with_the_mend(saved: Path) -> None:
    torch.save(CONTENT | {"args": argparse.Namespace(lr=1)}, saved)
    with pytest.raises(ValueError, match=r"best\.ckpt: holds a pickled argparse\.Namespace") as bad:
        read_checkpoint(saved)
    assert "save its tensors alone: torch.save(" in str(bad.value)


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_checkpoint_does_not_run(saved: Path, tmp_path: Path, zipped: bool) -> None:
    marker = tmp_path / "ran"
    torch.save(CONTENT | {"x": RunsCode(marker)}, saved, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ValueError, match="Loading it could run code, so it is refused"):
        load_weights_only(saved)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("content", "lacking"),
    [
        ({"network.weight": torch.ones(1)}, "state_dict, hyper_parameters"),
        ([torch.ones(1)], "state_dict, hyper_parameters"),
        ({"state_dict": {}, "hyper_parameters": {"lr": 1}}, "hyper_parameters.class_names"),
    ],
)
def test_weights_of_something_else_are_told_apart(saved: Path, content: Any, lacking: str) -> None:
    torch.save(content, saved)
    with pytest.raises(ValueError, match=f"no checkpoint of a detector, it lacks {lacking};"):
        read_checkpoint(saved)


def test_restoring_takes_weights_operating_point_and_length(make_toy: Any, saved: Path) -> None:
    donor, module = make_toy(), make_toy()
    donor.operating_point = {"a": 0.25}
    with torch.no_grad():
        donor.network.head.weight.fill_(7.0)
    content = {
        "state_dict": donor.state_dict(),
        "hyper_parameters": {"class_names": ["a", "b"]},
        "epoch": 4,
        "global_step": 50,
        "current_model_state": module.state_dict(),  # an averaging callback's other weights
    }
    donor.on_save_checkpoint(content)
    torch.save(content, saved)
    restore(module, saved)
    assert bool((module.network.head.weight == 7.0).all())
    assert module.operating_point == {"a": 0.25}
    assert module.trained == {"epochs": 5, "steps": 50}


def test_equal_names_pass_whatever_the_category_ids() -> None:
    require_same_classes(
        Path("a.ckpt"), ClassList(("a", "b"), (1, 2)), ClassList(("a", "b"), (5, 9))
    )


def test_other_classes_are_shown_side_by_side() -> None:
    found, expected = ClassList.numbered(["window", "door"]), ClassList.numbered(["door", "shop"])
    with pytest.raises(ValueError, match="trained for other classes than the data has") as error:
        require_same_classes(Path("runs/best.ckpt"), found, expected)
    message = str(error.value)
    assert message.startswith("runs/best.ckpt: ")
    assert "checkpoint (2): ['window', 'door']" in message
    assert "data (2): ['door', 'shop']" in message
    assert "only in the checkpoint: ['window'], only in the data: ['shop']" in message


def test_another_order_is_an_error() -> None:
    found, expected = ClassList.numbered("ab"), ClassList.numbered("ba")
    with pytest.raises(ValueError, match="the same names in another order"):
        require_same_classes(Path("best.ckpt"), found, expected)


class Scale(Detector):
    def __init__(self, class_names: list[str], share: float = 0.5) -> None:
        super().__init__(class_names)
        self.network = torch.nn.Linear(2, 2)
        torch.nn.init.constant_(self.network.weight, 1.0)
        torch.nn.init.constant_(self.network.bias, 0.0)


def test_a_digest_of_weights_tells_detectors_apart() -> None:
    digests = {weights_digest(Scale(["door"])), weights_digest(Scale(["door"], share=0.4))}
    changed = Scale(["door"])
    changed.network.bias.data[1] += 1e-7
    digests.add(weights_digest(changed))
    assert len(digests) == 3
    assert weights_digest(Scale(["door"])) in digests
    assert weights_digest(Scale(["door"]).to(torch.bfloat16)) not in digests


def test_a_digest_of_code_is_of_all_files_of_the_detectors_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = []
    for name, code in {"first": "WIDTH = 1", "equal": "WIDTH = 1", "changed": "WIDTH = 2"}.items():
        parts = tmp_path / f"{name}_detector" / "parts"
        parts.mkdir(parents=True)
        (parts.parent / "__init__.py").touch()
        (parts / "head.py").write_text(code)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(Scale, "__module__", f"{name}_detector.module")
        digests.append(code_digest(Scale(["door"])))
    assert digests[0] == digests[1] != digests[2]
