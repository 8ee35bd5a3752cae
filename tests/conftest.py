"""Fixtures that several folders of tests use."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# The same cases every time, and no deadline: machines that run CI are sometimes slow.
settings.register_profile("project", deadline=None, derandomize=True)
settings.load_profile("project")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data and golden tensors beside the checkout; its tests skip without it."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("no ../shared beside the checkout: real data and golden tensors are absent")
    return folder


@pytest.fixture(scope="session")
def drawn_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few drawn facades, drawn once for all tests of a process."""
    from prepare.drawn_facades import draw_facades_under

    return draw_facades_under(tmp_path_factory.mktemp("data"), pictures=24, seed=3)


@pytest.fixture(scope="session")
def trained_run(drawn_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short training through train.py's own function, with every artefact."""
    from hydra import compose, initialize_config_dir

    from train import train

    folder = tmp_path_factory.mktemp("run")
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        cfg = compose(
            "train",
            overrides=[
                f"paths.root={folder}",
                f"paths.data={drawn_root.parent}",
                f"paths.run={folder}",
                "trainer=cpu",
                "trainer.max_epochs=2",
                "trainer.log_every_n_steps=1",
                "datamodule.draw.pictures=24",
                "datamodule.draw.seed=3",
                "datamodule.batch_size=4",
            ],
        )
    train(cfg)
    return folder
