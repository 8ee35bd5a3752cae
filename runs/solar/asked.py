"""How frames of the sun are to be shown: as the user says, else as the training had them."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import NamedTuple

from omegaconf import DictConfig, OmegaConf

from datamodules.solar_observation import KEY, UNKNOWN, SolarObservation
from runs.run_folder import RunFolder
from solar.aia_frame import Region
from solar.intensity import SCALES

logger = logging.getLogger(__name__)

DATA_FILE = "data.json"
USUAL_SCALE = "fixed-log"  # of data that do not tell, as `prepare.solar_catalogue` makes them


class Asked(NamedTuple):
    """What `conf/predict.yaml` says of the frames, see there, and the run where it says nothing.

    Attributes:
        wavelengths: In Å.
        scale: A key of `SCALES`.
        cadence: In s, where the user says so.
        usual_cadence: In s, of all training videos, where they have one.
        region: In arcsec.
        trained_on: The training pictures.
    """

    wavelengths: tuple[int, ...]
    scale: str
    cadence: float | None
    usual_cadence: float | None
    region: Region | None
    trained_on: SolarObservation

    @classmethod
    def of(cls, cfg: DictConfig, run: RunFolder) -> Asked:
        """Read it from the checked config and the folder of the training.

        Raises:
            ValueError: if the config has no scale and the training several, or the folder's
                data.json is damaged.
        """
        given = OmegaConf.to_container(cfg)
        assert isinstance(given, dict)
        wanted, region, cadence = given["wavelength"], given["region"], given["cadence"]
        trained_on = read_observation(run.path)
        return cls(
            tuple(wanted) if isinstance(wanted, list) else (wanted,),
            given["scale"] or _trained_scale(trained_on, run.path),
            cadence,
            None if cadence is not None else _trained_cadence(trained_on),
            None if region is None else Region(*map(float, region)),
            trained_on,
        )


def read_observation(folder: Path) -> SolarObservation:
    """What a training was shown; nothing is known of one that told nothing of it.

    Args:
        folder: Of the run.

    Raises:
        ValueError: if its data.json is damaged.
    """
    file = folder / DATA_FILE
    if not file.is_file():
        return UNKNOWN
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file}: no JSON ({error}); delete it, or restore it") from error
    if not isinstance(told, dict) or KEY not in told:
        return UNKNOWN
    return SolarObservation.from_json(told[KEY], file)


def _trained_scale(trained_on: SolarObservation, folder: Path) -> str:
    if not trained_on.scale:
        logger.warning(
            "scale=%s is taken, for %s does not tell that of its training data", USUAL_SCALE, folder
        )
        return USUAL_SCALE
    if len(trained_on.scale) > 1 or trained_on.scale[0] not in SCALES:
        raise ValueError(
            f"scale=null: the training data of {folder} have {', '.join(trained_on.scale)}; "
            f"say which of {', '.join(SCALES)} is wanted"
        )
    return trained_on.scale[0]


def _trained_cadence(trained_on: SolarObservation) -> float | None:
    if len(trained_on.cadence_s) > 1:
        told = ", ".join(f"{cadence:g}" for cadence in trained_on.cadence_s)
        logger.info("trained on frames every %s s: frames are taken as often as they come", told)
        return None
    return trained_on.cadence_s[0] if trained_on.cadence_s else None
