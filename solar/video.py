"""FITS files -> videos of pictures, one coordinate system each, and an account of the rest.

Files are read twice, once to judge them and once to show them: none can be shown before all are
known, and neither rates nor pictures of hours of frames would fit in memory.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from solar.aia_frame import FrameFacts, Region, read_aia
from solar.candidates import (
    Candidate,
    fit_together,
    read_candidates,
    seconds,
    within_field,
    without_duplicates,
)
from solar.degradation import DegradationTable
from solar.frame_error import FrameError
from solar.frame_wcs import FrameWCS
from solar.intensity import ClipPercentile, FixedLog, Scale
from solar.picture import Bits, SolarPicture, render
from solar.quality import lacks_ancillary_data
from solar.report import Report
from solar.resampling import common_field
from solar.time_grid import (
    MOST_HELD,
    Slots,
    cadence_near,
    native_cadence,
    regular_slots,
    split_at_gaps,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class VideoSettings:
    """How videos are made of frames.

    Attributes:
        wavelengths: Those that are wanted, in Å; each makes videos of its own.
        cadence: Distance of slots in s; by default that of the files, thinned out to what is
            nearest to `usual_cadence`.
        usual_cadence: In s, see `cadence`; none by default, so that no file is left out.
        tolerance: How far in s a frame may lie from its slot; a quarter of the cadence by default.
        most_held: Slots in a row that hold the frame before; a longer gap splits the video.
        scale: Gives each wavelength in Å what makes 0..1 of its rates.
        bits: Of a pixel, 8 or 16.
        region: The part of the sky to show; by default all that the frames show.
        degradation: Corrects for lost throughput; no correction by default.
    """

    wavelengths: tuple[int, ...] = (304,)
    cadence: float | None = None
    usual_cadence: float | None = None
    tolerance: float | None = None
    most_held: int = MOST_HELD
    scale: Callable[[int], Scale | ClipPercentile] = FixedLog.of
    bits: Bits = 8
    region: Region | None = None
    degradation: DegradationTable | None = None


@dataclass(frozen=True)
class SolarVideo:
    """Pictures at a regular cadence, all with the same pixels on the sky.

    Attributes:
        wavelength: In Å.
        cadence: In s.
        times: aware datetimes [T], UTC: middle of the exposure, or the slot's time where none is.
        valid: bool [T]; false where the picture before is held.
        wcs: Of all pictures, upright; its time is that of the first frame.
        facts: [T], of the frame that each picture shows: file, start of the exposure, quality.
        scale: What makes pictures of the rates.
        settings: How the frames are read.
    """

    wavelength: int
    cadence: float
    times: tuple[datetime, ...]
    valid: NDArray[np.bool_]
    wcs: FrameWCS
    facts: tuple[FrameFacts, ...]
    scale: Scale
    settings: VideoSettings

    def frame_wcs(self, frame: int) -> FrameWCS:
        """The system of one picture: that of the video, at the picture's time."""
        return replace(self.wcs, time=self.times[frame])

    def pictures(self) -> Iterator[SolarPicture]:
        """The T pictures, uint8 or uint16 [H, W], one after the other; a file is read in its turn.

        Raises:
            FileNotFoundError: if a file has been taken away meanwhile.
            FrameError: if it gives no frame any more.
        """
        settings = self.settings
        for fact, valid in zip(self.facts, self.valid, strict=True):
            if valid:
                frame = read_aia(
                    fact.source, (fact.wavelength,), settings.region, settings.degradation
                )
                picture = render(frame, self.wcs, self.scale, settings.bits)
            yield picture


class PreparedVideos(NamedTuple):
    """Videos in order of wavelength and time, perhaps none, and the account of the rest."""

    videos: list[SolarVideo]
    report: Report


def prepare_video(
    paths: Iterable[Path], settings: VideoSettings = VideoSettings()
) -> PreparedVideos:
    """Make videos of files.

    Args:
        paths: FITS files of one region of the sun, in any order, good and bad.
        settings: See there.

    Raises:
        ValueError: if `settings.scale` has none for a wavelength.
        FileNotFoundError: if a file is not there. Files that give no frame are no error: the
            report names each of them.
    """
    report = Report()
    read = partial(
        read_aia,
        wavelengths=settings.wavelengths,
        region=settings.region,
        degradation=settings.degradation,
    )
    candidates = read_candidates(paths, read, report)
    videos = []
    for wavelength in sorted({c.facts.wavelength for c in candidates}):
        own = [c for c in candidates if c.facts.wavelength == wavelength]
        videos += _videos_of(without_duplicates(own, report), settings, report)
    if report.rejected:
        logger.warning("%s", report)
    return PreparedVideos(videos, report)


def _videos_of(
    candidates: Sequence[Candidate], settings: VideoSettings, report: Report
) -> list[SolarVideo]:
    """The videos of one wavelength."""
    origin = candidates[0].facts.time
    times = seconds(candidates, origin)
    native = native_cadence(times)
    cadence = settings.cadence or cadence_near(native, settings.usual_cadence)
    tolerance = cadence / 4 if settings.tolerance is None else settings.tolerance
    if native > cadence + tolerance:
        for candidate in candidates:
            message = f"frames are {native:.4g} s apart, too far for the slots of {cadence:g} s "
            message += f"that were asked for; ask for a cadence of {native:.4g} s or more"
            report.reject(FrameError("cadence", candidate.facts.source, message))
        return []
    videos = []
    for run in split_at_gaps(times, (settings.most_held + 1) * cadence + tolerance):
        frames = fit_together([candidates[i] for i in run], report)
        if frames:
            target = common_field([c.facts.wcs for c in frames], settings.region)
            frames = within_field(frames, target, report)
        slots = regular_slots(seconds(frames, origin), cadence, tolerance, settings.most_held)
        _note_unused(frames, slots, cadence, report)
        videos += [_shown(frames, part, origin, cadence, target, settings) for part in slots]
    return videos


def _note_unused(
    frames: Sequence[Candidate], slots: Sequence[Slots], cadence: float, report: Report
) -> None:
    used = {int(i) for part in slots for i in part.frames}
    for i in sorted(set(range(len(frames))) - used):
        facts = frames[i].facts
        message = f"{facts.time:%FT%T} lies between the slots of {cadence:g} s"
        report.reject(FrameError("off_grid", facts.source, message))


def _shown(
    frames: Sequence[Candidate],
    slots: Slots,
    origin: datetime,
    cadence: float,
    target: FrameWCS,
    settings: VideoSettings,
) -> SolarVideo:
    shown = [frames[i] for i in slots.frames]
    scale = settings.scale(shown[0].facts.wavelength)
    if isinstance(scale, ClipPercentile):
        scale = scale.fit(np.concatenate([c.sample for c in shown]))
    facts = tuple(c.facts for c in shown)
    _warn_of_ancillary_data(facts)
    return SolarVideo(
        wavelength=facts[0].wavelength,
        cadence=cadence,
        times=tuple(
            f.time if valid else origin + timedelta(seconds=float(slot))
            for f, valid, slot in zip(facts, slots.valid, slots.times, strict=True)
        ),
        valid=slots.valid,
        wcs=replace(target, time=facts[0].time, observer=facts[0].wcs.observer),
        facts=facts,
        scale=scale,
        settings=settings,
    )


def _warn_of_ancillary_data(facts: Sequence[FrameFacts]) -> None:
    lacking = sum(lacks_ancillary_data(fact.quality) for fact in facts)
    if lacking:
        logger.warning(
            "%d of %d frames lack ancillary data (QUALITY bits 0-4); kept", lacking, len(facts)
        )
