"""Runs every check on copies of a detector and reports all failures together."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable

import torch

from detectors.base import Detector
from detectors.checks import invariances, losses, persistence, predictions, training

logger = logging.getLogger(__name__)

Check = Callable[[Detector], None]

_MODULES = (predictions, invariances, losses, training, persistence)


def detector_checks() -> list[tuple[str, Check]]:
    """All checks as (name, check), for `pytest.mark.parametrize(("name", "check"), ...)`.

    A check takes a detector, works on a CPU copy of it with a fixed seed, and raises
    `AssertionError` with its name, what it found and the mend.
    """
    checks = [check for module in _MODULES for check in module.CHECKS]
    names = [check.__name__.removeprefix("check_") for check in checks]
    return [(name, _isolated(name, check)) for name, check in zip(names, checks, strict=True)]


def check_detector(module: Detector) -> None:
    """Check that a detector keeps the contract of `detectors.base.Detector`.

    Every detector of this project passes it, and so must one from another package before it can be
    trained, evaluated and compared here. `module` itself is not touched. It needs an optimizer;
    random weights will do, but give it a score threshold low enough to predict something.

    Args:
        module: a built detector, with its optimizer.

    Raises:
        AssertionError: if checks fail; the message lists every one with what to do.
    """
    _require_copyable(module)
    failures = []
    passed = 0
    for name, check in detector_checks():
        try:
            check(module)
        except AssertionError as failure:
            failures.append(str(failure))
        else:
            logger.info("%s passes %s", type(module).__name__, name)
            passed += 1
    if failures:
        raise AssertionError(
            f"{type(module).__name__} fails {len(failures)} of {len(failures) + passed} checks:\n"
            + "\n".join(failures)
        )


def _require_copyable(module: Detector) -> None:
    """Name once what would otherwise fail every check."""
    try:
        copy.deepcopy(module)
    except Exception as error:
        raise AssertionError(
            f"{type(module).__name__} cannot be copied, as EMA and these checks must: {error}; "
            "keep generators, files and locks out of its attributes"
        ) from error


def _isolated(name: str, check: Check) -> Check:
    def run(module: Detector) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            try:
                check(copy.deepcopy(module).cpu())
            except AssertionError as failure:
                raise AssertionError(f"[{name}] {failure}") from failure
            except Exception as error:
                # Whatever a stranger's detector raises is a finding, reported with the others.
                raise AssertionError(
                    f"[{name}] raised {type(error).__name__}: {str(error)[:300]}. "
                    f"{' '.join((check.__doc__ or '').split())}"
                ) from error

    run.__name__, run.__doc__ = check.__name__, check.__doc__
    return run
