"""Log-odds to probabilities that hold on the natural mix of labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize

COLDEST, HOTTEST = 0.05, 20.0


@dataclass(frozen=True, slots=True)
class Calibration:
    """Temperature scaling (Guo et al. 2017) with a shift, a target.

    The shift undoes the weights of labels in the loss, after which both count alike.

    Attributes:
        temperatures: T, positive.
        shifts: T, added to the log-odds after the temperature.
    """

    temperatures: tuple[float, ...]
    shifts: tuple[float, ...]

    @classmethod
    def none(cls, targets: int) -> Calibration:
        """Changes nothing."""
        return cls((1.0,) * targets, (0.0,) * targets)

    @classmethod
    def fit(cls, logits: ArrayLike, labels: ArrayLike) -> Calibration:
        """Least logistic loss on pictures that were not trained on.

        Args:
            logits: [N, T].
            labels: [N, T], 1, 0, or -1 for no statement. A target without both labels keeps its
                log-odds.
        """
        z, y = np.asarray(logits, float), np.asarray(labels)
        fitted = [_fit_one(z[y[:, t] >= 0, t], y[y[:, t] >= 0, t]) for t in range(z.shape[1])]
        return cls(tuple(t for t, _ in fitted), tuple(shift for _, shift in fitted))

    @classmethod
    def from_json(cls, values: Any, targets: int, where: str) -> Calibration:
        """What `to_json` gave, from a file that somebody else may have written.

        Raises:
            ValueError: if it is none, or of another number of targets.
        """
        try:
            found = cls(
                tuple(map(float, values["temperatures"])), tuple(map(float, values["shifts"]))
            )
        except (TypeError, KeyError, ValueError) as error:
            raise ValueError(f"{where}: holds no calibration: {error!r}") from error
        counts = {len(found.temperatures), len(found.shifts)}
        numbers = np.array([*found.temperatures, *found.shifts])
        if counts != {targets} or not np.isfinite(numbers).all() or min(found.temperatures) <= 0:
            raise ValueError(f"{where}: its calibration is not one of {targets} targets: {values}")
        return found

    def to_json(self) -> dict[str, Sequence[float]]:
        """As plain lists, for checkpoints and metrics."""
        return {"temperatures": list(self.temperatures), "shifts": list(self.shifts)}

    def probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """Of label 1: float32 [N, T] in 0..1."""
        z = logits.float()
        return torch.sigmoid(z / z.new_tensor(self.temperatures) + z.new_tensor(self.shifts))


def _fit_one(z: NDArray[np.float64], y: NDArray[Any]) -> tuple[float, float]:
    if len(np.unique(y)) < 2:
        return 1.0, 0.0
    logits, labels = torch.from_numpy(z), torch.from_numpy(y.astype(float))

    def loss(parameters: NDArray[np.float64]) -> float:
        slope, shift = np.exp(-parameters[0]), parameters[1]
        return float(F.binary_cross_entropy_with_logits(logits * slope + shift, labels))

    bounds = [(np.log(COLDEST), np.log(HOTTEST)), (-10, 10)]
    found = minimize(loss, np.zeros(2), method="L-BFGS-B", bounds=bounds)
    return float(np.exp(found.x[0])), float(found.x[1])
