"""What reading a catalogue gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from prepare.jet_catalogue.jet import Jet


class LeftOut(NamedTuple):
    """Something of a jet that is not used.

    Attributes:
        jet: Its id.
        reason: What of it, and why.
    """

    jet: str
    reason: str


@dataclass(frozen=True)
class Catalogue:
    """Jets in the order of the file.

    Attributes:
        source: The file.
        jets: With unique ids.
        left_out: Boxes that the file has and `jets` have not.
    """

    source: Path
    jets: tuple[Jet, ...]
    left_out: tuple[LeftOut, ...]


def checked(source: Path, jets: Sequence[Jet], left_out: Sequence[LeftOut]) -> Catalogue:
    """A catalogue whose jets can be told apart.

    Raises:
        ValueError: if there is no jet, or an id stands for two.
    """
    if not jets:
        raise ValueError(f"{source}: expected jets, got none; fetch the catalogue again")
    twice = [name for name, count in Counter(jet.id for jet in jets).items() if count > 1]
    if twice:
        raise ValueError(
            f"{source}: {len(twice)} ids stand for several jets, the first is {twice[0]!r}; "
            "take the repeated entries out"
        )
    return Catalogue(source, tuple(jets), tuple(left_out))
