"""Names of tensors in the checkpoints that the authors of TransVOD Lite released, and ours."""

from __future__ import annotations

import re
from collections.abc import Mapping

# The slots of the class heads of the released networks: ids of ImageNet VID, 0 was never used.
# fmt: off
VID_SLOTS = (
    "unused", "airplane", "antelope", "bear", "bicycle", "bird", "bus", "car", "cattle", "dog",
    "domestic_cat", "elephant", "fox", "giant_panda", "hamster", "horse", "lion", "lizard",
    "monkey", "motorcycle", "rabbit", "red_panda", "sheep", "snake", "squirrel", "tiger", "train",
    "turtle", "watercraft", "whale", "zebra",
)
# fmt: on

# What the released files hold and no network needs: a second name of the box heads, a table that
# follows from the window size, and two heads that nothing called.
_SURPLUS = re.compile(
    r"transformer\.decoder\.bbox_embed\.|.*\.relative_position_index$|temp_(class|bbox)_embed\."
)

_ENCODER_LAYER = {"self_attn": "attention", "norm1": "norm", "norm2": "feed_forward.norm"}
_DECODER_LAYER = {
    "self_attn": "self_attention",
    "cross_attn": "cross_attention",
    "norm1": "cross_norm",
    "norm2": "self_norm",
    "norm3": "feed_forward.norm",
}
_LINEAR = {"linear1": "feed_forward.linear1", "linear2": "feed_forward.linear2"}

_PREFIXES: tuple[tuple[str, str, Mapping[str, str]], ...] = (
    (r"backbone\.0\.body\.patch_embed\.proj", "single_frame.backbone.features.0.0", {}),
    (r"backbone\.0\.body\.patch_embed\.norm", "single_frame.backbone.features.0.2", {}),
    (r"backbone\.0\.body\.fpn", "single_frame.pyramid.fpn", {}),
    (r"input_proj", "single_frame.pyramid.projections", {}),
    (r"query_embed", "single_frame.decoder.query_embedding", {}),
    (r"transformer\.level_embed", "single_frame.level_embedding", {}),
    (r"transformer\.reference_points", "single_frame.decoder.reference_points", {}),
    (r"transformer\.encoder", "single_frame.encoder", _ENCODER_LAYER | _LINEAR),
    (r"transformer\.decoder", "single_frame.decoder", _DECODER_LAYER | _LINEAR),
    (r"class_embed", "single_frame.decoder.class_heads", {}),
    (r"bbox_embed", "single_frame.decoder.box_heads", {}),
)
_SWIN_PART = re.compile(r"backbone\.0\.body\.layers\.(\d)\.(blocks|downsample)\.(.*)")
_SWIN_NORM = re.compile(r"backbone\.0\.body\.norm([123])\.(.*)")
_ROUND_PART = re.compile(
    r"transformer\.temporal_(query_layer|decoder)([123])\.(?:layers\.0\.)?(.*)"
)
_ROUND_HEAD = re.compile(r"temp_(class|bbox)_embed_list\.(\d)\.(.*)")


def our_key(key: str) -> str | None:
    """Our name of a tensor of a released checkpoint.

    Returns:
        The name in `TransVODLiteNetwork`, or None for what no network needs: the second name of
        the box heads, a table that follows from the window size, and two unused heads.

    Raises:
        ValueError: if TransVOD Lite has no tensor of this name.
    """
    if _SURPLUS.match(key):
        return None
    if part := _SWIN_PART.fullmatch(key):
        stage, kind, rest = int(part[1]), part[2], part[3]
        rest = rest.replace("mlp.fc1", "mlp.0").replace("mlp.fc2", "mlp.3")
        index = 2 * stage + (1 if kind == "blocks" else 2)
        return f"single_frame.backbone.features.{index}.{rest}"
    if norm := _SWIN_NORM.fullmatch(key):
        return f"single_frame.backbone.norms.{int(norm[1]) - 1}.{norm[2]}"
    if part := _ROUND_PART.fullmatch(key):
        room = "query_encoder" if part[1] == "query_layer" else "decoder_layer"
        rest = _renamed(part[3], _DECODER_LAYER | _LINEAR)
        return f"temporal.rounds.{int(part[2]) - 1}.{room}.{rest}"
    if head := _ROUND_HEAD.fullmatch(key):
        room = "class_head" if head[1] == "class" else "box_head"
        return f"temporal.rounds.{head[2]}.{room}.{head[3]}"
    for prefix, ours, names in _PREFIXES:
        if found := re.fullmatch(rf"{prefix}((?:\.|$).*)", key):
            return ours + _renamed(found[1], names)
    raise ValueError(
        f"{key!r} is no tensor of TransVOD Lite; is this a checkpoint of another model?"
    )


def _renamed(rest: str, names: Mapping[str, str]) -> str:
    return ".".join(names.get(part, part) for part in rest.split("."))
