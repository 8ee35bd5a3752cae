"""Label distorted pictures by what detectors still find in them.

python -m utility.build 'run=[outputs/a,outputs/b,outputs/c]' datamodule.root=… name=street
python -m utility.build model=ssd300 model.weights=… datamodule.root=… name=street
python -m utility.build name=street variant=paper

An entry point like `train.py`. Detectors are added to a set that is there already; a call without
any makes its labels anew out of the detections.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from omegaconf import DictConfig, ListConfig, OmegaConf

from runs.config.settings import EVALUATION, PREDICTION, Rule, check_settings
from runs.config.targets import check_arguments
from runs.explained_errors import explained_errors
from runs.run_folder import RunFolder
from runs.writable import require_writable

if TYPE_CHECKING:
    from datamodules.coco_distorted import CocoDistortedDataModule
    from detectors.base import Detector

_CONF = Path(__file__).resolve().parent.parent / "conf"
_SETTINGS = {
    "run": EVALUATION["run"],
    "checkpoint": EVALUATION["checkpoint"],
    "device": PREDICTION["device"],
    "name": Rule(
        "letters, digits, _, - and .",
        lambda value: value is None or re.fullmatch(r"\w[\w.-]*", str(value)) is not None,
    ),
    "names": Rule(
        "a list of names, or null",
        lambda value: value is None or isinstance(value, ListConfig),
    ),
    "precision": Rule("32-true or bf16-mixed", lambda value: value in ("32-true", "bf16-mixed")),
    "only": Rule("test or null", lambda value: value in (None, "test")),
    "variant": Rule(
        "strict, paper or pristine_ref",
        lambda value: value in ("strict", "paper", "pristine_ref"),
    ),
}


def build(cfg: DictConfig) -> Path:
    """Build, extend or relabel the label set `cfg.name`.

    Args:
        cfg: the composed `conf/label_set.yaml`.

    Returns:
        Its folder.
    """
    check_settings(cfg, _SETTINGS)
    plain = OmegaConf.to_container(cfg, resolve=True)
    assert isinstance(plain, dict)
    check_arguments({key: plain[key] for key in ("datamodule", "model") if plain.get(key)})
    runs = [RunFolder.open(str(run), str(cfg.checkpoint)) for run in _run_paths(cfg)]
    sets = Path(cfg.paths.data) / "utility"
    if not runs and cfg.get("model") is None:
        return _relabel(cfg, sets)

    from utility.label_facts import label_facts, require_same
    from utility.picture_table import keep_test_parents
    from utility.tables import read_meta

    datamodule = hydra.utils.instantiate(cfg.datamodule, _convert_="all")
    datamodule.prepare_data()
    datamodule.setup("test")
    if cfg.only is not None:
        keep_test_parents(datamodule, plain["split"])
    detectors = _detectors(cfg, runs, datamodule)
    folder = sets / str(cfg.name or datamodule.name)
    require_writable(folder, f"paths.data={cfg.paths.data}", "labels")
    facts = label_facts(datamodule, cfg.variant, _thresholds(cfg), plain["split"])
    known = read_meta(folder) if (folder / "meta.json").is_file() else facts
    require_same(known, facts, folder)
    facts["detectors"] = known["detectors"]
    return build_set(folder, facts, detectors, datamodule, str(cfg.precision))


def build_set(
    folder: Path,
    facts: dict[str, Any],
    detectors: Mapping[str, Detector],
    datamodule: CocoDistortedDataModule,
    precision: str = "32-true",
) -> Path:
    """Detect what is missing, and write the tables.

    Args:
        folder: of the set.
        facts: its `meta.json`, with the detectors that it has already.
        detectors: name -> detector to be added, in eval mode on its device.
        datamodule: set up for a test.
        precision: of the detectors, see `detect_all`.

    Returns:
        The folder.

    Raises:
        ValueError: if the set has another detector of the same name, or there is nothing to say:
            no objects, or a detector that finds none.
    """
    from evaluation.results_json import write_json
    from utility.detecting import detect_all
    from utility.label_facts import require_same_detectors
    from utility.label_set import detection_cache
    from utility.picture_table import picture_table
    from utility.tables import write_table

    keys = _keys(detectors, datamodule, precision)
    require_same_detectors(facts, keys, folder)
    caches = {name: detection_cache(folder, key) for name, key in keys.items()}
    write_json(folder / "ground_truth.json", datamodule.ground_truth("test"))
    # What is there says how the labels beside it were made, until new ones are written.
    if not (folder / "meta.json").is_file():
        write_json(folder / "meta.json", facts)
    # Before anything is distorted: a fault of the split must not cost a night.
    pictures = picture_table(datamodule, facts)
    detect_all(detectors, caches, datamodule, precision)
    write_table(folder / "images.parquet", pictures.with_sizes(datamodule))
    return _write_labels(folder, {**facts, "detectors": {**facts["detectors"], **keys}})


def _keys(
    detectors: Mapping[str, Detector], datamodule: CocoDistortedDataModule, precision: str
) -> dict[str, dict[str, str | int | float]]:
    from runs.judging.detector import detections_key

    return {
        name: detections_key(detector, datamodule, precision, detector.device)
        for name, detector in detectors.items()
    }


def _relabel(cfg: DictConfig, sets: Path) -> Path:
    """Make the labels of a set anew, by another variant or other thresholds."""
    from dataclasses import asdict

    from utility.tables import read_meta

    if cfg.name is None:
        raise ValueError("run= or model= is needed: the detectors that label; or name= alone to "
                         "label a set anew")  # fmt: skip
    folder = sets / str(cfg.name)
    facts = read_meta(folder)
    if not facts["detectors"]:
        raise ValueError(f"{folder} holds no detections yet; name detectors (run=, model=)")
    return _write_labels(
        folder, {**facts, "variant": cfg.variant, "thresholds": asdict(_thresholds(cfg))}
    )


def _write_labels(folder: Path, facts: dict[str, Any]) -> Path:
    from evaluation.results_json import read_truth, write_json
    from utility.detection_labels import Thresholds
    from utility.label_set import LabelSet, detection_cache
    from utility.label_summary import print_summary
    from utility.labelling import labels_of_detectors
    from utility.tables import write_table

    caches = {name: detection_cache(folder, key) for name, key in facts["detectors"].items()}
    table = labels_of_detectors(
        caches,
        read_truth(folder / "ground_truth.json"),
        facts["conditions"],
        facts["variant"],
        Thresholds(**facts["thresholds"]),
    )
    write_table(folder / "labels.parquet", table)
    write_json(folder / "meta.json", facts)
    print_summary(LabelSet.open(folder))
    return folder


def _run_paths(cfg: DictConfig) -> list[Any]:
    if cfg.run is None:
        return []
    return list(cfg.run) if isinstance(cfg.run, ListConfig) else [cfg.run]


def _thresholds(cfg: DictConfig) -> Any:
    from utility.detection_labels import Thresholds

    return Thresholds(**OmegaConf.to_container(cfg.thresholds))  # type: ignore[arg-type]


def _detectors(
    cfg: DictConfig, runs: list[RunFolder], datamodule: CocoDistortedDataModule
) -> dict[str, Detector]:
    """Name -> detector, on its device."""
    from runs.device import chosen_device
    from runs.judging.imported_detector import imported_detector

    found = [run.load_detector() for run in runs]
    if cfg.get("model") is not None:
        found.append(imported_detector(cfg.model, datamodule.model_facts))
    names = [_plain(detector.title) for detector in found] if cfg.names is None else list(cfg.names)
    if len(names) != len(found) or len(set(names)) < len(names):
        raise ValueError(
            f"{len(found)} detectors are called {', '.join(map(str, names))}; give each a name of "
            "its own: 'names=[a,b]', in the order of run=, that of model= last"
        )
    device = chosen_device(str(cfg.device))
    return {str(n): detector.to(device) for n, detector in zip(names, found, strict=True)}


def _plain(title: str) -> str:
    """'SSD300 (resnet10t)' -> 'ssd300_resnet10t'."""
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")


@hydra.main(config_path=str(_CONF), config_name="label_set", version_base="1.3")
def main(cfg: DictConfig) -> None:
    """Hydra's entry point."""
    build(cfg)


if __name__ == "__main__":
    with explained_errors():
        main()
