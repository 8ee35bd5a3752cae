"""A small CenterNet: 'Objects as Points' (Zhou, Wang and Krähenbühl, 2019, arXiv:1904.07850)."""

from typing import Any

import timm
import torch
import torch.nn.functional as F
from detectors.base import Detector
from structures import Batch, Prediction
from structures.boxes import inside_frame, scale_boxes
from torch import Tensor, nn
from torchvision.ops import Conv2dNormActivation, batched_nms, box_convert, clip_boxes_to_image
from typing_extensions import override


class CentreNetwork(nn.Module):
    """Frames -> heatmaps of centres [F, C, S/4, S/4] and codes of boxes [F, C, 4, S/4, S/4]."""

    def __init__(self, classes: int, body: dict[str, Any], width: int, side: int) -> None:
        super().__init__()
        trunk: Any = timm.create_model(**body, features_only=True, out_indices=(1, 2, 3, 4))
        self.size, self.body = (side, side), trunk
        hidden = Conv2dNormActivation(sum(trunk.feature_info.channels()), width, 1)
        self.head = nn.Sequential(hidden, nn.Conv2d(width, 5 * classes, 3, padding=1))

    @override
    def forward(self, frames: list[Tensor]) -> tuple[Tensor, Tensor]:
        resized = [F.interpolate(f[None].float(), self.size, mode="bilinear") for f in frames]
        maps = self.body(torch.cat(resized) / 127.5 - 1)
        merged = torch.cat([F.interpolate(m, maps[0].shape[2:]) for m in maps], dim=1)
        out = self.head(merged).float().unflatten(1, (-1, 5))
        return out[:, :, 0] - 2, out[:, :, 1:]  # centres are rare: scores start near .1


class CentreNet(Detector):
    """Objects are the peaks of a heatmap; there, log size and relative offset of a box are read."""

    def __init__(self, class_names: list[str], network: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(class_names, **kwargs)
        self.network = CentreNetwork(len(self.classes), **network)
        self.cells = (network["side"] // 4, network["side"] // 4)

    @override
    def losses(self, batch: Batch) -> dict[str, Tensor]:
        heat, codes = self.network(batch.frames())
        grid = torch.stack(torch.meshgrid(*map(torch.arange, self.cells), indexing="xy")).to(heat)
        wanted, errors = torch.zeros_like(heat), []
        for i, (frame, truth) in enumerate(zip(batch.frames(), batch.frame_targets(), strict=True)):
            boxes = scale_boxes(truth.boxes, (frame.shape[1], frame.shape[2]), self.cells)
            centres, sizes = box_convert(boxes, "xyxy", "cxcywh")[..., None, None].split(2, dim=1)
            # As in TTFNet (arXiv:1909.00700): sigma is .54 / 6 of a side, all cells learn the box.
            weights = ((grid - centres.floor()) / (0.09 * sizes)).square().sum(1).div(-2).exp()
            labels = truth.labels - 1
            wanted[i].scatter_reduce_(0, labels[:, None, None].expand_as(weights), weights, "amax")
            offsets, scales = codes[i, labels].split(2, dim=1)
            error = (offsets - (centres - grid) / sizes).abs() + (scales - sizes.log()).abs()
            errors.append((error.sum(1) * weights).sum((1, 2)) / weights.sum((1, 2)))
        # Equation 1: the nearer a cell is to a centre, the less it counts as background.
        score, count = heat.sigmoid(), max(1, sum(map(len, errors)))
        hits = (wanted == 1) * (1 - score) ** 2 * F.logsigmoid(heat)
        misses = (1 - wanted) ** 4 * score**2 * F.logsigmoid(-heat)
        return {"centre": -(hits + misses).sum() / count, "box": torch.cat(errors).sum() / count}

    @override
    @torch.no_grad()
    def predict(self, batch: Batch) -> list[Prediction]:
        heat, codes = self.network(batch.frames())
        peaks = heat.sigmoid() * (heat == F.max_pool2d(heat, 3, stride=1, padding=1))
        found = []
        for i, (frame, truth) in enumerate(zip(batch.frames(), batch.frame_targets(), strict=True)):
            scores, order = peaks[i].flatten().topk(100)
            label, y, x = torch.unravel_index(order, peaks[i].shape)
            size, code = (frame.shape[1], frame.shape[2]), codes[i, label, :, y, x].T
            boxes = torch.cat((torch.stack((x, y)) + code[:2] * code[2:].exp(), code[2:].exp())).T
            boxes = scale_boxes(box_convert(boxes, "cxcywh", "xyxy"), self.cells, size)
            boxes = clip_boxes_to_image(boxes, size)
            kept = batched_nms(boxes, scores, label, 0.5)  # a big object has several peaks at first
            kept = kept[inside_frame(boxes[kept], size) & (scores[kept] > 0)]
            found.append(Prediction(boxes[kept], scores[kept], label[kept] + 1, truth.image_id))
        return found
