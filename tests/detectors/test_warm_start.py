"""A warm start takes what fits and accounts for the rest."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from detectors.warm_start import warm_start


@pytest.fixture
def donor(make_toy: Any) -> Any:
    module = make_toy()
    with torch.no_grad():
        for weight in module.parameters():
            weight.fill_(0.5)
    return module


def save(content: Any, tmp_path: Path) -> Path:
    torch.save(content, tmp_path / "donor.ckpt")
    return tmp_path / "donor.ckpt"


def test_all_weights_of_a_checkpoint_are_loaded(make_toy: Any, donor: Any, tmp_path: Path) -> None:
    module = make_toy()
    account = warm_start(module, save({"state_dict": donor.state_dict()}, tmp_path))
    assert all(bool((weight == 0.5).all()) for weight in module.parameters())
    assert f"{len(donor.state_dict())}  loaded" in account
    assert account.count("    0  ") == 3


def test_a_plain_state_dict_of_the_network_fits_too(
    make_toy: Any, donor: Any, tmp_path: Path
) -> None:
    module = make_toy()
    warm_start(module, save(donor.network.state_dict(), tmp_path))
    assert bool((module.network.head.weight == 0.5).all())


def test_other_classes_keep_their_own_head_and_are_accounted_for(
    make_toy: Any, donor: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    state = donor.state_dict()
    state["network.old.weight"] = torch.ones(2)
    del state["network.body.3.bias"]
    module = make_toy(class_names=["a", "b", "c"], category_ids=None)
    head = module.network.head.weight.clone()
    caplog.set_level(logging.INFO)
    account = warm_start(module, save({"state_dict": state}, tmp_path))
    assert torch.equal(module.network.head.weight, head)
    assert bool((module.network.body[0].weight == 0.5).all())
    lines = [line.split("  ")[-1].strip() for line in account.splitlines()]
    assert lines[0].endswith("donor.ckpt")
    assert "network.head.weight: [6, 16, 1, 1] in the file, [7, 16, 1, 1] here" in lines
    assert lines.index("network.body.3.bias") > lines.index("missing in the file, left as it was")
    assert lines.index("network.old.weight") > lines.index("unused of the file")
    assert account in caplog.text


@pytest.mark.parametrize("names", [["b", "a"], ["a", "c"]])
def test_equally_many_other_classes_are_refused_for_their_heads_would_fit(
    make_toy: Any, donor: Any, tmp_path: Path, names: list[str]
) -> None:
    content = {"state_dict": donor.state_dict(), "hyper_parameters": {"class_names": ["a", "b"]}}
    with pytest.raises(ValueError, match=r"donor\.ckpt: trained for other classes"):
        warm_start(make_toy(class_names=names, category_ids=None), save(content, tmp_path))


def test_a_long_list_is_cut(make_toy: Any, donor: Any, tmp_path: Path) -> None:
    state = donor.state_dict() | {f"network.x{i}": torch.ones(1) for i in range(50)}
    assert "and 30 more" in warm_start(make_toy(), save(state, tmp_path))


def test_no_match_at_all_is_an_error_that_changes_nothing(make_toy: Any, tmp_path: Path) -> None:
    module = make_toy()
    before = module.network.head.weight.clone()
    with pytest.raises(ValueError, match=r"donor\.ckpt: no weight fits ToyDetector; take a"):
        warm_start(module, save({"state_dict": {"network.other": torch.ones(3)}}, tmp_path))
    assert torch.equal(module.network.head.weight, before)


@pytest.mark.parametrize("content", [{}, [1, 2], torch.ones(2), {"state_dict": {}}])
def test_a_file_without_weights_is_named(make_toy: Any, tmp_path: Path, content: Any) -> None:
    with pytest.raises(ValueError, match=r"donor\.ckpt: holds no weights"):
        warm_start(make_toy(), save(content, tmp_path))


def test_a_dict_of_other_things_is_named(make_toy: Any, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected tensors by name, but \['epoch'\]"):
        warm_start(make_toy(), save({"epoch": 3}, tmp_path))


def test_a_pickled_checkpoint_is_refused(make_toy: Any, donor: Any, tmp_path: Path) -> None:
    path = save({"state_dict": donor.state_dict(), "args": argparse.Namespace()}, tmp_path)
    with pytest.raises(ValueError, match="Loading it could run code"):
        warm_start(make_toy(), path)


def test_a_missing_file_is_named(make_toy: Any, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such checkpoint file"):
        warm_start(make_toy(), tmp_path / "gone.ckpt")
