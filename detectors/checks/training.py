"""Checks that a detector learns."""

from __future__ import annotations

import copy
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from detectors.base import Detector
from detectors.checks.batches import drawn_batch, expect
from detectors.checks.trainer import fit_one_step
from structures import Batch

_LEARNING_RATES = (1e-3, 1e-4)
_STEPS = 10
_FALL = 0.03  # of the first loss


def check_gradients_reach_every_parameter(module: Detector) -> None:
    """A trainable parameter without gradient never learns, and stops distributed training."""
    module.train()
    optimizer = torch.optim.SGD(_trainable(module), lr=1e-4)
    waiting = {name for name, p in module.named_parameters() if p.requires_grad}
    for seed in range(4):
        batch = drawn_batch(module, [(160, 160)] * 2, boxes=7, seed=seed)
        optimizer.zero_grad()
        torch.stack(list(module.losses(batch).values())).sum().backward()
        for name, parameter in module.named_parameters():
            if parameter.grad is not None and bool(parameter.grad.any()):
                waiting.discard(name)
        if not waiting:
            return
        # Layers behind one that starts at zero get their first gradient after a step.
        optimizer.step()
    expect(
        False,
        f"no gradient reaches {sorted(waiting)[:5]}; use them in the loss, or set "
        "requires_grad=False",
    )


def check_training_lowers_loss(module: Detector) -> None:
    """A few steps on one batch lower its loss; if not, the sign or the targets are wrong."""
    batch = drawn_batch(module)
    course: list[float] = []
    for rate in _LEARNING_RATES:
        course = _loss_course(copy.deepcopy(module).train(), batch, rate)
        if _has_fallen(course):
            return
    expect(
        False,
        f"{_STEPS} Adam steps on one batch do not lower its loss "
        f"({', '.join(f'{value:.3g}' for value in course)}); check its sign, matching and coding",
    )


def check_optimizer_step_changes_weights(module: Detector) -> None:
    """A step of the detector's own optimizer moves its weights and leaves them finite."""
    before = {name: p.detach().clone() for name, p in module.named_parameters() if p.requires_grad}
    with TemporaryDirectory() as folder:
        fit_one_step(module, Path(folder))
    after = dict(module.named_parameters())
    expect(
        any(not torch.equal(after[name], value) for name, value in before.items()),
        "one optimizer step changes no weight; check learning rates and the first schedule factor",
    )
    broken = [name for name in before if not bool(after[name].isfinite().all())]
    expect(not broken, f"one optimizer step makes {broken[:3]} infinite; lower the learning rate")


def check_one_optimizer_group_each(module: Detector) -> None:
    """A parameter in no group never learns; one in two groups learns at both rates."""
    with TemporaryDirectory() as folder:
        trainer = fit_one_step(module, Path(folder))
    groups = [group for optimizer in trainer.optimizers for group in optimizer.param_groups]
    counts = Counter(id(parameter) for group in groups for parameter in group["params"])
    wrong = {
        name: counts[id(parameter)]
        for name, parameter in module.named_parameters()
        if parameter.requires_grad and counts[id(parameter)] != 1
    }
    expect(
        not wrong,
        f"parameters in other than one optimizer group: {dict(list(wrong.items())[:3])}; leave "
        "configure_optimizers to Detector and give it rules (parameter_groups)",
    )


def _trainable(module: Detector) -> list[torch.nn.Parameter]:
    return [parameter for parameter in module.parameters() if parameter.requires_grad]


def _loss_course(module: Detector, batch: Batch, rate: float) -> list[float]:
    """The loss at each Adam step until it has fallen; the same random draws each time."""
    optimizer = torch.optim.Adam(_trainable(module), lr=rate)
    course = []
    for _ in range(_STEPS):
        torch.manual_seed(6)
        loss = torch.stack(list(module.losses(batch).values())).sum()
        course.append(float(loss.detach()))
        if _has_fallen(course):
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return course


def _has_fallen(course: list[float]) -> bool:
    return course[-1] < course[0] - _FALL * abs(course[0])


CHECKS = (
    check_gradients_reach_every_parameter,
    check_training_lowers_loss,
    check_optimizer_step_changes_weights,
    check_one_optimizer_group_each,
)
