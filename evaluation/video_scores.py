"""What is said of detections because their pictures are frames of videos."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from evaluation.columns import Truth
from evaluation.matching import Matches
from evaluation.motion import GROUPS, MotionScores, motion_scores
from evaluation.tracks import read_tracks
from evaluation.video_consistency import Consistency, video_consistency

UNTRACKED = (
    "No box says which object it shows (track_id), so nothing can be said about motion and "
    "steadiness."
)


@dataclass(frozen=True, slots=True)
class VideoScores:
    """Scores on V videos.

    Attributes:
        videos: V.
        motion: AP by motion; None where no object is followed over frames.
        consistency: steadiness; likewise.
    """

    videos: int
    motion: MotionScores | None
    consistency: Consistency | None

    @property
    def note(self) -> str:
        """Why there is nothing to say; empty where there is."""
        return "" if self.motion is not None else UNTRACKED

    def scalars(self) -> dict[str, float]:
        """The numbers worth logging, nan where undefined.

        Keys: `map_slow`, `map_50_slow` and so on for each group, `flicker`, `jitter`, `found`.
        """
        values: dict[str, float] = {}
        if self.motion is not None:
            values |= {f"map_{name}": self.motion.map[name] for name in GROUPS}
            values |= {f"map_50_{name}": self.motion.map_50[name] for name in GROUPS}
        if self.consistency is not None:
            steady = self.consistency
            values |= {"flicker": steady.flicker, "jitter": steady.jitter, "found": steady.found}
        return values

    def to_json(self) -> dict[str, Any]:
        """All of it as plain types, with nan; says so where objects are not followed."""
        return {**asdict(self), **({"note": self.note} if self.note else {})}


def score_videos(
    truth: Truth, matches: Matches, thresholds: dict[str, float]
) -> VideoScores | None:
    """Score what depends on which frames belong together.

    Args:
        truth: COCO-VID instances dict.
        matches: of the same truth.
        thresholds: class name -> least score of a detection that counts.

    Returns:
        None where no picture is a frame of a video.

    Raises:
        ValueError: if the truth's fields for videos are no whole numbers.
    """
    columns = matches.truth
    tracks = read_tracks(truth, columns)
    if tracks is None:
        return None
    if not tracks.followed:
        return VideoScores(tracks.videos, None, None)
    return VideoScores(
        tracks.videos,
        motion_scores(truth, columns, matches.detections, tracks),
        video_consistency(matches, thresholds, tracks),
    )
