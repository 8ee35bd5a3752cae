"""Folders of files, good and bad -> videos and an account of the rest."""

from __future__ import annotations

import gc
import json
import tracemalloc
from datetime import UTC, datetime

import numpy as np
import pytest

from solar.aia_frame import Region
from solar.intensity import ClipPercentile, FixedRoot, PerFramePercentile
from solar.picture import SolarPicture
from solar.video import SolarVideo, VideoSettings, prepare_video


def shown(video: SolarVideo) -> SolarPicture:
    """All pictures of a video, each array [T, H, W]."""
    return SolarPicture(*map(np.stack, zip(*video.pictures(), strict=True)))


@pytest.mark.parametrize("wavelength", [171, 193, 304])
def test_real_sequences_become_one_video_each(real_frames, wavelength):
    paths = real_frames(wavelength)
    (video,), report = prepare_video(paths, VideoSettings(wavelengths=(wavelength,)))
    assert report.files == 26
    assert not report.rejected
    assert video.valid.all()
    assert len(video.times) == len(video.facts) == 26
    assert video.cadence == pytest.approx(36, abs=0.1)
    assert video.wavelength == wavelength
    assert video.wcs.rotation == (1, 0, 0, 1)
    pixels, missing, saturated = shown(video)
    assert pixels.shape == (26, video.wcs.height, video.wcs.width)
    assert not missing.any()
    assert saturated.any() == (wavelength != 304)
    # The disk is neither black nor white in any of them.
    assert 40 < np.median(pixels) < 230
    # Nothing of the flicker that exposures of 0.17 to 2 s would give.
    means = pixels.reshape(26, -1).mean(axis=1)
    assert np.abs(np.diff(means)).max() < 3


def test_only_304_by_default(real_frames):
    mixed = [real_frames(wavelength)[0] for wavelength in (171, 193, 304)]
    (video,), report = prepare_video(mixed)
    assert video.wavelength == 304
    assert report.counts() == {"wavelength": 2}
    three, _ = prepare_video(mixed, VideoSettings(wavelengths=(304, 171, 193)))
    assert [v.wavelength for v in three] == [171, 193, 304]


def test_what_is_wrong_is_counted_and_named(write_aia, tmp_path):
    good = [write_aia(f"good{i}.fits", i * 24) for i in (0, 1, 2, 4, 5)]
    bad = {
        "hmi.fits": "not_aia",
        "171.fits": "wavelength",
        "eclipse.fits": "quality",
        "same.fits": "duplicate",
        "between.fits": "off_grid",
        "page.fits": "html",
        "empty.fits": "empty",
        "long.fits": "exposure",
    }
    write_aia("hmi.fits", 72, INSTRUME="HMI_SIDE1")
    write_aia("171.fits", 72, WAVELNTH=171)
    write_aia("eclipse.fits", 72, QUALITY=1 << 13)
    write_aia("same.fits", 24.3, QUALITY=1)
    write_aia("between.fits", 84)
    write_aia("long.fits", 72, EXPTIME=9.0)
    (tmp_path / "page.fits").write_bytes(b"<html>")
    (tmp_path / "empty.fits").touch()
    (video,), report = prepare_video(
        [tmp_path / name for name in bad] + good, VideoSettings(cadence=24.0)
    )
    assert {r.source.name: r.reason for r in report.rejected} == bad
    assert all(r.source.name in r.message for r in report.rejected)
    assert video.valid.tolist() == [True, True, True, False, True, True]
    pixels = shown(video).pixels
    np.testing.assert_array_equal(pixels[3], pixels[2])
    assert [f.source.name for f in video.facts] == [f"good{i}.fits" for i in (0, 1, 2, 2, 4, 5)]
    assert video.times[3] == datetime(2013, 10, 28, 1, 1, 13, 450000, tzinfo=UTC)
    assert video.frame_wcs(3).time == video.times[3]
    told = json.loads(json.dumps(report.as_json()))
    assert told["files"] == 13
    assert told["left_out"]["html"] == 1
    assert str(tmp_path) not in json.dumps([r["file"] for r in told["rejected"]])


def test_a_long_gap_gives_two_videos_in_order(write_aia):
    paths = [write_aia(f"{i}.fits", i * 24) for i in (9, 0, 1, 10, 2)]
    videos, _ = prepare_video(paths)
    assert [len(video.times) for video in videos] == [3, 2]
    assert videos[0].times[-1] < videos[1].times[0]


def test_a_cadence_that_files_do_not_have_is_told(write_aia):
    paths = [write_aia(f"{i}.fits", i * 36) for i in range(4)]
    videos, report = prepare_video(paths, VideoSettings(cadence=24.0))
    assert not videos
    assert report.counts() == {"cadence": 4}
    assert "36 s apart" in report.rejected[0].message


def test_frames_that_come_more_often_than_usual_are_thinned_out(write_aia):
    paths = [write_aia(f"{i}.fits", i * 12) for i in range(5)]
    (video,), report = prepare_video(paths, VideoSettings(usual_cadence=24.0))
    assert [f.source.name for f in video.facts] == ["0.fits", "2.fits", "4.fits"]
    assert video.cadence == pytest.approx(24)
    assert report.counts() == {"off_grid": 2}
    (all_of_them,), _ = prepare_video(paths, VideoSettings(cadence=12.0, usual_cadence=24.0))
    assert len(all_of_them.facts) == 5


def test_frames_that_come_less_often_than_usual_stay_as_they_are(write_aia):
    paths = [write_aia(f"{i}.fits", i * 36) for i in range(4)]
    (video,), report = prepare_video(paths, VideoSettings(usual_cadence=24.0))
    assert video.cadence == pytest.approx(36)
    assert video.valid.all()
    assert not report.rejected
    (still,), _ = prepare_video(paths[:1], VideoSettings(usual_cadence=12.0))
    assert still.cadence == 12


def test_a_frame_of_another_field_is_left_out(write_aia):
    paths = [write_aia(f"{i}.fits", i * 24) for i in range(5)]
    paths[2] = write_aia("stray.fits", 48, CRPIX1=-1275.5)
    (video,), report = prepare_video(paths)
    assert report.counts() == {"field": 1}
    assert video.valid.tolist() == [True, True, False, True, True]


def test_a_sudden_darkness_is_left_out(write_aia, counts):
    paths = [write_aia(f"{i}.fits", i * 24) for i in range(12)]
    paths[6] = write_aia("door.fits", 144, data=counts // 9)
    (video,), report = prepare_video(paths)
    assert report.counts() == {"brightness": 1}
    assert np.flatnonzero(~video.valid).tolist() == [6]


def test_a_jumping_pointing_does_not_shake_the_video(write_aia):
    sky = np.random.default_rng(2).uniform(30, 90, (50, 60)).astype(np.int16)
    # The same sky, cut out one pixel further east in every second frame.
    paths = []
    for i in range(7):
        east = i % 2
        cutout = sky[5:45, 5 - east : 55 - east]
        paths.append(write_aia(f"{i}.fits", i * 24, data=cutout, CRPIX1=-1300.5 + east))
    (video,), _ = prepare_video(paths)
    inner = shown(video).pixels[:, 3:-3, 3:-3].astype(int)
    assert np.abs(inner - inner[0]).max() <= 1


def test_a_quiet_patch_does_not_flicker_while_a_jet_brightens(write_aia):
    rng = np.random.default_rng(3)
    calm = np.full((60, 60), 800.0)  # many counts: noise of 3.5 % a pixel, 0.18 % a patch
    paths = []
    for i in range(8):
        sky = rng.poisson(calm)
        sky[40:50, 40:50] += 1500 * i
        paths.append(write_aia(f"{i}.fits", i * 24, data=sky.astype(np.int16)))

    def flicker(scale) -> float:
        (video,), _ = prepare_video(paths, VideoSettings(scale=lambda _: scale, bits=16))
        patch = shown(video).pixels[:, 35:55, 5:25].reshape(8, -1).mean(axis=1)
        return patch.std() / patch.mean()

    fixed, _ = prepare_video(paths)
    assert flicker(fixed[0].scale) < 0.01
    assert flicker(PerFramePercentile()) > 0.2  # what the default avoids


def test_scales_are_switches(write_aia):
    paths = [write_aia(f"{i}.fits", i * 24) for i in range(3)]
    (video,), _ = prepare_video(paths, VideoSettings(scale=lambda _: ClipPercentile(0, 100)))
    assert isinstance(video.scale, FixedRoot)
    assert (video.scale.low, video.scale.high) == pytest.approx((40 / 2.9, 89 / 2.9))
    pixels = shown(video).pixels
    assert (pixels.min(), pixels.max()) == (0, 255)


def test_a_region_in_larger_frames(write_aia):
    paths = [write_aia(f"{i}.fits", i * 24, compressed=True) for i in range(3)]
    region = Region(790.0, -230.0, 799.0, -224.0)
    (video,), report = prepare_video(paths, VideoSettings(region=region))
    assert video.wcs.size == (15, 10)
    assert not report.rejected
    (whole,), _ = prepare_video(paths)
    x, y = whole.wcs.to_pixels(np.array([[790.0, -224.0]]))[0].round().astype(int)
    near = shown(whole).pixels[:, y : y + 10, x : x + 15].astype(float)
    assert np.corrcoef(near.ravel(), shown(video).pixels.ravel())[0, 1] > 0.5


def test_nan_blocks_become_zero_and_are_marked(write_aia, counts):
    data = counts.astype(np.float32)
    data[0:10, 0:10] = np.nan
    (video,), _ = prepare_video([write_aia(data=data)])
    pixels, missing, _ = shown(video)
    assert missing[0, 30:, :10].all()
    assert missing.sum() == 100
    assert (pixels[missing] == 0).all()


def test_a_long_archive_holds_no_more_pictures_than_a_short_one(write_aia):
    side = 400
    data = np.random.default_rng(4).integers(40, 90, (side, side)).astype(np.int16)
    paths = [write_aia(f"{i}.fits", i * 24, data=data) for i in range(5)]

    def held(count: int) -> int:
        """Bytes in use while the last of the pictures is shown."""
        tracemalloc.start()
        (video,), _ = prepare_video(paths[:count])
        assert [picture.pixels.shape for picture in video.pictures()] == [(side, side)] * count
        gc.collect()
        in_use, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return in_use

    held(1)  # what is remembered once
    assert held(5) < held(2) + side**2  # a byte a pixel


def test_a_file_that_is_gone_when_its_turn_comes_is_named(write_aia):
    paths = [write_aia(f"{i}.fits", i * 24) for i in range(3)]
    (video,), _ = prepare_video(paths)
    paths[2].unlink()
    pictures = video.pictures()
    next(pictures)
    next(pictures)
    with pytest.raises(FileNotFoundError, match=r"2\.fits"):
        next(pictures)


def test_no_files_give_no_videos(tmp_path):
    assert prepare_video([]).videos == []
    with pytest.raises(FileNotFoundError):
        prepare_video([tmp_path / "none.fits"])
