"""Torchvision's checkpoints: names, class rows, equal detections, and what is refused."""

from __future__ import annotations

from pathlib import Path
from urllib.error import URLError

import pytest
import torch
from torchvision.models import vgg16
from torchvision.models.detection import ssd300_vgg16

from detectors.pretrained_weights import coco_slots
from detectors.ssd300.module import SSD300
from detectors.ssd300.network import SSD300Network
from detectors.ssd300.timm_trunk import TimmTrunk
from detectors.ssd300.torchvision_weights import (
    load_detector_weights,
    load_vgg_weights,
    our_key,
    rename,
)
from detectors.ssd300.vgg import VGG16Trunk
from structures import Batch, Target


@pytest.fixture(scope="module")
def theirs() -> torch.nn.Module:
    torch.manual_seed(0)
    return ssd300_vgg16(weights=None, weights_backbone=None).eval()


@pytest.fixture(scope="module")
def checkpoint(theirs: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "ssd300.pth"
    torch.save(theirs.state_dict(), path)
    return path


def test_names_are_a_bijection_over_71_tensors(theirs: torch.nn.Module) -> None:
    keys = list(theirs.state_dict())
    with torch.device("meta"):
        ours = SSD300Network(90, VGG16Trunk()).state_dict()
    renamed = rename(theirs.state_dict())
    assert len(keys) == len(renamed) == 71
    assert {k: t.shape for k, t in renamed.items()} == {k: t.shape for k, t in ours.items()}


def test_slots_are_91_different_names() -> None:
    slots = coco_slots()
    assert len(slots) == len(set(slots)) == 91
    assert (slots[0], slots[1], slots[12], slots[90]) == (
        "__background__", "person", "unused 12", "toothbrush"
    )  # fmt: skip


def test_class_rows_are_picked_by_name(theirs: torch.nn.Module, checkpoint: Path) -> None:
    torch.manual_seed(1)
    network = SSD300Network(3, VGG16Trunk())
    before = [conf.weight.detach().clone() for conf in network.conf]
    taken = load_detector_weights(network, str(checkpoint), ["window", "dog", "person"])
    assert taken == ["dog", "person"]
    for level, conf in enumerate(network.conf):
        source = theirs.head.classification_head.module_list[level].weight.unflatten(0, (-1, 91))
        rows = conf.weight.unflatten(0, (-1, 4))
        assert torch.equal(rows[:, 0], source[:, 0])
        assert torch.equal(rows[:, 2], source[:, 18])
        assert torch.equal(rows[:, 3], source[:, 1])
        assert torch.equal(rows[:, 1], before[level].unflatten(0, (-1, 4))[:, 1])
    assert torch.equal(network.loc[2].weight, theirs.head.regression_head.module_list[2].weight)
    assert torch.equal(network.trunk.l2norm.scale, theirs.backbone.scale_weight)


def assert_same_detections(ours: tuple, theirs: tuple) -> None:
    """Each detection has exactly one partner: same label, score within 1e-4, box within .01 px."""
    boxes, scores, labels = ours
    other_boxes, other_scores, other_labels = theirs
    assert len(scores) == len(other_scores)
    free = torch.ones(len(other_scores), dtype=torch.bool)
    for box, score, label in zip(boxes, scores, labels, strict=True):
        same = free & (other_labels == label) & ((other_scores - score).abs() < 1e-4)
        same &= (other_boxes - box).abs().amax(1) < 1e-2
        assert same.any(), (label, score, box)
        free[same.nonzero()[0]] = False


@pytest.mark.slow
def test_imported_weights_detect_the_same_as_torchvision(
    theirs: torch.nn.Module, checkpoint: Path
) -> None:
    generator = torch.Generator().manual_seed(3)
    frames = [
        torch.randint(0, 256, (3, *size), dtype=torch.uint8, generator=generator)
        for size in [(300, 300), (375, 500), (200, 120)]
    ]
    detector = SSD300(coco_slots()[1:], weights=str(checkpoint), score_threshold=0.01).eval()
    targets = [
        [Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), image_id)]
        for image_id in range(3)
    ]
    with torch.no_grad():
        predictions = detector.predict(Batch([frame[None] for frame in frames], targets))
        expected = theirs([frame / 255 for frame in frames])
    assert [p.image_id for p in predictions] == [0, 1, 2]
    for ours, other in zip(predictions, expected, strict=True):
        assert len(ours.scores) > 0
        assert_same_detections(
            (ours.boxes, ours.scores, ours.labels),
            (other["boxes"], other["scores"], other["labels"]),
        )


@pytest.mark.slow
def test_golden_detections(
    golden: dict, golden_network: SSD300Network, golden_frames: list
) -> None:
    detector = SSD300(coco_slots()[1:]).eval()
    detector.network = golden_network
    empty = Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), 0)
    batch = Batch([frame[None] for frame in golden_frames], [[empty]] * 3)
    with torch.no_grad():
        predictions = detector.predict(batch)
    for ours, expected in zip(predictions, golden["detections"], strict=True):
        assert_same_detections(
            (ours.boxes, ours.scores, ours.labels),
            (expected["boxes"], expected["scores"], expected["labels"]),
        )


def test_vgg_features_are_taken_over(tmp_path: Path) -> None:
    torch.manual_seed(2)
    classifier = {f"features.{k}": t for k, t in vgg16().features.state_dict().items()}
    path = tmp_path / "vgg16.pth"
    torch.save({**classifier, "classifier.0.weight": torch.zeros(1)}, path)
    trunk = VGG16Trunk()
    dense = trunk.layers[31].weight.detach().clone()
    load_vgg_weights(trunk, str(path))
    for key, tensor in classifier.items():
        assert torch.equal(trunk.state_dict()[key.replace("features", "layers")], tensor)
    assert torch.equal(trunk.layers[31].weight, dense)


def test_another_network_is_refused_with_its_first_difference(
    theirs: torch.nn.Module, tmp_path: Path
) -> None:
    network = SSD300Network(3, VGG16Trunk())
    path = tmp_path / "weights.pth"
    torch.save({"backbone.stem.weight": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match=r"holds another network.*'backbone\.stem\.weight'"):
        load_detector_weights(network, str(path), ["a", "b", "c"])
    state = theirs.state_dict()
    key = "head.classification_head.module_list.0.weight"
    torch.save({**state, key: state[key][:16]}, path)
    with pytest.raises(ValueError, match=r"'conf\.0\.weight': expected \(364, .*got \(16,"):
        load_detector_weights(network, str(path), ["a", "b", "c"])
    torch.save({k: t for k, t in state.items() if "scale_weight" not in k}, path)
    with pytest.raises(ValueError, match=r"'trunk\.l2norm\.scale': expected \(512,\), got nothing"):
        load_detector_weights(network, str(path), ["a", "b", "c"])


class Stranger:
    """An object that only full unpickling would load."""


def test_files_that_are_not_weights_are_refused(tmp_path: Path) -> None:
    network = SSD300Network(1, VGG16Trunk())
    path = tmp_path / "weights.pth"
    torch.save(Stranger(), path)
    with pytest.raises(ValueError, match=r"weights\.pth: holds a pickled .*Stranger"):
        load_detector_weights(network, str(path), ["a"])
    path.write_bytes(b"\x00nothing")
    with pytest.raises(ValueError, match=r"weights\.pth: damaged"):
        load_detector_weights(network, str(path), ["a"])
    with pytest.raises(FileNotFoundError, match="neither a file nor an enum name"):
        load_detector_weights(network, str(tmp_path / "absent.pth"), ["a"])
    with pytest.raises(ValueError, match=r"torchvision has no SSD300_VGG16_Weights\.COCO_V9"):
        load_detector_weights(network, "SSD300_VGG16_Weights.COCO_V9", ["a"])


def test_weights_of_vgg_do_not_fit_another_trunk() -> None:
    network = SSD300Network(1, TimmTrunk("lcnet_050"))
    with pytest.raises(ValueError, match="for another trunk give trunk_weights"):
        load_detector_weights(network, "SSD300_VGG16_Weights.COCO_V1", ["a"])


def test_offline_says_which_file_to_put_where(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def offline(*args: object, **kwargs: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr("detectors.weights_server.urlopen", offline)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"Fetch .*\.pth on another machine") as caught:
        load_vgg_weights(VGG16Trunk(), "imagenet")
    assert str(tmp_path) in str(caught.value)
    assert "give the path of the file" in str(caught.value)


def test_unknown_tensor_names_are_refused() -> None:
    with pytest.raises(ValueError, match="has no tensor 'head'"):
        our_key("head")
