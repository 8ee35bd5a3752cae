"""Which mask values or colours mean building, window and door."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from prepare.inputs import read_text

CLASS_NAMES = ("building", "window", "door")
OTHER = "other"
_UNKNOWN = 255
_LARGEST = 65535

# `building` lists every part of a building that is neither window nor door; `other` the rest.
# A value in no list is an error, so that a wrong mapping cannot pass as a data set without boxes.
PRESETS: dict[str, dict[str, Any]] = {
    "labelme": {
        "building": [[128, 0, 0]],
        "window": [[0, 0, 128]],
        "door": [[128, 128, 0]],
        # various, car, pavement, road, sky, vegetation
        "other": [
            [0, 0, 0],
            [128, 0, 128],
            [128, 128, 128],
            [128, 64, 0],
            [0, 128, 128],
            [0, 128, 0],
        ],
    },
    # shop, balcony, wall, roof, and the unlabelled lines between them (-1, stored as 255)
    "paris": {"building": [1, 2, 4, 6, 255], "window": [3], "door": [0], "other": [5]},
    # facade, cornice, sill, balcony, blind, deco, molding, pillar, shop
    "cmp": {"building": [2, *range(5, 13)], "window": [3], "door": [4], "other": [1]},
    "seed": {"building": [1], "window": [2], "door": [3], "other": [0]},
}


class MaskClasses:
    """A map from mask values to labels.

    Args:
        mapping: For each of building, window, door and other a list of grey values or palette
            indices (0..65535), or of colours [r, g, b] (0..255). `"other": "any"` lets every
            value that is not listed be background.
        name: Where the mapping comes from, for messages.

    Raises:
        ValueError: If a key, value or kind of value is wrong, or a value is listed twice.
    """

    def __init__(self, mapping: Mapping[str, Any], name: str) -> None:
        self.name = name
        self.mapping = dict(mapping)
        self.any_other = mapping.get(OTHER) == "any"
        unknown = sorted(set(mapping) - {*CLASS_NAMES, OTHER})
        if unknown or not set(CLASS_NAMES) <= set(mapping):
            raise ValueError(
                f"{name}: expected the keys {', '.join(CLASS_NAMES)} and, if need be, {OTHER}, "
                f"got {', '.join(map(str, mapping))}"
            )
        codes: dict[int, int] = {}
        kinds = set()
        for label, key in enumerate((OTHER, *CLASS_NAMES)):
            values = [] if key == OTHER and self.any_other else mapping.get(key, [])
            if not isinstance(values, list):
                raise ValueError(f"{name}: {key}: expected a list, got {values!r}")
            for value in values:
                code = _code(value, f"{name}: {key}")
                if code in codes:
                    raise ValueError(f"{name}: {key}: value {value} is listed twice")
                codes[code] = label
                kinds.add(type(value))
        if len(kinds) != 1:
            raise ValueError(f"{name}: expected either numbers or colours, and at least one value")
        self.colours = kinds == {list}
        background = 0 if self.any_other else _UNKNOWN
        self._table = np.full(1 << 24 if self.colours else _LARGEST + 1, background, np.uint8)
        self._table[list(codes)] = list(codes.values())

    @classmethod
    def load(cls, preset_or_file: str) -> MaskClasses:
        """A preset by its name, or a mapping from a JSON file.

        Args:
            preset_or_file: A key of `PRESETS`, or the path of a JSON object.

        Raises:
            FileNotFoundError: If it is neither.
            ValueError: If the file is malformed.
        """
        if preset_or_file in PRESETS:
            return cls(PRESETS[preset_or_file], f"preset {preset_or_file}")
        if not Path(preset_or_file).is_file():
            raise FileNotFoundError(
                f"--classes {preset_or_file}: neither a file nor one of {', '.join(PRESETS)}"
            )
        try:
            mapping = json.loads(read_text(Path(preset_or_file)))
        except json.JSONDecodeError as error:
            raise ValueError(
                f"{preset_or_file}, line {error.lineno}: malformed JSON ({error.msg})"
            ) from error
        if not isinstance(mapping, dict):
            raise ValueError(f"{preset_or_file}: expected a JSON object of lists")
        return cls(mapping, preset_or_file)

    def read(self, path: Path) -> npt.NDArray[np.uint8]:
        """The labels of a mask file.

        Args:
            path: A picture with grey values, palette indices or colours.

        Returns:
            Labels [H, W]: 0 other, 1..3 as in `CLASS_NAMES`.

        Raises:
            ValueError: If it is not readable, of another kind than the mapping, or holds values
                that the mapping does not list.
        """
        values = self._values(path)
        labels: npt.NDArray[np.uint8] = self._table[values]
        unlisted = labels == _UNKNOWN
        if unlisted.any():
            code = int(values[unlisted][0])
            shown = [code >> 16, code >> 8 & 255, code & 255] if self.colours else code
            raise ValueError(
                f"{path}: value {shown} ({int((values == code).sum())} px) is not in {self.name}: "
                f'add it to a class or to "{OTHER}", or choose the mapping of this data set'
            )
        return labels

    def _values(self, path: Path) -> npt.NDArray[np.int32]:
        """Grey values, palette indices or packed colours [H, W] of a file."""
        try:
            with Image.open(path) as picture:
                picture.load()
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise ValueError(f"{path}: not a readable mask ({error})") from error
        if self.colours:
            r, g, b = np.moveaxis(np.asarray(picture.convert("RGB"), np.int32), 2, 0)
            return r << 16 | g << 8 | b
        values = np.asarray(picture.convert("L") if picture.mode == "1" else picture)
        if values.ndim == 3 and (values[..., :3] == values[..., :1]).all():
            values = values[..., 0]  # grey, stored as RGB
        whole = values.ndim == 2 and np.issubdtype(values.dtype, np.integer)
        if not whole or values.min() < 0 or values.max() > _LARGEST:
            raise ValueError(
                f"{path}: {self.name} lists numbers, so a mask of grey values or palette indices "
                f"up to {_LARGEST} is expected, got a picture of mode {picture.mode}: list colours "
                "[r, g, b], or save the mask as grey or palette picture"
            )
        return values.astype(np.int32)


def _code(value: Any, where: str) -> int:
    """One number for a grey value, a palette index or a colour."""
    if _is_int(value, _LARGEST):
        return int(value)
    if isinstance(value, list) and len(value) == 3 and all(_is_int(v, 255) for v in value):
        return int(value[0] << 16 | value[1] << 8 | value[2])
    raise ValueError(f"{where}: expected 0..{_LARGEST} or [r, g, b] of 0..255, got {value!r}")


def _is_int(value: Any, largest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= largest
