"""The network's shapes, and its numbers against the golden tensors."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from detectors.ssd300.loss import MultiBoxLoss
from detectors.ssd300.network import SSD300Network
from detectors.ssd300.postprocess import candidates
from detectors.ssd300.priors import FRAME
from detectors.ssd300.timm_trunk import TimmTrunk
from detectors.ssd300.torchvision_weights import our_key
from detectors.ssd300.vgg import VGG16Trunk
from structures.boxes import scale_boxes


@pytest.fixture(scope="module")
def light() -> SSD300Network:
    torch.manual_seed(0)
    return SSD300Network(3, TimmTrunk("lcnet_050"), priors="facades").eval()


class OneStage(torch.nn.Module):
    """Network and fixed-size decoding together, as they are deployed."""

    def __init__(self, network: SSD300Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        return candidates(*self.network(images), self.network.priors)


def test_vgg_network_has_the_paper_s_size() -> None:
    with torch.device("meta"):
        network = SSD300Network(90, VGG16Trunk())
    assert len(network.state_dict()) == 71
    assert sum(p.numel() for p in network.parameters()) == 35_641_826
    rows = [
        (loc.out_channels, conf.out_channels)
        for loc, conf in zip(network.loc, network.conf, strict=True)
    ]
    assert rows == [(16, 364), (24, 546), (24, 546), (24, 546), (16, 364), (16, 364)]


def test_vgg_sources_have_the_grids_of_the_priors() -> None:
    with torch.device("meta"):
        network = SSD300Network(3, VGG16Trunk())
        sources = network.trunk(torch.empty(1, 3, 300, 300))
        for extra in network.extras:
            sources.append(extra(sources[-1]))
    assert [tuple(s.shape[1:]) for s in sources] == [
        (512, 38, 38),
        (1024, 19, 19),
        (512, 10, 10),
        (256, 5, 5),
        (256, 3, 3),
        (256, 1, 1),
    ]


@pytest.mark.parametrize("trainable", range(6))
def test_frozen_stages_are_those_of_torchvision(trainable: int) -> None:
    from torchvision.models.detection.ssd import _vgg_extractor, ssd300_vgg16
    from torchvision.models.vgg import vgg16

    with torch.device("meta"):
        theirs = ssd300_vgg16(weights=None, weights_backbone=None, num_classes=2)
        # Without weights ssd300_vgg16 itself trains every stage, whatever it is told.
        theirs.backbone = _vgg_extractor(vgg16(), highres=False, trainable_layers=trainable)
        ours = SSD300Network(1, VGG16Trunk(trainable))
    frozen = {our_key(k) for k, p in theirs.named_parameters() if not p.requires_grad}
    assert {k for k, p in ours.named_parameters() if not p.requires_grad} == frozen


def test_prepare_keeps_the_order_of_mixed_sizes(light: SSD300Network) -> None:
    generator = torch.Generator().manual_seed(1)
    frames = [
        torch.randint(0, 256, (3, *size), dtype=torch.uint8, generator=generator)
        for size in [(300, 300), (40, 60), (300, 300), (60, 40), (40, 60)]
    ]
    together = light.prepare(frames)
    assert together.shape == (5, 3, 300, 300)
    for index, frame in enumerate(frames):
        torch.testing.assert_close(together[index], light.prepare([frame])[0], atol=1e-5, rtol=0)


def test_prepare_only_normalises_a_frame_of_the_right_size(light: SSD300Network) -> None:
    frame = torch.randint(0, 256, (3, 300, 300), dtype=torch.uint8)
    expected = (frame / 255 - light.mean) / light.std
    torch.testing.assert_close(light.prepare([frame])[0], expected)


def test_golden_input_batch(golden: dict, golden_frames: list[torch.Tensor]) -> None:
    with torch.device("meta"):
        network = SSD300Network(90, VGG16Trunk())
    network.mean = torch.tensor(VGG16Trunk.mean).view(3, 1, 1)
    network.std = torch.tensor(VGG16Trunk.std).view(3, 1, 1)
    batch = network.prepare(golden_frames)
    torch.testing.assert_close(batch[:, :, ::20, ::20], golden["batch_slice"], atol=1e-3, rtol=1e-5)


@pytest.mark.slow
def test_golden_forward_losses_and_gradients(
    golden: dict, golden_network: SSD300Network, golden_frames: list, golden_targets: list
) -> None:
    network = golden_network
    codes, logits = network(network.prepare(golden_frames))
    torch.testing.assert_close(codes.detach(), golden["bbox_regression"], atol=1e-4, rtol=0)
    torch.testing.assert_close(logits[:2].detach(), golden["cls_logits"], atol=1e-4, rtol=0)

    boxes = [
        scale_boxes(target["boxes"], tuple(frame.shape[1:]), (FRAME, FRAME))
        for frame, target in zip(golden_frames, golden_targets, strict=True)
    ]
    losses = MultiBoxLoss()(
        codes, logits, network.priors, boxes, [t["labels"] for t in golden_targets]
    )
    for name, value in golden["losses"].items():
        assert losses[name].item() == pytest.approx(value, rel=1e-5)
    torch.stack(list(losses.values())).sum().backward()
    parameters = dict(network.named_parameters())
    assert len(golden["grad_norms"]) == len(parameters) == 71
    for key, norm in golden["grad_norms"].items():
        assert parameters[our_key(key)].grad.norm().item() == pytest.approx(norm, rel=1e-3), key
    network.zero_grad(set_to_none=True)


def test_exported_program_gives_equal_outputs(light: SSD300Network) -> None:
    images = torch.rand(2, 3, 300, 300, generator=torch.Generator().manual_seed(2))
    program = torch.export.export(OneStage(light), (images,))
    other = images.flip(3)
    with torch.no_grad():
        for ours, exported in zip(OneStage(light)(other), program.module()(other), strict=True):
            torch.testing.assert_close(exported, ours, atol=1e-5, rtol=1e-5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_onnx_gives_equal_outputs(light: SSD300Network, tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    images = torch.rand(1, 3, 300, 300, generator=torch.Generator().manual_seed(3))
    model = OneStage(light).eval()
    path = tmp_path / "ssd300.onnx"
    torch.onnx.export(model, (images,), str(path), dynamo=False, opset_version=17)
    session = runtime.InferenceSession(str(path))
    exported = session.run(None, {session.get_inputs()[0].name: images.flip(3).numpy()})
    boxes, scores, labels = (torch.from_numpy(part) for part in exported)
    with torch.no_grad():
        our_boxes, our_scores, our_labels = model(images.flip(3))
    torch.testing.assert_close(scores, our_scores, atol=1e-5, rtol=0)
    assert torch.equal(labels, our_labels)
    # Boxes whose scores differ only by rounding may stand in another order.
    alone = our_scores.diff(dim=1).abs() > 1e-4
    alone = torch.nn.functional.pad(alone, (1, 0), value=True) & torch.nn.functional.pad(
        alone, (0, 1), value=True
    )
    assert alone.sum() > 20
    torch.testing.assert_close(boxes[alone], our_boxes[alone], atol=1e-2, rtol=0)


def test_batch_of_one_can_be_trained(light: SSD300Network) -> None:
    light.train()
    codes, logits = light(torch.rand(1, 3, 300, 300))
    (codes.sum() + logits.sum()).backward()
    light.eval()
    assert all(p.grad is not None for p in light.parameters())
