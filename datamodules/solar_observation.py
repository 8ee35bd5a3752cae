"""How pictures of the sun were taken, which a detector trained on them takes for granted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from datamodules.annotations.coco_annotations import CocoAnnotations
from datamodules.annotations.solar_rows import Row, SolarRows

KEY = "sun"  # of data.json
UNUSUAL = 1.5  # times larger or smaller than all that was seen in training


class SolarObservation(NamedTuple):
    """What is known of a set of pictures; empty where they do not tell.

    Attributes:
        cadence_s: Seconds from frame to frame, each that occurs, ascending.
        scale: What made grey of intensities, by its name in `solar.intensity.SCALES`, likewise.
        arcsec_per_pixel: Least and largest.
        field_arcsec: Least and largest shorter side of a picture. Detectors that bring all
            pictures to one size see a jet the smaller, the larger the field around it is.
    """

    cadence_s: tuple[float, ...] = ()
    scale: tuple[str, ...] = ()
    arcsec_per_pixel: tuple[float, ...] = ()
    field_arcsec: tuple[float, ...] = ()

    @classmethod
    def of(cls, data: CocoAnnotations, rows: SolarRows) -> SolarObservation:
        """What the annotation files say of pictures.

        Args:
            data: The pictures.
            rows: Of the folders that they are from.

        Raises:
            ValueError: if one of the files says it in another form than `prepare` does.
        """
        cadences, scales, pixels, fields = set(), set(), [], []
        for path in map(data.path, range(len(data))):
            try:
                cadence, scale, place = _facts(rows.video(path), rows.image(path).get("wcs"))
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(
                    f"{path}: 'cadence' or 'scale' of its video or its 'wcs' is not as "
                    f"`python -m prepare.solar_catalogue` writes it ({error!r}); prepare it again"
                ) from error
            cadences |= cadence
            scales |= scale
            pixels += place[:1]
            fields += place[1:]
        return cls(tuple(sorted(cadences)), tuple(sorted(scales)), _span(pixels), _span(fields))

    @classmethod
    def from_json(cls, values: Any, source: Path) -> SolarObservation:
        """Read what `_asdict` gave; a value that is absent is not known.

        Args:
            values: Of a file, perhaps a stranger's.
            source: The file, named in messages.

        Raises:
            ValueError: if a value is not as it should be.
        """
        try:
            numbers = {
                key: tuple(map(_positive, values.get(key, ())))
                for key in cls._fields
                if key != "scale"
            }
            names = tuple(map(_name, values.get("scale", ())))
            if any(len(numbers[key]) not in (0, 2) for key in ("arcsec_per_pixel", "field_arcsec")):
                raise ValueError("a span has two ends")
        except (AttributeError, TypeError, ValueError) as error:
            raise ValueError(
                f"{source}: {KEY!r} is not as a training writes it ({error}); delete the key, and "
                "give scale= and cadence= yourself"
            ) from error
        return cls(scale=names, **numbers)

    def unusual(self, cadence_s: float, arcsec_per_pixel: float, field_arcsec: float) -> list[str]:
        """In words, how a video differs from these pictures; nothing where it is like them.

        Args:
            cadence_s: Of the video.
            arcsec_per_pixel: Likewise.
            field_arcsec: The shorter side of its pictures.
        """
        return [
            f"{name} {value:.4g}{unit}, in training {_words(seen, unit)}"
            for name, value, unit, seen in (
                ("a frame every", cadence_s, " s", self.cadence_s),
                ("pixels of", arcsec_per_pixel, "″", self.arcsec_per_pixel),
                ("a field of", field_arcsec, "″", self.field_arcsec),
            )
            if seen and not min(seen) / UNUSUAL <= value <= max(seen) * UNUSUAL
        ]


UNKNOWN = SolarObservation()


def _facts(video: Row, wcs: Mapping[str, Any] | None) -> tuple[set[float], set[str], list[float]]:
    """Cadence and scale, if any, and arcsec of a pixel and of the shorter side, if any."""
    cadence = {round(_positive(video["cadence"]), 1)} if video.get("cadence") is not None else set()
    scale = {_name(video["scale"])} if video.get("scale") is not None else set()
    if wcs is None:
        return cadence, scale, []
    x, y = (abs(float(step)) for step in wcs["cdelt"])
    pixel = _positive(math.sqrt(x * y))
    return cadence, scale, [pixel, _positive(min(x * wcs["width"], y * wcs["height"]))]


def _positive(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ValueError(f"expected a number above 0, got {value!r}")
    return float(value)


def _name(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected a name, got {value!r}")
    return value


def _span(values: Sequence[float]) -> tuple[float, ...]:
    return (round(min(values), 4), round(max(values), 4)) if values else ()


def _words(seen: Sequence[float], unit: str) -> str:
    low, high = f"{min(seen):.4g}", f"{max(seen):.4g}"
    return f"{low}{unit}" if low == high else f"{low} to {high}{unit}"
