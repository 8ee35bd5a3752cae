"""The folder that a training leaves behind, opened by `evaluate.py` and `predict.py`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from runs.config.targets import check_trusted, locate

if TYPE_CHECKING:
    from detectors.base import Detector
    from utility.module import UtilityPredictor

CONFIG_FILE = "config.yaml"
RESUME_KEYS = ("resume", "force")  # of this start, not of the run


def plain_config(config: DictConfig) -> dict[str, Any]:
    """The resolved config of a run as plain dicts and lists."""
    plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    assert isinstance(plain, dict)
    for key in RESUME_KEYS:
        plain.pop(key, None)
    return plain  # type: ignore[return-value]


def write_config(config: DictConfig, folder: Path) -> None:
    """Write the resolved config of a run to `<folder>/config.yaml`, atomically."""
    from structures.atomic_file import write_atomically

    text = OmegaConf.to_yaml(OmegaConf.create(plain_config(config)))
    write_atomically(folder / CONFIG_FILE, text.encode())


@dataclass(frozen=True)
class RunFolder:
    """A training's folder whose config has been checked.

    Attributes:
        path: the folder.
        config: its resolved `config.yaml`.
        checkpoint: the checkpoint that was asked for.
    """

    path: Path
    config: dict[str, Any]
    checkpoint: Path

    @classmethod
    def open(cls, path: str | Path, checkpoint: str = "best") -> RunFolder:
        """Open a run folder, which somebody else may have made.

        Args:
            path: the folder.
            checkpoint: 'best', 'last', or the path of a checkpoint file.

        Raises:
            FileNotFoundError: if the folder, its config or the checkpoint is missing.
            ValueError: if the config is malformed or names a class that it may not.
        """
        folder = Path(path).expanduser()
        if not folder.is_dir():
            raise FileNotFoundError(
                f"run={path}: no such folder; it is printed at the end of a training, "
                "usually outputs/<date>/<time>"
            )
        config_file = folder / CONFIG_FILE
        if not config_file.is_file():
            raise FileNotFoundError(
                f"run={path}: holds no {CONFIG_FILE}, so it is not the folder of a training"
            )
        config = read_config(config_file)
        check_trusted(config, config_file)
        return cls(folder, config, _find_checkpoint(folder, checkpoint))

    @property
    def holds_predictor(self) -> bool:
        """Whether a predictor of utility was trained, not a detector."""
        from utility.module import UtilityPredictor

        return issubclass(locate(self.config["model"]["_target_"], "model"), UtilityPredictor)

    def load_detector(self) -> Detector:
        """The trained detector, on the CPU, in eval mode.

        Raises:
            ValueError: if the checkpoint cannot be loaded safely, or is not this detector's.
        """
        from detectors.checkpoint import read_checkpoint

        read_checkpoint(self.checkpoint)
        return self._load()

    def load_predictor(self) -> UtilityPredictor:
        """The trained predictor of utility, on the CPU, in eval mode.

        Raises:
            ValueError: if the run trained something else, or the checkpoint cannot be loaded
                safely, or is not this predictor's.
        """
        from detectors.checkpoint import read_checkpoint

        if not self.holds_predictor:
            raise ValueError(
                f"run={self.path}: trained a detector ({self.config['model']['_target_']}); here "
                "the run of a predictor of utility is needed (train.py experiment=utility_det)"
            )
        read_checkpoint(self.checkpoint, "targets", "predictor of utility")
        return self._load()

    def _load(self) -> Any:
        target = self.config["model"]["_target_"]
        model_class = locate(target, "model")
        try:
            model = model_class.load_from_checkpoint(
                self.checkpoint, map_location="cpu", weights_only=True
            )
        except (RuntimeError, TypeError, ValueError, AttributeError, LookupError) as error:
            # Its hyperparameters are a stranger's arguments to a constructor of ours.
            reason = "\n".join(line[:300] for line in str(error).splitlines()[:5])
            raise ValueError(
                f"{self.checkpoint}: does not fit {target}, which {self.path / CONFIG_FILE} "
                f"names; give the checkpoint of this very run: {reason}"
            ) from error
        return model.eval()


def read_config(config_file: Path) -> dict[str, Any]:
    """The plain config of a run, which somebody else may have written; its classes are unchecked.

    Raises:
        ValueError: if it is malformed or no config of a training.
    """
    try:
        config = OmegaConf.to_container(OmegaConf.load(config_file), resolve=False)
    except (YAMLError, OmegaConfBaseException, UnicodeDecodeError) as error:
        raise ValueError(f"{config_file}: not a readable config: {error}") from error
    nodes = ("model", "datamodule")
    if not isinstance(config, dict) or any(
        not isinstance(config.get(node), dict) or "_target_" not in config[node] for node in nodes
    ):
        raise ValueError(
            f"{config_file}: must have 'model' and 'datamodule' with a _target_ each; "
            "is it the config of a training?"
        )
    _refuse_interpolations(config, config_file)
    return config  # type: ignore[return-value]


def _refuse_interpolations(config: Any, config_file: Path, key: str = "") -> None:
    """Trainings write none. In a stranger's file one could make a `_target_` out of plain text.

    `check_trusted` would not see it, and environment variables could be read with others.
    """
    if isinstance(config, dict | list):
        for name, value in config.items() if isinstance(config, dict) else enumerate(config):
            _refuse_interpolations(value, config_file, f"{key}.{name}" if key else str(name))
    elif isinstance(config, str) and "${" in config:
        raise ValueError(
            f"{config_file}: {key} is {config!r}; the config of a run holds resolved values, so "
            "interpolations are refused: write the value itself"
        )


def _find_checkpoint(folder: Path, checkpoint: str) -> Path:
    named = checkpoint in ("best", "last")
    file = folder / f"{checkpoint}.ckpt" if named else Path(checkpoint).expanduser()
    if not file.is_file():
        there = ", ".join(sorted(p.name for p in folder.glob("*.ckpt"))) or "none"
        raise FileNotFoundError(
            f"checkpoint={checkpoint}: {file} does not exist; checkpoints in {folder}: {there}"
        )
    return file
