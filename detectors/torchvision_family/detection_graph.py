"""A detection network of torchvision from frames to detections, for export."""

from __future__ import annotations

import copy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.onnx.operators import shape_as_tensor
from torchvision.models.detection._utils import BoxCoder
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from typing_extensions import override

from detectors.onnx_graph import DetectionGraph, frame_size


class TorchvisionGraph(DetectionGraph):
    """What `TorchvisionDetector.predict` computes, for one frame.

    Args:
        network: a Faster or Mask R-CNN, RetinaNet, FCOS or SSDLite of torchvision; it is copied.
    """

    one_frame_because = (
        "torchvision goes through a batch in Python frame by frame, and each frame has another "
        "number of proposals and detections"
    )

    network: Any

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = copy.deepcopy(network)
        transform = self.network.transform
        if transform.fixed_size is None:
            self.network.transform = _ExactTransform(
                transform.min_size[-1],
                transform.max_size,
                transform.image_mean,
                transform.image_std,
                transform.size_divisible,
            )
        if hasattr(self.network, "roi_heads"):
            heads = self.network.roi_heads
            heads.box_coder = _AnyCountBoxCoder(heads.box_coder.weights)

    @override
    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        found = self.network([frames[0].float() / 255])[0]
        boxes = torch.minimum(found["boxes"].clamp(min=0), frame_size(frames))
        kept = (boxes[:, 2:] > boxes[:, :2]).all(1) & (found["labels"] > 0)
        scores = found["scores"][kept]
        count = shape_as_tensor(scores)
        return boxes[kept][None], scores[None], found["labels"][kept][None], count


class _ExactTransform(GeneralizedRCNNTransform):
    """Resizes to the size to which torchvision resizes outside of a graph.

    Within one it computes in float32, in which 333 pixels times 320 / 333 may become 319.
    """

    @override
    def resize(self, image: Tensor, target: Any = None) -> tuple[Tensor, Any]:
        sides = shape_as_tensor(image)[1:].double()
        # Not number / tensor, which PyTorch computes as the number times a rounded reciprocal.
        limits = torch.tensor([self.min_size[-1], self.max_size], dtype=torch.float64)
        scale = (limits / torch.stack((sides.min(), sides.max()))).min()
        height, width = (sides * scale).floor().long()
        size: Any = (height, width)
        resized = F.interpolate(image[None], size, mode="bilinear", align_corners=False)
        return resized[0], target


class _AnyCountBoxCoder(BoxCoder):
    """Decodes a number of proposals that may be 0, which torchvision decides when it is traced."""

    @override
    def decode(self, rel_codes: Tensor, boxes: list[Tensor]) -> Tensor:
        decoded = self.decode_single(rel_codes, torch.cat(boxes))
        return decoded.reshape(-1, rel_codes.shape[1] // 4, 4)
