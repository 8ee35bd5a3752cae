"""The sheet shows every kind, and its command answers wrong input with a message."""

import numpy as np
import pytest
from PIL import Image

from datamodules.distortions.__main__ import main
from datamodules.distortions.contact_sheet import draw_contact_sheet


def test_the_sheet_has_a_row_for_each_of_twenty_kinds(facade):
    sheet = draw_contact_sheet(facade, 0)
    assert sheet.shape == (10 * (112 + 17), 2 * 5 * 150, 3)
    cells = sheet.reshape(10, 129, 10, 150, 3).swapaxes(1, 2)[:, :, 17:].reshape(100, -1)
    assert len(np.unique(cells, axis=0)) == 98  # two qualities are also severities


def test_the_command_writes_a_jpeg(facade, tmp_path):
    Image.fromarray(facade).save(tmp_path / "street.png")
    out = tmp_path / "new" / "sheet.jpg"
    main(["--picture", str(tmp_path / "street.png"), "--out", str(out)])
    assert Image.open(out).size == (1500, 1290)
    assert [path.name for path in out.parent.iterdir()] == ["sheet.jpg"]


def test_missing_and_small_pictures_are_named(tmp_path, capsys):
    small = tmp_path / "small.png"
    Image.new("RGB", (200, 200)).save(small)
    for path, message in ((tmp_path / "gone.jpg", "gone.jpg: no such"), (small, "got 200x200")):
        with pytest.raises(SystemExit):
            main(["--picture", str(path), "--out", str(tmp_path / "sheet.jpg")])
        assert message in capsys.readouterr().err


def test_an_output_that_cannot_be_is_named_and_leaves_nothing(facade, tmp_path, capsys):
    picture = tmp_path / "street.png"
    Image.fromarray(facade).save(picture)
    (tmp_path / "folder.jpg").mkdir()
    before = sorted(tmp_path.iterdir())
    for out, message in (
        ("folder.jpg", "must be the name of a file"),
        ("sheet.png", "ends in .jpg"),
        ("street.png/sheet.jpg", "File exists"),
    ):
        with pytest.raises(SystemExit):
            main(["--picture", str(picture), "--out", str(tmp_path / out)])
        told = capsys.readouterr().err
        assert message in told
        assert str(tmp_path) in told
    assert sorted(tmp_path.iterdir()) == before
