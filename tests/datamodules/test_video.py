"""Videos as clips: which frames, judged how often, read how often, and what is refused."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from datamodules import video
from datamodules.augmentation import Augmentation
from datamodules.frame_samplers import (
    Causal,
    Neighbours,
    RandomReferences,
    SequentialClips,
    ShuffledClips,
)
from datamodules.video import VideoDataModule
from structures import Batch, Target

LENGTHS = {"a": 9, "b": 4, "c": 12, "d": 7, "e": 10, "f": 8}
STILLS = 3
SAMPLERS = [RandomReferences, Neighbours, Causal, ShuffledClips, SequentialClips]
MakeRoot = Callable[..., Path]


def video_document() -> dict[str, Any]:
    """Videos of 40x30 pixels and three stills, in an order of pictures drawn once."""
    places = [(v, f) for v, n in enumerate(LENGTHS.values()) for f in range(n)]
    places += [(-1, f) for f in range(STILLS)]
    order = np.random.default_rng(0).permutation(len(places)).tolist()
    images, boxes = [], []
    for number, place in enumerate(order):
        v, f = places[place]
        name = f"frames/{v}_{f}.png"
        size = {"width": 40, "height": 30}
        images.append({"id": 7 * number + 3, "file_name": name, **size, "video_id": v})
        if v >= 0:
            images[-1]["frame_id"] = f
        box = {"category_id": 4, "bbox": [2 + f, 3, 10, 12], "track_id": max(v, 0)}
        boxes.append({"id": number, "image_id": 7 * number + 3, **box})
    names = [{"id": v, "name": name, "fps": 2} for v, name in enumerate(LENGTHS)]
    categories = [{"id": 4, "name": "body"}]
    return {"videos": names, "images": images, "annotations": boxes, "categories": categories}


@pytest.fixture
def root(make_root: MakeRoot) -> str:
    return str(make_root(annotations=video_document()))


def frames_of(data: VideoDataModule, split: str) -> dict[int, tuple[str, int]]:
    """Image id -> (video, frame) of the frames of videos."""
    found = data.annotations(split)
    rows = zip(found.image_ids, found.video_index, found.frame_ids, strict=True)
    return {int(i): (found.videos[v], int(f)) for i, v, f in rows if v >= 0}


def shown(batches: Any) -> list[list[tuple[int, bool]]]:
    """(image id, judged) of each frame of each clip."""
    return [
        [(target.image_id, target.judged) for target in targets]
        for batch in batches
        for targets in batch.targets
    ]


def judged(batches: Any) -> Counter[int]:
    return Counter(image_id for clip in shown(batches) for image_id, counts in clip if counts)


def test_targets_know_their_time_and_tracks_and_splits_cut_no_video(root: str) -> None:
    data = VideoDataModule(4, root=root)
    sides: dict[str, set[str]] = {}
    for split in ("train", "val", "test"):
        for name, _ in frames_of(data, split).values():
            sides.setdefault(name, set()).add(split)
    assert sides.keys() == LENGTHS.keys()
    assert all(len(splits) == 1 for splits in sides.values())
    places = frames_of(data, "train")
    stills = 0
    for batch in data.train_dataloader():
        for clip, targets in zip(batch.clips, batch.targets, strict=True):
            assert clip.shape == (len(targets), 3, 30, 40)
            for frame, target in zip(clip, targets, strict=True):
                stored = cv2.cvtColor(data.picture(target.image_id), cv2.COLOR_RGB2BGR)
                assert np.array_equal(frame.permute(1, 2, 0).numpy()[..., ::-1], stored)
                if target.image_id not in places:
                    stills += 1
                    assert len(targets) == 1
                    assert target.time is None
                    continue
                name, number = places[target.image_id]
                assert target.time == number / 2
                assert target.track_id is not None
                assert target.track_id.tolist() == [list(LENGTHS).index(name)]
                assert target.boxes.tolist() == [[2 + number, 3, 12 + number, 15]]
            times = [target.time or 0 for target in targets]
            assert times == sorted(times)
    assert stills


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("clip_length", [1, 4])
@pytest.mark.parametrize("world_size", [1, 2, 3])
def test_every_frame_is_judged_once_whatever_the_sampler_and_the_processes(
    root: str, sampler: Any, clip_length: int, world_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clips = []
    for rank in range(world_size):
        data = VideoDataModule(clip_length, test_frames=sampler, root=root)
        monkeypatch.setattr(data, "_processes", lambda rank=rank: (world_size, rank))
        clips += shown(data.val_dataloader())
    alone = VideoDataModule(clip_length, test_frames=sampler, root=root)
    assert sorted(clips) == sorted(shown(alone.val_dataloader()))
    counts = Counter(image_id for clip in clips for image_id, counts in clip if counts)
    assert counts == Counter(alone.annotations("val").image_ids.tolist())


def test_an_epoch_draws_other_references_and_workers_change_nothing(root: str) -> None:
    def epochs(workers: int, cache_mb: int) -> list[list[Batch]]:
        data = VideoDataModule(
            4, root=root, num_workers=workers, cache_mb=cache_mb, seed=5,
            augmentation=Augmentation(turn_p=0.5, vertical_flip_p=0.5),
        )  # fmt: skip
        loader: Any = data.train_dataloader()
        found = []
        for epoch in range(2):
            loader.batch_sampler.sampler.set_epoch(epoch)
            found.append(list(loader))
        return found

    alone, pair = epochs(0, 64), epochs(2, 0)
    assert [shown(epoch) for epoch in alone] == [shown(epoch) for epoch in pair]
    for one, other in zip(alone, pair, strict=True):
        for a, b in zip(one, other, strict=True):
            assert all(torch.equal(x, y) for x, y in zip(a.clips, b.clips, strict=True))
    first, second = ({tuple(clip) for clip in shown(epoch) if len(clip) > 1} for epoch in alone)
    assert len(first & second) < len(first) / 3  # few others can be drawn from four frames


def test_overlapping_clips_decode_no_frame_twice(
    root: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: Counter[Path] = Counter()
    original = video.read_picture

    def counted(path: Path) -> Any:
        reads[path] += 1
        return original(path)

    monkeypatch.setattr(video, "read_picture", counted)
    data = VideoDataModule(5, test_frames=Causal, root=root)
    assert len(judged(data.val_dataloader())) == len(reads)
    assert set(reads.values()) == {1}
    list(VideoDataModule(5, test_frames=Causal, cache_mb=0, root=root).val_dataloader())
    assert max(reads.values()) == 1 + 5


def test_a_frame_damaged_after_the_check_is_skipped_and_counted(root: str) -> None:
    data = VideoDataModule(4, test_frames=Causal, root=root, on_bad_image="skip")
    data.setup("validate")
    annotations = data.annotations("val")
    frames = max(annotations.frames_by_video(), key=len)
    bad = int(frames[2])
    annotations.path(bad).write_bytes(b"gone")
    batches = list(data.val_dataloader())
    assert [i for batch in batches for i in batch.skipped] == [int(annotations.image_ids[bad])]
    left = set(annotations.image_ids.tolist()) - {int(annotations.image_ids[bad])}
    assert judged(batches) == Counter(left)
    stopping = VideoDataModule(4, test_frames=Causal, root=root)
    with pytest.raises(ValueError, match="damaged"):
        list(stopping.val_dataloader())


def edited(root: str, change: Callable[[dict[str, Any]], None]) -> str:
    file = Path(root) / "annotations.json"
    document = json.loads(file.read_text())
    change(document)
    file.write_text(json.dumps(document))
    return root


def enlarge(document: dict[str, Any]) -> None:
    frame = next(row for row in document["images"] if row["video_id"] == 2)
    frame |= {"width": 50, "height": 36}


def test_mixed_sizes_are_named_and_fit_clips_of_one(root: str) -> None:
    edited(root, enlarge)
    document = json.loads((Path(root) / "annotations.json").read_text())
    frame = next(row for row in document["images"] if row["video_id"] == 2)
    cv2.imwrite(str(Path(root) / frame["file_name"]), np.zeros((36, 50, 3), dtype=np.uint8))
    with pytest.raises(ValueError, match=r"frames of video 'c' differ in size: .*2_\d+\.png has"):
        VideoDataModule(4, root=root).setup()
    data = VideoDataModule(1, root=root)
    data.setup()
    assert judged(data.train_dataloader())


def test_clips_longer_than_any_video_are_refused_and_than_some_told(
    root: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ValueError, match=r"clip_length=13, but the longest video has 12 frames"):
        VideoDataModule(13, root=root).setup()
    with caplog.at_level(logging.WARNING):
        VideoDataModule(12, root=root).setup()
    assert "have fewer than 12 frames; their clips are shorter" in caplog.text


def test_short_videos_give_short_clips_of_distinct_frames(root: str) -> None:
    data = VideoDataModule(12, test_frames=SequentialClips, root=root)
    for split in ("train", "val", "test"):
        lengths = Counter(name for name, _ in frames_of(data, split).values())
        loader = data._evaluation_loader(split)
        for batch in loader:
            for targets in batch.targets:
                ids = [target.image_id for target in targets]
                assert len(set(ids)) == len(ids)
                place = frames_of(data, split).get(ids[0])
                assert len(ids) == (1 if place is None else min(12, lengths[place[0]]))


def test_the_digest_tells_how_frames_are_shown(root: str) -> None:
    digests = [
        VideoDataModule(t, test_frames=frames, root=root).data_digest()
        for t, frames in [(4, Causal), (4, partial(Causal, stride=2)), (5, Causal), (4, Neighbours)]
    ]
    assert len(set(digests)) == 4
    assert VideoDataModule(4, test_frames=Causal, root=root).data_digest() == digests[0]


def test_the_digest_tells_another_order_of_frames(root: str) -> None:
    before = VideoDataModule(4, test_frames=Causal, root=root).data_digest()

    def reverse(document: dict[str, Any]) -> None:
        for image in document["images"]:
            if "frame_id" in image:
                image["frame_id"] *= -1

    after = VideoDataModule(4, test_frames=Causal, root=edited(root, reverse)).data_digest()
    assert after != before


def test_a_video_on_two_sides_is_refused(make_root: MakeRoot) -> None:
    document = video_document()
    images = [row | {"file_name": f"again/{row['id']}.png"} for row in document["images"]]
    root = make_root(train=document, val=document | {"images": images})
    with pytest.raises(ValueError, match=r"6 groups or pictures stand in both train and val"):
        VideoDataModule(4, root=str(root)).setup()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"clip_length": 0}, "clip_length >= 1"),
        ({"cache_mb": -1}, "cache_mb >= 0"),
        ({"outside_boxes": "cut"}, "outside_boxes must be error or clip, got 'cut'"),
        ({"test_frames": Causal(3)}, r"datamodule\.test_frames must name a class of"),
    ],
)
def test_wrong_settings_are_refused(root: str, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        VideoDataModule(root=root, **wrong)


def test_real_video(shared: Path) -> None:
    folder = str(shared / "data/video/dev")
    with pytest.raises(ValueError, match=r"90 faults(.|\n)*datamodule\.outside_boxes=clip"):
        VideoDataModule(root=folder).setup("test")
    data = VideoDataModule(8, test_frames=Causal, root=folder, outside_boxes="clip", batch_size=4)
    data.setup("test")
    (loader,) = data.test_dataloader()
    batches = list(loader)
    assert judged(batches) == Counter(data.annotations("test").image_ids.tolist())
    tracked = [t for batch in batches for t in batch.frame_targets() if len(t.boxes)]
    assert all(isinstance(t, Target) and t.track_id is not None for t in tracked)
