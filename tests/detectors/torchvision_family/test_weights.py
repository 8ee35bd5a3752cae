"""Published weights in torchvision's networks: rows by name, equal detections, refusals."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import (
    get_model_builder,
    get_model_weights,
    mobilenet_v3_large,
    resnet50,
)
from torchvision.models._api import WeightsEnum

from detectors.pretrained_weights import coco_slots
from detectors.torchvision_family.module import TorchvisionDetector
from detectors.torchvision_family.recipe import ARCHITECTURES
from detectors.torchvision_family.weights import published_norm
from structures import Batch, Target

MOBILE = "fasterrcnn_mobilenet_v3_large_320_fpn"
SSDLITE = "ssdlite320_mobilenet_v3_large"
SLOT = {name: slot for slot, name in enumerate(coco_slots())}
Save = Callable[..., str]


def theirs(architecture: str, classes: int = 91, **options: Any) -> nn.Module:
    torch.manual_seed(1)
    builder = get_model_builder(architecture)
    network = builder(weights=None, weights_backbone=None, num_classes=classes, **options)
    for layer in network.modules():  # statistics as after a training
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 2)
    for name, parameter in network.named_parameters():  # and opinions
        if "box_predictor" in name or "classification_head.module_list" in name:
            nn.init.normal_(parameter, 0, 0.3 if parameter.ndim > 1 else 1)
    return network.eval()


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def write(state: Mapping[str, Tensor] | nn.Module, name: str = "weights.pth") -> str:
        path = tmp_path / name
        torch.save(state.state_dict() if isinstance(state, nn.Module) else dict(state), path)
        return str(path)

    return write


def detector(architecture: str, names: list[str] | None = None, **options: Any) -> Any:
    torch.manual_seed(2)
    return TorchvisionDetector(names or ["a", "b"], architecture=architecture, **options).eval()


def frames(*sizes: tuple[int, int]) -> Batch:
    generator = torch.Generator().manual_seed(3)
    clips = [
        torch.randint(0, 256, (1, 3, *s), dtype=torch.uint8, generator=generator) for s in sizes
    ]
    empty = torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64)
    return Batch(clips, [[Target(*empty, image_id)] for image_id in range(len(sizes))])


def assert_same_detections(ours: Any, network: nn.Module, batch: Batch) -> None:
    with torch.no_grad():
        predictions = ours.predict(batch)
        for prediction, frame in zip(predictions, batch.frames(), strict=True):
            (expected,) = network([frame / 255])  # alone, so that nothing but 32 px steps is padded
            kept = expected["labels"] > 0
            assert len(prediction.scores) > 0
            assert torch.equal(prediction.labels, expected["labels"][kept])
            torch.testing.assert_close(prediction.scores, expected["scores"][kept])
            torch.testing.assert_close(prediction.boxes, expected["boxes"][kept], atol=1e-3, rtol=0)


def test_a_box_head_keeps_its_rows_by_class_name(save: Save) -> None:
    network = theirs(MOBILE)
    names = ["window", "dog", "person"]
    ours = detector(MOBILE, names, weights=save(network))
    fresh = detector(MOBILE, names)
    own, new, source = (n.roi_heads.box_predictor for n in (ours.network, fresh.network, network))
    for label, name in ((0, "__background__"), (2, "dog"), (3, "person")):
        assert torch.equal(own.cls_score.weight[label], source.cls_score.weight[SLOT[name]])
        edges = source.bbox_pred.weight.view(91, 4, -1)[SLOT[name]]
        assert torch.equal(own.bbox_pred.weight.view(4, 4, -1)[label], edges)
    assert torch.equal(own.cls_score.weight[1], new.cls_score.weight[1])
    assert torch.equal(own.bbox_pred.bias.view(4, 4)[1], new.bbox_pred.bias.view(4, 4)[1])
    assert torch.equal(ours.network.rpn.head.conv[0][0].weight, network.rpn.head.conv[0][0].weight)


def test_a_dense_head_keeps_its_rows_for_every_anchor(save: Save) -> None:
    network = theirs(SSDLITE)
    ours = detector(SSDLITE, ["window", "dog"], weights=save(network))
    for own, source in zip(
        ours.network.head.classification_head.module_list,
        network.head.classification_head.module_list,
        strict=True,
    ):
        rows, wanted = own[1].weight.unflatten(0, (-1, 3)), source[1].weight.unflatten(0, (-1, 91))
        assert torch.equal(rows[:, 0], wanted[:, 0])
        assert torch.equal(rows[:, 2], wanted[:, SLOT["dog"]])
        assert rows.shape[0] == wanted.shape[0] == 6
    assert ours.hparams["weights"] is None
    assert ours.hparams["reduced_tail"] is True


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_takes_over_all_that_is_not_of_other_classes(
    architecture: str, save: Save
) -> None:
    network = theirs(architecture)
    state = network.state_dict()
    own = detector(architecture, ["dog"], weights=save(network)).network.state_dict()
    shared = [key for key in own if own[key].shape == state[key].shape]
    assert all(torch.equal(own[key], state[key]) for key in shared)
    of_classes = {key.rsplit(".", 1)[0] for key in own if key not in shared}
    assert of_classes, "the classifier has fewer rows"
    for layer in of_classes:
        assert any(
            word in layer for word in ("cls_", "bbox_pred", "mask_fcn_logits", "module_list")
        )


@pytest.mark.parametrize("architecture", [MOBILE, SSDLITE])
def test_imported_weights_detect_the_same_as_torchvision(architecture: str, save: Save) -> None:
    # A random detector is full of near ties, so normalisation must round as in `theirs`.
    ours = detector(
        architecture,
        list(coco_slots()[1:]),
        weights=save(theirs(architecture)),
        norm="batch",
        score_threshold=0.05,
    )
    key = "score_thresh" if architecture == SSDLITE else "box_score_thresh"
    network = theirs(architecture, **{key: 0.05})
    assert_same_detections(ours, network, frames((120, 160), (200, 90), (160, 120)))


def test_the_first_coco_weights_are_used_as_torchvision_uses_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    architecture = "fasterrcnn_resnet50_fpn"
    state = theirs(architecture).state_dict()
    monkeypatch.setattr(WeightsEnum, "get_state_dict", lambda *args, **kwargs: state)
    monkeypatch.setattr("detectors.pretrained_weights.require_answer", lambda url: None)
    weights = get_model_weights(architecture)["COCO_V1"]
    sizes = {"min_size": 96, "max_size": 128}
    expected = get_model_builder(architecture)(
        weights=weights, box_score_thresh=0.05, **sizes
    ).eval()
    ours = detector(
        architecture,
        list(coco_slots()[1:]),
        weights=str(weights),
        score_threshold=0.05,
        **sizes,
    )
    assert ours.hparams["norm"] == "frozen_eps_0"
    alias = str(weights).replace("COCO_V1", "DEFAULT")
    assert published_norm(architecture, alias, None) == "frozen_eps_0"
    assert published_norm(architecture, None, "imagenet") == "frozen"
    assert published_norm(architecture, None, None) == "batch"
    assert [repr(m) for m in ours.network.backbone.modules()] == [
        repr(m) for m in expected.backbone.modules()
    ]
    learning = {n for n, p in expected.named_parameters() if p.requires_grad}
    assert {n for n, p in ours.network.named_parameters() if p.requires_grad} == learning
    assert_same_detections(ours, expected, frames((96, 120)))


def test_tensor_names_of_older_versions_are_understood(save: Save) -> None:
    network = theirs(MOBILE)
    older = {
        k.replace("rpn.head.conv.0.0.", "rpn.head.conv."): t
        for k, t in network.state_dict().items()
    }
    older = {k: t for k, t in older.items() if not k.endswith("num_batches_tracked")}
    assert "rpn.head.conv.weight" in older
    ours = detector(MOBILE, weights=save(older))
    assert torch.equal(ours.network.rpn.head.conv[0][0].weight, older["rpn.head.conv.weight"])


@pytest.mark.parametrize("architecture", [MOBILE, SSDLITE])
def test_a_backbone_starts_from_a_classifier(architecture: str, save: Save) -> None:
    torch.manual_seed(4)
    classifier = mobilenet_v3_large(weights=None)
    ours = detector(architecture, backbone_weights=save(classifier))
    source = classifier.features[16][0].weight
    last = (
        ours.network.backbone.features[1][-1][0]
        if architecture == SSDLITE
        else ours.network.backbone.body["16"][0]
    )
    assert torch.equal(last.weight, source)
    assert ours.hparams["reduced_tail"] is (architecture != SSDLITE)
    assert ours.hparams["norm"] == ("batch" if architecture == SSDLITE else "frozen")
    assert ours.hparams["backbone_weights"] is None


def test_other_weights_are_named_with_the_first_differences(save: Save) -> None:
    path = save(theirs(SSDLITE))
    with pytest.raises(ValueError, match="does not fit fasterrcnn_mobilenet_v3") as caught:
        detector(MOBILE, weights=path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 1 + 5 + 1
    assert lines[1] == "  'backbone.body.0.0.weight': expected (16, 3, 3, 3), got nothing"
    assert "It looks like torchvision's ssdlite320_mobilenet_v3_large" in lines[-1]
    path = save(resnet50(weights=None))
    with pytest.raises(ValueError, match="torchvision's resnet50: is it for backbone_weights"):
        detector("fcos_resnet50_fpn", weights=path)
    with pytest.raises(ValueError, match=r"does not fit torchvision's mobilenet_v3_large"):
        detector(MOBILE, backbone_weights=path)


def test_names_that_mean_something_else_in_older_versions_are_no_obstacle(save: Save) -> None:
    """FCOS calls a normalisation as an older RetinaNet called a convolution."""
    path = save(theirs("fcos_resnet50_fpn"))
    with pytest.raises(ValueError, match="does not fit retinanet_resnet50_fpn") as caught:
        detector("retinanet_resnet50_fpn", weights=path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 1 + 5 + 1
    assert all(": expected (" in line for line in lines[1:-1])
    assert "It looks like torchvision's fcos_resnet50_fpn" in lines[-1]


def test_weights_of_other_classes_are_refused(save: Save) -> None:
    for architecture in (MOBILE, SSDLITE):
        path = save(theirs(architecture, classes=4))
        with pytest.raises(
            ValueError, match=r"for 4 class slots.*expected the 91 of COCO.*warm_start"
        ):
            detector(architecture, ["x", "y", "z"], weights=path)


def test_other_anchors_begin_anew_and_the_log_says_so(
    save: Save, caplog: pytest.LogCaptureFixture
) -> None:
    network = theirs(MOBILE)
    with caplog.at_level(logging.WARNING):
        ours = detector(MOBILE, ["dog"], weights=save(network), anchor_ratios=[0.5, 1.0])
    assert "rpn.head.bbox_pred.weight, rpn.head.cls_logits.bias" in caplog.text
    assert ours.network.rpn.head.cls_logits.out_channels == 5 * 2
    own, source = (n.roi_heads.box_predictor.cls_score for n in (ours.network, network))
    assert torch.equal(own.weight[1], source.weight[SLOT["dog"]])


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_offline_says_which_file_to_put_where(
    architecture: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def offline(*args: object, **kwargs: object) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr("detectors.weights_server.urlopen", offline)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    weights = get_model_weights(architecture)["COCO_V1"]
    with pytest.raises(FileNotFoundError, match="on another machine and put it at") as caught:
        detector(architecture, weights=str(weights))
    assert weights.url in str(caught.value)
    assert str(tmp_path / "hub" / "checkpoints" / weights.url.rsplit("/", 1)[-1]) in str(
        caught.value
    )
    with pytest.raises(FileNotFoundError, match=r"Fetch .*(resnet50|mobilenet_v3_large)-\w+\.pth"):
        detector(architecture, backbone_weights="imagenet")


def test_the_enum_of_another_network_is_refused_before_anything_is_fetched() -> None:
    name = "RetinaNet_ResNet50_FPN_Weights.COCO_V1"
    with pytest.raises(
        ValueError, match=r"another network than fcos_resnet50_fpn, which takes FCOS_ResNet50_FPN"
    ):
        detector("fcos_resnet50_fpn", weights=name)
    with pytest.raises(
        ValueError, match=r"than mobilenet_v3_large, which takes MobileNet_V3_Large"
    ):
        detector(MOBILE, backbone_weights="ResNet50_Weights.IMAGENET1K_V1")
