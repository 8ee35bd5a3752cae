"""The detector of one frame: backbone, pyramid, deformable encoder and decoder."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from typing_extensions import override

from detectors.transvod_lite.backbones import TimmBackbone
from detectors.transvod_lite.decoder import Decoder, DecoderOutput
from detectors.transvod_lite.deformable_attention import DeformableAttention, Shapes
from detectors.transvod_lite.encoder import Encoder
from detectors.transvod_lite.layer_sizes import LayerSizes
from detectors.transvod_lite.positions import sine_position, token_centres, valid_ratios
from detectors.transvod_lite.pyramid import Pyramid
from detectors.transvod_lite.swin import SwinBackbone


class FrameState(NamedTuple):
    """All that the temporal stage needs of N frames, none of which depends on another frame.

    Attributes:
        queries: float [N, Q, d_model], of the last decoder layer.
        references: float [N, Q, 4], its boxes, cxcywh in 0..1 of the frame without padding; they
            carry no gradient.
        logits: float [N, Q, C], its class logits.
        memory: float [N, S, d_model]; empty ([N, 0, d_model]) where `values` replace it.
        padding: bool [N, S], True on padding.
        ratios: float [N, L, 2], see `valid_ratios`.
        shapes: (h, w) of each level; S is the sum of h * w.
        values: float [N, S, H, D] for each round, see `TemporalStage.with_values`.
    """

    queries: Tensor
    references: Tensor
    logits: Tensor
    memory: Tensor
    padding: Tensor
    ratios: Tensor
    shapes: Shapes
    values: tuple[Tensor, ...] = ()


class SingleFrameStage(nn.Module):
    """Deformable DETR with box refinement on one map (or three).

    Args:
        backbone: gives maps of strides 8, 16 and 32.
        sizes: of the layers; `levels` must be that of `levels`.
        class_count: C.
        encoder_layers: how many.
        decoder_layers: how many.
        queries: Q.
        levels: 'sum' or 'multi', see `Pyramid`.
        pad_before_backbone: True for the reference's way: frames that are smaller than the batch go
            through the backbone with their padding, which then shines into their maps. By default
            each size passes on its own, so that a frame gives the same in any batch.
        gradient_checkpointing: of the encoder, see `Encoder`.
    """

    def __init__(
        self,
        backbone: SwinBackbone | TimmBackbone,
        sizes: LayerSizes,
        class_count: int,
        encoder_layers: int = 6,
        decoder_layers: int = 6,
        queries: int = 100,
        levels: str = "sum",
        pad_before_backbone: bool = False,
        gradient_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        if min(encoder_layers, decoder_layers, queries, class_count) < 1:
            raise ValueError(
                "encoder_layers, decoder_layers, queries and the number of classes must be at "
                f"least 1, got {encoder_layers}, {decoder_layers}, {queries} and {class_count}"
            )
        self.backbone = backbone
        self.pyramid = Pyramid(backbone.channels, sizes.d_model, levels)
        self.level_embedding = nn.Parameter(torch.randn(sizes.levels, sizes.d_model))
        self.encoder = Encoder(sizes, encoder_layers, gradient_checkpointing)
        self.decoder = Decoder(sizes, decoder_layers, queries, class_count)
        self.pad_before_backbone = pad_before_backbone
        for part in (self.encoder, self.decoder.layers):
            initialise(part)

    @override
    def forward(
        self, frames: Tensor, padding: Tensor | None = None
    ) -> tuple[FrameState, list[DecoderOutput]]:
        """Detect in every frame alone.

        Args:
            frames: normalised RGB float [N, 3, H, W], zero on padding.
            padding: bool [N, H, W], True on padding, which lies below and to the right; None where
                there is none.

        Returns:
            The state, and the output of every decoder layer, the last one last.
        """
        maps, paddings = self.levels_of(frames, padding)
        return self.from_levels(maps, paddings)

    def levels_of(
        self, frames: Tensor, padding: Tensor | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Backbone and pyramid.

        Args:
            frames: as in `forward`.
            padding: as in `forward`.

        Returns:
            For each level a map float [N, d_model, h, w], zero on padding unless it went through
            the backbone, and its padding bool [N, h, w].
        """
        height, width = frames.shape[-2:]
        if padding is None or self.pad_before_backbone:
            maps = self.pyramid(self.backbone(frames))
            if padding is None:
                padding = frames.new_zeros(len(frames), height, width, dtype=torch.bool)
            near = padding[:, None].float()
            masks = [F.interpolate(near, size=m.shape[-2:])[:, 0].bool() for m in maps]
            return maps, masks
        extents = torch.stack(((~padding[:, :, 0]).sum(1), (~padding[:, 0]).sum(1)), 1).tolist()
        by_size: dict[tuple[int, int], list[int]] = {}
        for index, (high, wide) in enumerate(extents):
            by_size.setdefault((high, wide), []).append(index)
        groups = [
            self.pyramid(self.backbone(frames[indices, :, :high, :wide]))
            for (high, wide), indices in by_size.items()
        ]
        order = torch.tensor([i for indices in by_size.values() for i in indices])
        order = order.argsort().to(frames.device)
        joined = [_join(list(level), order) for level in zip(*groups, strict=True)]
        return [m for m, _ in joined], [mask for _, mask in joined]

    def from_levels(
        self, maps: list[Tensor], paddings: list[Tensor]
    ) -> tuple[FrameState, list[DecoderOutput]]:
        """Encoder and decoder on what `levels_of` gives; returns what `forward` does."""
        shapes = [(int(m.shape[-2]), int(m.shape[-1])) for m in maps]
        ratios = valid_ratios(paddings)
        tokens = torch.cat([m.flatten(2) for m in maps], 2).transpose(1, 2)
        position = torch.cat(
            [
                sine_position(mask, tokens.shape[-1]).flatten(2).transpose(1, 2).to(tokens.dtype)
                + level
                for mask, level in zip(paddings, self.level_embedding, strict=True)
            ],
            1,
        )
        padding = torch.cat([mask.flatten(1) for mask in paddings], 1)
        centres = token_centres(shapes, ratios)
        memory = self.encoder(tokens, position, centres, shapes, padding)
        outputs = self.decoder(memory, ratios, shapes, padding)
        last = outputs[-1]
        state = FrameState(
            last.queries, last.boxes.detach(), last.logits, memory, padding, ratios, shapes
        )
        return state, outputs


def initialise(part: nn.Module) -> None:
    """Xavier for every matrix, then deformable attention's own start."""
    for parameter in part.parameters():
        if parameter.dim() > 1:
            nn.init.xavier_uniform_(parameter)
    for module in part.modules():
        if isinstance(module, DeformableAttention):
            module.reset_parameters()


def _join(groups: list[Tensor], order: Tensor) -> tuple[Tensor, Tensor]:
    """Maps [n_i, d, h_i, w_i] of several sizes as one [N, d, h, w], in `order`, and its padding."""
    height = max(m.shape[-2] for m in groups)
    width = max(m.shape[-1] for m in groups)
    maps, masks = [], []
    for m in groups:
        fill = (0, width - m.shape[-1], 0, height - m.shape[-2])
        maps.append(F.pad(m, fill))
        mask = torch.zeros_like(m[:, 0], dtype=torch.bool)
        masks.append(F.pad(mask, fill, value=True))
    if len(groups) == 1:
        return maps[0], masks[0]
    return torch.cat(maps)[order], torch.cat(masks)[order]
