from __future__ import annotations

from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from datamodules.facades import CLASS_NAMES, FacadesDataModule

CONF = Path(__file__).resolve().parents[2] / "conf"


def test_the_yaml_draws_facades_where_no_root_is_given(tmp_path: Path) -> None:
    overrides = [
        f"paths.data={tmp_path}",
        "datamodule.draw.pictures=16",
        "datamodule.batch_size=4",
        "datamodule.augmentation.output_size=[300,300]",
    ]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", overrides=["model=ssd300", "datamodule=facades", *overrides])
    data = instantiate(config.datamodule, _convert_="all")
    assert isinstance(data, FacadesDataModule)
    data.prepare_data()
    data.setup("fit")
    assert data.drawn
    assert data.name.startswith("drawn_facades_16_0_")
    assert set(data.classes.names) == set(CLASS_NAMES)
    assert data.skipped_in("train") == {}
    batch = next(iter(data.train_dataloader()))
    assert [tuple(clip.shape) for clip in batch.clips] == [(1, 3, 300, 300)] * 4
    assert sum(len(data.annotations(split)) for split in ("train", "val", "test")) == 16
