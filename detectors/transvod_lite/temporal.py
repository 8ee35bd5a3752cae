"""The temporal stage: rounds in which all frames of a clip exchange their best queries.

TransVOD Lite (Zhou et al., 'TransVOD: End-to-End Video Object Detection with Spatial-Temporal
Transformers', TPAMI 2022): sequential hard query mining (SHQM), a temporal query encoder (TQE) and
a temporal deformable transformer decoder (TDTD).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from typing_extensions import override

from detectors.transvod_lite.decoder import DecoderLayer, on_levels
from detectors.transvod_lite.deformable_attention import Shapes
from detectors.transvod_lite.heads import BoxHead, class_head
from detectors.transvod_lite.layer_sizes import LayerSizes
from detectors.transvod_lite.motion_attention import MotionAttention, places
from detectors.transvod_lite.positions import TimeEmbedding, time_offsets, token_centres
from detectors.transvod_lite.query_selection import check_keep, select_queries
from detectors.transvod_lite.single_frame import FrameState, initialise
from detectors.transvod_lite.temporal_encoder import TemporalEncoder
from detectors.transvod_lite.temporal_query_encoder import TemporalQueryEncoder


class Clip(NamedTuple):
    """What all rounds know of B clips of T frames.

    Attributes:
        ratios: float [B * T, L, 2], see `valid_ratios`.
        shapes: (h, w) of each level.
        absent: bool [B, T], True where there is no frame, or None.
        times: float [B, T], relative to the last present frame; zeros where queries do not know
            their time.
        time_code: float [B, T, 1, d_model], or None where queries do not know their time.
    """

    ratios: Tensor
    shapes: Shapes
    absent: Tensor | None
    times: Tensor
    time_code: Tensor | None


class RoundOutput(NamedTuple):
    """After a round: queries [B, T, K, d_model], logits [B, T, K, C], boxes [B, T, K, 4]."""

    queries: Tensor
    logits: Tensor
    boxes: Tensor


class TemporalRound(nn.Module):
    """Mix the kept queries over the clip, let each look at its frame, read classes and boxes.

    Args:
        sizes: of the network's layers.
        class_count: C.
        keep: K, queries of a frame that take part.
        motion_attention: whether queries learn how boxes differ over the clip.
    """

    def __init__(
        self, sizes: LayerSizes, class_count: int, keep: int, motion_attention: bool
    ) -> None:
        super().__init__()
        self.keep = keep
        self.query_encoder = TemporalQueryEncoder(sizes)
        self.decoder_layer = DecoderLayer(sizes)
        initialise(self)
        self.motion_attention = (
            MotionAttention(sizes.d_model, sizes.heads) if motion_attention else None
        )
        self.class_head = class_head(sizes.d_model, class_count)
        self.box_head = BoxHead(sizes.d_model)

    @override
    def forward(
        self,
        queries: Tensor,
        references: Tensor,
        clip: Clip,
        value: Tensor,
        only: int | None = None,
    ) -> RoundOutput:
        """One round.

        Args:
            queries: float [B, T, K, d_model], selected already.
            references: float [B, T, K, 4].
            clip: what is known of the clips.
            value: float [B * T, S, H, D], what this round's queries look at.
            only: the frame whose outcome is wanted; all where absent.

        Returns:
            float [B, T, K, ...] each, T = 1 for `only` one.
        """
        mixed = self._mix(queries, references, clip, only)
        ratios = clip.ratios
        if only is not None:
            frames = clip.times.shape[1]
            references = references[:, only : only + 1]
            ratios, value = ratios[only::frames], value[only::frames]
        seen_at = on_levels(references.flatten(0, 1), ratios)
        found = self.decoder_layer(mixed.flatten(0, 1), None, seen_at, value, clip.shapes)
        queries = found.view_as(mixed)
        return RoundOutput(queries, self.class_head(queries), self.box_head(queries, references))

    def _mix(self, queries: Tensor, references: Tensor, clip: Clip, only: int | None) -> Tensor:
        """What the queries of all frames, or of `only` one, learn from those of the clip."""
        clips, _, keep, width = queries.shape
        if clip.time_code is not None:
            queries = queries + clip.time_code.to(queries.dtype)
        absent = None if clip.absent is None else clip.absent.repeat_interleave(keep, 1)
        seen = queries.flatten(1, 2)
        asking = seen if only is None else queries[:, only]
        mixed = self.query_encoder(seen, absent, asking)
        if self.motion_attention is not None:
            where = places(references, clip.times[..., None])
            asked = where if only is None else where[:, only]
            mixed = mixed + self.motion_attention(
                mixed, asked.view(clips, -1, 5), seen, where.flatten(1, 2), absent
            )
        return mixed.view(clips, -1, keep, width)


class TemporalStage(nn.Module):
    """All rounds of one network.

    Args:
        sizes: of the network's layers.
        class_count: C.
        queries: Q of the single-frame stage.
        keep: K of each round.
        time_embedding: whether queries know when their frame was taken, relative to the clip's
            last one. Without it, frames can be permuted.
        motion_attention: whether queries learn how the boxes that they stand for differ over the
            clip, see `MotionAttention`.
        mask_padding: whether queries are kept from looking at padding; the reference lets them.
        refine_references: whether a round starts from the boxes of the round before; the reference
            stays with those of the single-frame stage.
        temporal_encoder_layers: of TDTE; 0 for none, as in TransVOD Lite.

    Raises:
        ValueError: if `keep` does not fit `queries`.
    """

    def __init__(
        self,
        sizes: LayerSizes,
        class_count: int,
        queries: int,
        keep: Sequence[int] = (80, 50, 30),
        time_embedding: bool = True,
        motion_attention: bool = False,
        mask_padding: bool = True,
        refine_references: bool = False,
        temporal_encoder_layers: int = 0,
    ) -> None:
        super().__init__()
        self.rounds = nn.ModuleList(
            TemporalRound(sizes, class_count, k, motion_attention)
            for k in check_keep(keep, queries)
        )
        self.time_embedding = TimeEmbedding(sizes.d_model) if time_embedding else None
        self.encoder = (
            TemporalEncoder(sizes, temporal_encoder_layers) if temporal_encoder_layers else None
        )
        self.mask_padding = mask_padding
        self.refine_references = refine_references

    @override
    def forward(
        self,
        state: FrameState,
        times: Tensor,
        absent: Tensor | None = None,
        only: int | None = None,
    ) -> list[RoundOutput]:
        """Detect in all frames of B clips of T frames.

        Args:
            state: of B * T frames, clip by clip.
            times: float [B, T], in units of the cadence.
            absent: bool [B, T], True where there is no frame, not all of a clip; None where all are
                there. What comes out of an absent frame means nothing.
            only: the frame whose outcome is wanted; all where absent.

        Returns:
            The output of each round, the last one last, which with `only` has T = 1.
        """
        offsets, code = time_offsets(times, absent), None
        if self.time_embedding is None:
            offsets = torch.zeros_like(offsets)
        else:
            code = self.time_embedding(offsets)[:, :, None]
        clip = Clip(state.ratios, state.shapes, absent, offsets, code)
        if self.encoder is not None:
            memory = self._encode(self.encoder, state, offsets, absent)
            state = state._replace(memory=memory)
        values = state.values or self._values(state)
        queries, references, logits = state.queries, state.references, state.logits
        outputs: list[RoundOutput] = []
        steps = self.steps()
        for step, value in zip(steps, values, strict=True):
            queries, references = select_queries(queries, references, logits, step.keep)
            rows = (each.unflatten(0, times.shape) for each in (queries, references))
            output = step(*rows, clip, value, only if step is steps[-1] else None)
            outputs.append(output)
            queries, logits = output.queries.flatten(0, 1), output.logits.flatten(0, 1)
            if self.refine_references:
                references = output.boxes.detach().flatten(0, 1)
        return outputs

    def steps(self) -> list[TemporalRound]:
        """The rounds, in order."""
        return [cast(TemporalRound, step) for step in self.rounds]

    def with_values(self, state: FrameState) -> FrameState:
        """The state with what each round looks at in place of the memory, to be kept and reused.

        Where there is a temporal encoder the memory depends on the clip, and the state stays.
        """
        if self.encoder is not None:
            return state
        return state._replace(values=self._values(state), memory=state.memory[:, :0])

    def _values(self, state: FrameState) -> tuple[Tensor, ...]:
        padding = state.padding if self.mask_padding else None
        layers = [step.decoder_layer.cross_attention for step in self.steps()]
        return tuple(layer.project(state.memory, padding) for layer in layers)

    def _encode(
        self, encoder: TemporalEncoder, state: FrameState, offsets: Tensor, absent: Tensor | None
    ) -> Tensor:
        clips = offsets.shape
        memory = encoder(
            state.memory.unflatten(0, clips),
            token_centres(state.shapes, state.ratios).unflatten(0, clips),
            state.shapes,
            state.padding.unflatten(0, clips),
            offsets,
            absent,
        )
        return memory.flatten(0, 1)
