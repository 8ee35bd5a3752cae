"""TransVOD Lite as a plain network: clips in, logits and boxes of every frame out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn
from typing_extensions import override

from detectors.transvod_lite.backbones import build_backbone
from detectors.transvod_lite.decoder import DecoderOutput
from detectors.transvod_lite.layer_sizes import LayerSizes
from detectors.transvod_lite.pyramid import LEVELS
from detectors.transvod_lite.single_frame import FrameState, SingleFrameStage
from detectors.transvod_lite.temporal import TemporalStage


class DetectionOutput(NamedTuple):
    """What the network says of B clips of T frames; K queries a frame.

    Attributes:
        logits: float [B, T, K, C], column c for label c + 1.
        boxes: float [B, T, K, 4], cxcywh in 0..1 of the frame without padding.
        auxiliary: (logits, boxes) of earlier rounds or decoder layers, in order; K may differ.
        single_frame: (logits, boxes) of all decoder layers of the single-frame stage, where these
            are not the output but what the temporal stage started from.
    """

    logits: Tensor
    boxes: Tensor
    auxiliary: list[tuple[Tensor, Tensor]]
    single_frame: list[tuple[Tensor, Tensor]]


class TransVODLiteNetwork(nn.Module):
    """Single-frame stage and, unless `keep` is empty, temporal stage.

    Defaults are the published Swin-B network, mended; `time_embedding=False`,
    `mask_temporal_padding=False` and `pad_before_backbone=True` give its very numbers.

    Args:
        class_count: C.
        backbone: see `build_backbone`.
        backbone_weights: see `build_backbone`.
        backbone_arguments: see `build_backbone`.
        d_model: width of queries and memory.
        heads: of every attention.
        points: sampling points of deformable attention.
        feedforward: hidden width of feed-forward blocks.
        dropout: in training.
        encoder_layers: of the single-frame stage.
        decoder_layers: of the single-frame stage.
        queries: Q of a frame.
        levels: 'sum' or 'multi', see `Pyramid`.
        keep: queries of a frame kept in each temporal round; empty for the single-frame network.
        time_embedding: see `TemporalStage`.
        motion_attention: see `TemporalStage`.
        mask_temporal_padding: see `mask_padding` of `TemporalStage`.
        refine_references: see `TemporalStage`.
        temporal_encoder_layers: see `TemporalStage`.
        pad_before_backbone: see `SingleFrameStage`.
        gradient_checkpointing: of backbone and encoder: slower training in less memory.

    Raises:
        ValueError: if a setting is not understood or does not fit another.
        FileNotFoundError: if weights cannot be had.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        class_count: int,
        backbone: str = "swin_b",
        backbone_weights: str | None = None,
        backbone_arguments: Mapping[str, Any] | None = None,
        d_model: int = 256,
        heads: int = 8,
        points: int = 4,
        feedforward: int = 1024,
        dropout: float = 0.1,
        encoder_layers: int = 6,
        decoder_layers: int = 6,
        queries: int = 100,
        levels: str = "sum",
        keep: Sequence[int] = (80, 50, 30),
        time_embedding: bool = True,
        motion_attention: bool = False,
        mask_temporal_padding: bool = True,
        refine_references: bool = False,
        temporal_encoder_layers: int = 0,
        pad_before_backbone: bool = False,
        gradient_checkpointing: bool = False,
    ) -> None:
        super().__init__()
        body = build_backbone(
            backbone, backbone_weights, backbone_arguments, gradient_checkpointing
        )
        sizes = LayerSizes(d_model, heads, points, feedforward, dropout, LEVELS.get(levels, 1))
        self.class_count = class_count
        self.single_frame = SingleFrameStage(
            body,
            sizes,
            class_count,
            encoder_layers,
            decoder_layers,
            queries,
            levels,
            pad_before_backbone,
            gradient_checkpointing,
        )
        self.temporal: TemporalStage | None = None
        if keep not in ([], ()):
            self.temporal = TemporalStage(
                sizes,
                class_count,
                queries,
                keep,
                time_embedding,
                motion_attention,
                mask_temporal_padding,
                refine_references,
                temporal_encoder_layers,
            )
        self._frozen = False
        for name, values in (("mean", body.mean), ("std", body.std)):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)

    @override
    def forward(
        self,
        frames: Tensor,
        padding: Tensor | None = None,
        frame_absent: Tensor | None = None,
        times: Tensor | None = None,
        temporal: bool = True,
    ) -> DetectionOutput:
        """Detect in every frame.

        Args:
            frames: normalised RGB float [B, T, 3, H, W], zero on padding.
            padding: bool [B, T, H, W], True on padding, which lies below and to the right; None
                where there is none.
            frame_absent: bool [B, T], True where a clip has no such frame, which is not looked at
                and whose output means nothing; each clip has a frame. None where all are there.
            times: float [B, T], when frames were taken, in units of the cadence; 0..T-1 where
                absent.
            temporal: False leaves the temporal stage out.

        Returns:
            Of the temporal stage; of the single-frame stage where there is no other.
        """
        clips = frames.shape[:2]
        flat_padding = None if padding is None else padding.flatten(0, 1)
        with torch.no_grad() if self._frozen else nullcontext():
            state, layers = self._present_frames(frames.flatten(0, 1), flat_padding, frame_absent)
        alone = [
            (logits.unflatten(0, clips), boxes.unflatten(0, clips)) for _, logits, boxes in layers
        ]
        if self.temporal is None or not temporal:
            return DetectionOutput(*alone[-1], alone[:-1], [])
        if times is None:
            times = torch.arange(clips[1], device=frames.device).float().expand(clips)
        rounds = self.temporal(state, times, frame_absent)
        pairs = [(logits, boxes) for _, logits, boxes in rounds]
        return DetectionOutput(*pairs[-1], pairs[:-1], alone)

    def _present_frames(
        self, frames: Tensor, padding: Tensor | None, frame_absent: Tensor | None
    ) -> tuple[FrameState, list[DecoderOutput]]:
        """The single-frame stage on the frames that are there; zeros for the others."""
        if frame_absent is None:
            return self.single_frame(frames, padding)
        present = (~frame_absent).flatten().nonzero()[:, 0]
        if padding is not None:
            padding = padding[present]
        state, layers = self.single_frame(frames[present], padding)

        def spread(values: Tensor, fill: float = 0) -> Tensor:
            empty = values.new_full((len(frames), *values.shape[1:]), fill)
            return empty.index_copy(0, present, values)

        tensors = {k: spread(v) for k, v in state._asdict().items() if isinstance(v, Tensor)}
        # A frame all of padding would have its tokens at 0 / 0.
        state = state._replace(**tensors)._replace(ratios=spread(state.ratios, 1.0))
        return state, [DecoderOutput(*map(spread, layer)) for layer in layers]

    @torch.no_grad()
    def warm_start_temporal_heads(self) -> None:
        """Give every round the class and box head of the last decoder layer.

        Without it, rounds select queries by class heads that have learnt nothing.

        Raises:
            ValueError: if there is no temporal stage.
        """
        decoder = self.single_frame.decoder
        for step in self._temporal_stage("warm_start_temporal_heads").steps():
            step.class_head.load_state_dict(decoder.class_heads[-1].state_dict())
            step.box_head.load_state_dict(decoder.box_heads[-1].state_dict())

    def freeze_single_frame_stage(self) -> None:
        """From now on only the temporal stage learns.

        The other needs no gradients, and stays in eval mode even in training: its dropout and
        drop-path would only add noise to what the temporal stage learns from.

        Raises:
            ValueError: if there is no temporal stage.
        """
        self._temporal_stage("freeze_single_frame_stage")
        self._frozen = True
        self.single_frame.requires_grad_(False)
        self.single_frame.eval()

    @override
    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        if self._frozen:
            self.single_frame.eval()
        return self

    def _temporal_stage(self, caller: str) -> TemporalStage:
        if self.temporal is None:
            raise ValueError(f"{caller}: this network has no temporal stage; give it `keep`")
        return self.temporal
