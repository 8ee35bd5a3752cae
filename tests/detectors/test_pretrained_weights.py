"""Rows of classes, class names that collide, and files that are no weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from detectors.pretrained_weights import (
    differences,
    pick_class_rows,
    read_weights,
    require_fit,
)


def test_rows_of_a_class_are_replaced_for_every_anchor_and_box_edge() -> None:
    # 2 anchors x 3 classes x 4 edges of ours, 5 classes of theirs; values say where they belong.
    ours = -torch.arange(2 * 3 * 4.0).view(-1, 1)
    theirs = torch.arange(2 * 5 * 4.0).view(-1, 1)
    picked = pick_class_rows(theirs, ours, {0: 0, 2: 4}, 5, 3, per_class=4)
    assert picked.shape == ours.shape
    by_class = picked.view(2, 3, 4)
    assert torch.equal(by_class[:, 0], theirs.view(2, 5, 4)[:, 0])
    assert torch.equal(by_class[:, 1], ours.view(2, 3, 4)[:, 1])
    assert torch.equal(by_class[:, 2], theirs.view(2, 5, 4)[:, 4])
    assert ours.min() < 0, "our layer itself is not written to"


def test_at_most_five_differences_are_listed() -> None:
    state = {"extra": torch.zeros(2), "a": torch.zeros(3)}
    found = differences(state, {"a": (3,), **{f"b{i}": (1,) for i in range(9)}})
    assert list(found) == [*(f"b{i}" for i in range(9)), "extra"]
    with pytest.raises(ValueError, match="10 tensors differ") as caught:
        require_fit(found, "file.pth", "a network", "Take another")
    lines = str(caught.value).splitlines()
    assert lines[1] == "  'b0': expected (1,), got nothing"
    assert len(lines) == 1 + 5 + 1
    assert lines[-1] == "Take another"
    require_fit({}, "file.pth", "a network")


def test_wrapped_state_dicts_are_read_and_other_content_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"model": {"a": torch.ones(1)}, "epoch": 3}, path)
    assert torch.equal(read_weights(str(path), "X")["a"], torch.ones(1))
    torch.save({"a": torch.ones(1), "epoch": 3}, path)
    with pytest.raises(ValueError, match=r"weights\.pth does not hold a state dict"):
        read_weights(str(path), "X")
    torch.save({"state_dict": {}, "hyper_parameters": {}}, path)
    with pytest.raises(ValueError, match="a checkpoint of a training here, give it as warm_start"):
        read_weights(str(path), "X")
    with pytest.raises(FileNotFoundError, match=r"neither a file nor an enum name.* X"):
        read_weights(str(tmp_path / "absent.pth"), "X")
    with pytest.raises(ValueError, match=r"torchvision has no Cat_Weights\.V1"):
        read_weights("Cat_Weights.V1", "X")
