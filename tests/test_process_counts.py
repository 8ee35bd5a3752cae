"""One, two and three processes judge the same frames and write the same figures and files."""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from lightning.pytorch import Trainer
from torch import Tensor, nn

from callbacks.evaluation import DetectionEvaluation
from datamodules.facades import FacadesDataModule
from datamodules.video import VideoDataModule
from detectors.base import Detector
from prepare.drawn_video import draw_video
from structures import Batch, Prediction
from tests.split_data import write_splits

PICTURES = range(1, 18)
WORLD_SIZES = (1, 2, 3)

pytestmark = pytest.mark.slow


class Guessing(Detector):
    """Boxes and scores from a convolution over a whole batch, as untrained as they come."""

    def __init__(self, class_names: list[str]) -> None:
        super().__init__(class_names)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.network = nn.Sequential(nn.Conv2d(3, 16, 7, 4), nn.ReLU(), nn.Conv2d(16, 7, 3))

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        return {"mean": self._outputs(batch).mean()}

    def predict(self, batch: Batch) -> list[Prediction]:
        pairs = zip(batch.frames(), batch.frame_targets(), self._outputs(batch), strict=True)
        return [self._prediction(*pair) for pair in pairs]

    def _outputs(self, batch: Batch) -> Tensor:
        small = [F.interpolate(f[None].float() / 255, (64, 64)) for f in batch.frames()]
        return self.network(torch.cat(small)).flatten(2).mT.sigmoid()  # [N, cells, 7]

    def _prediction(self, frame: Tensor, target: Any, output: Tensor) -> Prediction:
        height, width = frame.shape[1:]
        corners = torch.cat((0.5 * output[:, :2], 0.5 + 0.5 * output[:, 2:4]), 1)
        boxes = corners * torch.tensor([width, height, width, height])
        scores, labels = output[:, 4:][:, : len(self.classes)].max(1)
        return Prediction(boxes, scores, labels + 1, target.image_id)


def judge(rank: int, world_size: int, port: int, roots: list[Path], out: Path) -> None:
    """One process of those that test all roots, one after another."""
    torch.set_num_threads(1)
    os.environ |= {
        "LOCAL_RANK": str(rank), "WORLD_SIZE": str(world_size), "NODE_RANK": "0",
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip
    for root in roots:
        video = root.name.startswith("video")
        kind: Any = VideoDataModule if video else FacadesDataModule
        arguments = {"clip_length": 4} if video else {}
        data = kind(root=str(root), batch_size=3, **arguments)
        data.setup("test")
        trainer = Trainer(
            accelerator="cpu",
            strategy="ddp" if world_size > 1 else "auto",
            devices=world_size,
            use_distributed_sampler=False,
            callbacks=[DetectionEvaluation(str(out / root.name))],
            logger=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=False,
        )
        trainer.test(Guessing(list(data.classes.names)), datamodule=data, verbose=False)


def val_of(source: Path, root: Path, images: list[dict[str, Any]]) -> Path:
    """A data set whose val, which is tested, holds some images of another one."""
    every = json.loads((source / "annotations.json").read_text())["images"]
    rest = [image for image in every if image not in images]
    return write_splits(source, root, {"val": images, "train": rest})


@pytest.fixture(scope="module")
def roots(drawn_root: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("splits")
    images = json.loads((drawn_root / "annotations.json").read_text())["images"]
    images = [{**image, "group": str(image["id"])} for image in images]
    made = [val_of(drawn_root, folder / f"pictures_{n}", images[:n]) for n in PICTURES]
    videos = draw_video(folder / "drawn", videos=3)
    frames = json.loads((videos / "annotations.json").read_text())["images"]
    first = frames[0]["video_id"]
    val = [frame for frame in frames if frame["video_id"] != first]
    return [*made, val_of(videos, folder / "video", val)]


@pytest.fixture(scope="module")
def judged(roots: list[Path], tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """World size -> folder with the artefacts of each root."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["lightning.pytorch", "callbacks.evaluation", "datamodules.video"]
    )
    folders, processes = {}, []
    for world_size in WORLD_SIZES:
        folders[world_size] = tmp_path_factory.mktemp(f"processes_{world_size}")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        for rank in range(world_size):
            arguments = (rank, world_size, port, roots, folders[world_size])
            processes.append(context.Process(target=judge, args=arguments))
            processes[-1].start()
    for process in processes:
        process.join(600)
        assert process.exitcode == 0
    return folders


@pytest.mark.parametrize("name", [*(f"pictures_{n}" for n in PICTURES), "video"])
def test_figures_and_files_are_equal_to_the_last_digit(judged: dict[int, Path], name: str) -> None:
    alone = judged[1] / name
    scores = json.loads((alone / "metrics.json").read_text())["scalars"]
    assert scores["map"] >= 0
    assert len(json.loads((alone / "predictions.json").read_text())) > 0
    for world_size in WORLD_SIZES[1:]:
        shared = judged[world_size] / name
        for file in ("predictions.json", "ground_truth.json"):
            assert (shared / file).read_bytes() == (alone / file).read_bytes(), file
        metrics = json.loads((shared / "metrics.json").read_text())
        assert json.dumps(metrics["scalars"]) == json.dumps(scores)
        assert metrics["images"] == (int(name.split("_")[1]) if "_" in name else metrics["images"])
