"""The names of a test's conditions: 'clean', 'jpeg_q10', 'fog_3'."""

from __future__ import annotations

import re
from dataclasses import dataclass

CLEAN = "clean"
SEVERITIES = (1, 2, 3, 4, 5)

# The 15 kinds of the benchmark with the groups of its figure 2, then the 4 that it holds out.
GROUPS = {
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise"),
    "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
    "weather": ("snow", "frost", "fog", "brightness"),
    "digital": ("contrast", "elastic_transform", "pixelate", "jpeg_compression"),
}
BENCHMARK_KINDS = tuple(kind for kinds in GROUPS.values() for kind in kinds)
EXTRA_KINDS = ("speckle_noise", "gaussian_blur", "spatter", "saturate")

_JPEG = re.compile(r"jpeg_q(\d{1,3})")
_CORRUPTION = re.compile(r"([a-z_]+)_(\d)")


def words(kind: str) -> str:
    """A kind as a reader wants it: 'elastic transform', 'JPEG compression'."""
    return kind.replace("_", " ").replace("jpeg", "JPEG")


@dataclass(frozen=True, slots=True)
class Condition:
    """One way in which the pictures of a test were distorted, or not at all.

    Attributes:
        kind: 'clean', 'jpeg' or a kind of corruption.
        level: quality 1..100 of 'jpeg', severity 1..5 of a corruption, 0 of 'clean'.
    """

    kind: str
    level: int

    @classmethod
    def from_name(cls, name: str) -> Condition:
        """Read a condition's name.

        Raises:
            ValueError: if it is none.
        """
        if name == CLEAN:
            return cls(CLEAN, 0)
        if (jpeg := _JPEG.fullmatch(name)) and 1 <= int(jpeg[1]) <= 100:
            return cls("jpeg", int(jpeg[1]))
        found = _CORRUPTION.fullmatch(name)
        if found and found[1] in BENCHMARK_KINDS + EXTRA_KINDS and int(found[2]) in SEVERITIES:
            return cls(found[1], int(found[2]))
        raise ValueError(
            f"'{name}' is no condition; expected '{CLEAN}', 'jpeg_q<1..100>', or a kind with a "
            f"severity such as 'fog_3' (severities 1..5; kinds "
            f"{', '.join(BENCHMARK_KINDS + EXTRA_KINDS)})"
        )

    @property
    def name(self) -> str:
        """The name that it is logged and stored under."""
        if self.kind == CLEAN:
            return CLEAN
        return f"jpeg_q{self.level}" if self.kind == "jpeg" else f"{self.kind}_{self.level}"
