from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from detectors.transvod_lite.network import TransVODLiteNetwork
from detectors.transvod_lite.reference_names import VID_SLOTS, our_key
from detectors.transvod_lite.reference_weights import load_reference_weights, read_reference

Build = Callable[..., TransVODLiteNetwork]
SIZES_A: dict[str, Any] = {
    "backbone": "swin",
    "backbone_arguments": {
        "embed": 16,
        "depths": [2, 2, 2, 2],
        "heads": [1, 2, 4, 8],
        "drop_path": 0.2,
    },
    "d_model": 64,
    "feedforward": 128,
    "encoder_layers": 2,
    "decoder_layers": 3,
}


@pytest.fixture
def released(golden: dict[str, Any]) -> dict[str, Tensor]:
    """A checkpoint as released: with the second names and the tables that goldens leave out."""
    state = dict(golden["model_A"]["state_dict"])
    for key in list(state):
        if key.startswith("bbox_embed."):
            state[f"transformer.decoder.{key}"] = state[key]
        if key.endswith("relative_position_bias_table"):
            index = key.replace("bias_table", "index")
            state[index] = torch.zeros(49, 49, dtype=torch.int64)
    return state


def test_a_released_file_is_read_with_its_settings_but_no_other_object(
    tmp_path: Path, released: dict[str, Tensor]
) -> None:
    settings = argparse.Namespace(lr=2e-4, backbone="swin_b_p4w7")
    torch.save({"model": released, "epoch": 6, "args": settings}, tmp_path / "good.pth")
    assert read_reference(tmp_path / "good.pth").keys() == released.keys()
    torch.save({"model": released, "args": Path("x")}, tmp_path / "bad.pth")
    with pytest.raises(ValueError, match=r"holds a pickled .*Path"):
        read_reference(tmp_path / "bad.pth")
    torch.save({"optimizer": 3}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="state dict of tensors under 'model'"):
        read_reference(tmp_path / "other.pth")


def test_surplus_tensors_are_left_out_and_named(released: dict[str, Tensor]) -> None:
    network = TransVODLiteNetwork(31, **SIZES_A)
    report = load_reference_weights(network, released)
    assert report.loaded == len(released) - len(report.surplus)
    assert any(key.startswith("transformer.decoder.bbox_embed.0.") for key in report.surplus)
    assert any(key.startswith("temp_class_embed.") for key in report.surplus)
    assert not report.without_place
    assert {key for key in report.new if "relative_position" not in key} == {
        "temporal.time_embedding.project.weight",
        "temporal.time_embedding.project.bias",
    }
    key = "transformer.temporal_query_layer2.norm2.weight"
    ours = network.state_dict()["temporal.rounds.1.query_encoder.self_norm.weight"]
    assert torch.equal(ours, released[key])


def test_single_frame_and_whole_networks_take_each_others_checkpoints(
    released: dict[str, Tensor],
) -> None:
    alone = TransVODLiteNetwork(31, **SIZES_A, keep=())
    report = load_reference_weights(alone, released)
    assert report.without_place
    single = {key: t for key, t in released.items() if "temp" not in key}
    whole = TransVODLiteNetwork(31, **SIZES_A)
    report = load_reference_weights(whole, single, VID_SLOTS)
    assert report.known(VID_SLOTS) == []  # its last heads are new
    assert any(key.startswith("temporal.rounds.0") for key in report.new)
    assert torch.equal(whole.single_frame.level_embedding, alone.single_frame.level_embedding)


def test_rows_of_classes_come_by_name(released: dict[str, Tensor]) -> None:
    names = ["zebra", "jet", "airplane"]
    network = TransVODLiteNetwork(3, **SIZES_A)
    row = "single_frame.decoder.class_heads.2.weight"
    fresh = network.state_dict()[row].clone()
    report = load_reference_weights(network, released, names)
    got = network.state_dict()[row]
    theirs = released["class_embed.2.weight"]
    assert report.missing_classes == ["jet"]
    assert torch.equal(got[0], theirs[VID_SLOTS.index("zebra")])
    assert torch.equal(got[1], fresh[1])
    assert torch.equal(got[2], theirs[VID_SLOTS.index("airplane")])
    assert network.temporal is not None
    last = network.temporal.steps()[-1].class_head.weight[2]
    assert torch.equal(last, released["temp_class_embed_list.2.weight"][1])


def test_slots_must_be_as_many_as_the_rows(released: dict[str, Tensor]) -> None:
    network = TransVODLiteNetwork(1, **SIZES_A)
    with pytest.raises(ValueError, match="31 rows of classes, but 2 slots"):
        load_reference_weights(network, released, ["jet"], ["unused", "jet"])


def test_a_checkpoint_of_another_network_is_refused(released: dict[str, Tensor]) -> None:
    other = TransVODLiteNetwork(31, **(SIZES_A | {"encoder_layers": 3}))
    with pytest.raises(ValueError, match="does not fit this TransVODLiteNetwork"):
        load_reference_weights(other, released)
    network = TransVODLiteNetwork(31, **SIZES_A)
    with pytest.raises(ValueError, match=r"'head\.weight' is no tensor of TransVOD Lite"):
        load_reference_weights(network, {**released, "head.weight": torch.zeros(1)})


def test_golden_names_are_all_known_and_used_once(golden: dict[str, Any]) -> None:
    names = [our_key(key) for key in golden["model_B"]["state_dict"]]
    known = [name for name in names if name is not None]
    assert len(known) == len(set(known)) == len(names) - 8
