"""Solar videos: drawn by default, grey in three channels or three of them, complete truth."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import cv2
import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf

from datamodules.picture import read_picture
from datamodules.solar_channels import CHANNELS
from datamodules.solar_observation import SolarObservation
from datamodules.solar_video import SolarVideoDataModule
from prepare.drawn_solar import draw_solar
from runs.config.targets import check_arguments

CONF = Path(__file__).resolve().parents[2] / "conf"
SIDE = 48


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_solar(tmp_path_factory.mktemp("sun") / "drawn_solar", 4, 1, 12, SIDE)


def built(root: Path, **options: Any) -> SolarVideoDataModule:
    options = {"statistics_root": str(root.parent / "statistics"), "clip_length": 4, **options}
    fractions = {"train": 0.5, "val": 0.25, "test": 0.25}
    data = SolarVideoDataModule(root=str(root), fractions=fractions, **options)
    data.setup("fit")
    return data


def first_clip(data: SolarVideoDataModule) -> np.ndarray:
    batch = next(iter(data.val_dataloader()))
    return batch.clips[0].numpy()


def test_the_yaml_draws_a_sun_under_the_data_path(tmp_path: Path) -> None:
    drawing = ["datamodule.draw.sequences=4", "+datamodule.draw.frames=12"]
    drawing += [f"+datamodule.draw.side={SIDE}", "datamodule.fractions.train=0.5"]
    drawing += ["datamodule.fractions.val=0.25", "datamodule.fractions.test=0.25"]
    paths = ["paths.root=/tmp/root", "paths.run=/tmp/run", f"paths.data={tmp_path}"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", overrides=["datamodule=solar_video", *drawing, *paths])
    node: Any = OmegaConf.to_container(config.datamodule, resolve=True)
    check_arguments(node)
    data = instantiate(node, clip_length=3, _convert_="all")
    assert isinstance(data, SolarVideoDataModule)
    data.setup("fit")
    assert data.drawn
    assert data.name.startswith("drawn_solar_4_0_")
    assert data.classes.names == ("jet",)
    assert first_clip(data).shape[1:] == (3, SIDE, SIDE)


def test_grey_pictures_have_three_equal_channels(root: Path) -> None:
    clip = first_clip(built(root))
    assert clip.dtype == np.uint8
    assert clip.max() > 100
    np.testing.assert_array_equal(clip[:, 0], clip[:, 1])
    np.testing.assert_array_equal(clip[:, 0], clip[:, 2])


def test_channels_are_log_difference_to_the_frame_before_and_flattened(root: Path) -> None:
    plain, made = first_clip(built(root)), first_clip(built(root, channels=list(CHANNELS)))
    np.testing.assert_array_equal(made[:, 0], plain[:, 0])
    assert (made[0, 1] == 128).all()  # nothing lies before the first frame
    now, before = plain[1:, 0].astype(int), plain[:-1, 0].astype(int)
    np.testing.assert_array_equal(made[1:, 1], np.clip(128 + 2 * (now - before), 0, 255))
    assert np.abs(np.median(made[:, 2]) - 128) < 3


def test_flattening_makes_disk_and_corona_alike_and_keeps_what_stands_out(root: Path) -> None:
    data = built(root, channels=["limb_flattened"] * 3)
    index = 0
    row = data._rows(data.annotations("train")).image(data.annotations("train").path(index))
    flat = data._dataset("train")._read(index)[..., 0].astype(float)
    crpix, crval, scale = row["wcs"]["crpix"], row["wcs"]["crval"], row["wcs"]["cdelt"]
    y, x = np.mgrid[:SIDE, :SIDE]
    tx = crval[0] + scale[0] * (x + 1 - crpix[0])
    ty = crval[1] + scale[1] * (SIDE - y - crpix[1])
    ring = np.rint(np.hypot(tx, ty) / scale[0]).astype(int)
    medians = [np.median(flat[ring == r]) for r in np.unique(ring) if (ring == r).sum() > 20]
    np.testing.assert_allclose(medians, 128, atol=3)


def test_a_picture_of_16_bits_is_read_as_its_upper_8(root: Path, tmp_path: Path) -> None:
    fine = copy_in_16_bits(root, tmp_path / "drawn_fine")
    expected = picture_of(root, built(root))
    for channels in (["log"] * 3, ["log", "running_difference", "log"]):
        found = picture_of(fine, built(fine, channels=channels))
        assert found.dtype == np.uint8
        assert np.abs(found[..., 0].astype(int) - expected[..., 0]).max() <= 1


def picture_of(root: Path, data: SolarVideoDataModule) -> np.ndarray:
    """One and the same picture, whatever split it stands in."""
    wanted = root / "images/drawn_0001/000004.png"
    for split in ("train", "val", "test"):
        annotations = data.annotations(split)
        for index in range(len(annotations)):
            if annotations.path(index) == wanted:
                found = data._dataset(split)._picture(index)
                assert found is not None
                return found
    raise AssertionError(f"{wanted} stands in no split")


def copy_in_16_bits(root: Path, target: Path) -> Path:
    for path in sorted((root / "images").rglob("*.png")):
        pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert pixels is not None
        other = target / path.relative_to(root)
        other.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(other), pixels.astype(np.uint16) * 257)
    (target / "annotations.json").write_text((root / "annotations.json").read_text())
    return target


def test_truth_tells_times_places_and_events(root: Path) -> None:
    data = built(root)
    document = json.loads((root / "annotations.json").read_text())
    by_file = {image["file_name"]: image for image in document["images"]}
    for split in ("train", "val", "test"):
        truth = data.ground_truth(split)
        for image in truth["images"]:
            stored = by_file[image["file_name"]]
            assert {k: image[k] for k in ("time", "wcs", "valid", "obs_time")} == {
                k: stored[k] for k in ("time", "wcs", "valid", "obs_time")
            }
        stored_boxes = {box["id"]: box for box in document["annotations"]}
        for box in truth["annotations"]:
            assert box["event"] == stored_boxes[box["id"]]["event"]
            assert len(box["hpc_base"]) == 2
            assert box["height"] > 0
        shown = {image["video_id"] for image in truth["images"]}
        for video in truth["videos"]:
            assert video["id"] not in shown or video["sol"].startswith("SOL")


def test_statistics_are_of_training_pictures_and_measured_once(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = built(root)
    pictures = data.annotations("train")
    pixels = np.stack([read_picture(pictures.path(i)) for i in range(len(pictures))]) / 255
    for found, expected in zip(data.pixel_statistics, (pixels.mean(), pixels.std()), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9)
    monkeypatch.setattr("datamodules.solar_video.measure", None)  # not called again
    assert built(root).pixel_statistics == data.pixel_statistics
    kept = list((root.parent / "statistics").glob("*.json"))
    assert len(kept) == 1
    kept[0].write_text('{"mean": [1, 2], "std": [0, 0, 0]}')
    with pytest.raises(ValueError, match="three numbers"):
        _ = built(root).pixel_statistics
    kept[0].unlink()


def test_it_is_known_how_the_training_pictures_were_taken(root: Path, tmp_path: Path) -> None:
    told = built(root).observation["sun"]
    assert told["cadence_s"] == (24.0,)
    assert told["scale"] == ("fixed-log",)
    assert told["arcsec_per_pixel"] == (4.8, 4.8)
    assert told["field_arcsec"] == (230.4, 230.4)  # 48 of them
    assert SolarObservation.from_json(json.loads(json.dumps(told)), root)._asdict() == told


def changed(root: Path, target: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    document = json.loads((root / "annotations.json").read_text())
    change(document)
    copytree(root / "images", target / "images")
    (target / "annotations.json").write_text(json.dumps(document))
    return target


def test_pictures_may_have_been_taken_in_several_ways_or_not_tell(
    root: Path, tmp_path: Path
) -> None:
    def vary(document: dict[str, Any]) -> None:
        for video in document["videos"]:
            video |= {"cadence": 12.0 * video["id"], "scale": f"scale-{video['id']}"}

    def forget(document: dict[str, Any]) -> None:
        for row in document["videos"] + document["images"]:
            for key in ("cadence", "scale", "wcs"):
                row.pop(key, None)

    data = built(changed(root, tmp_path / "drawn_varied", vary))
    shown = {int(v) for v in {i["video_id"] for i in data.ground_truth("train")["images"]}}
    told = data.observation["sun"]
    assert len(told["cadence_s"]) == len(told["scale"]) == len(shown) == 2  # not those of val, test
    untold = built(changed(root, tmp_path / "drawn_untold", forget)).observation["sun"]
    assert set(untold.values()) == {()}


@pytest.mark.parametrize(("rows", "key"), [("videos", "cadence"), ("images", "wcs")])
def test_what_does_not_say_how_it_was_taken_in_the_usual_form_is_refused(
    rows: str, key: str, root: Path, tmp_path: Path
) -> None:
    def spoil(document: dict[str, Any]) -> None:
        for row in document[rows]:
            row[key] = "24 s"

    data = built(changed(root, tmp_path / "drawn_spoilt", spoil))
    with pytest.raises(ValueError, match=r"000000\.png: 'cadence' or 'scale'.*prepare it again"):
        _ = data.observation


def test_a_video_is_told_to_be_unlike_those_of_the_training() -> None:
    known = SolarObservation((12.0, 24.0), (), (0.6, 0.6), (300.0, 420.0))
    assert known.unusual(24, 0.6, 250) == []
    assert known.unusual(36, 0.4, 600) == []
    assert known.unusual(180, 2.4, 2458) == [
        "a frame every 180 s, in training 12 to 24 s",
        "pixels of 2.4″, in training 0.6″",
        "a field of 2458″, in training 300 to 420″",
    ]
    assert SolarObservation().unusual(180, 2.4, 2458) == []


def test_other_channels_are_other_data(root: Path) -> None:
    assert built(root).data_digest("val") != built(root, channels=list(CHANNELS)).data_digest("val")


@pytest.mark.parametrize("channels", ["log", ["log"], ["log", "log", "logg"]], ids=str)
def test_unknown_channels_are_refused(channels: Any, root: Path) -> None:
    with pytest.raises(ValueError, match=r"datamodule\.channels must be three of log"):
        built(root, channels=channels)


@pytest.mark.parametrize("fault", ["none", "size"])
def test_flattening_without_a_place_on_the_sky_is_refused(
    fault: str, root: Path, tmp_path: Path
) -> None:
    other = copy_in_16_bits(root, tmp_path / "drawn_lost")
    document = json.loads((other / "annotations.json").read_text())
    for image in document["images"]:
        if fault == "none":
            del image["wcs"]
        else:
            image["wcs"]["width"] = 10**9
    (other / "annotations.json").write_text(json.dumps(document))
    data = built(other, channels=["limb_flattened"] * 3)
    with pytest.raises(ValueError, match=r"no usable 'wcs'.*prepare"):
        first_clip(data)
