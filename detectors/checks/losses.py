"""Checks of what `losses` returns."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from detectors.base import Detector
from detectors.checks.batches import drawn_batch, expect, expect_same_batch, without_boxes
from detectors.checks.predictions import expect_same_predictions, predict_in_eval_mode
from structures import Batch


def check_losses_are_named_scalars(module: Detector) -> None:
    """The base class adds the losses up and logs each by its name; each must train something."""
    losses = module.train().losses(drawn_batch(module))
    expect(isinstance(losses, dict) and len(losses) > 0, "losses must be a dict with >= 1 entry")
    for name, value in losses.items():
        expect(isinstance(name, str), f"the loss name {name!r} is no string")
        expect(
            isinstance(value, Tensor) and value.ndim == 0 and value.is_floating_point(),
            f"loss {name!r} must be a scalar float tensor, got {_describe(value)}; reduce it",
        )
        expect(
            value.requires_grad,
            f"loss {name!r} carries no gradient; do not detach it, and leave plain statistics out",
        )


def check_losses_of_pictures(module: Detector) -> None:
    """Losses of pictures (T = 1) are finite and differentiable, or there is no training."""
    expect_trainable(module, drawn_batch(module))


def check_losses_of_clips(module: Detector) -> None:
    """Losses of clips (T = 3) are finite and differentiable, or there is no training on video."""
    expect_trainable(module, drawn_batch(module, [(96, 128)], frames=3))


def check_losses_of_mixed_sizes(module: Detector) -> None:
    """Frames of a training batch differ in size; targets must be scaled frame by frame."""
    expect_trainable(module, drawn_batch(module, ((96, 128), (144, 100))))


def check_frames_without_boxes(module: Detector) -> None:
    """One empty frame in a batch must not yield NaN: it ends a training without a message."""
    batch, empty = drawn_batch(module), without_boxes(drawn_batch(module))
    expect_trainable(module, Batch(batch.clips, [batch.targets[0], empty.targets[1]]))


def check_batch_without_boxes(module: Detector) -> None:
    """A whole batch without objects is common in video; dividing by their number gives NaN."""
    expect_trainable(module, without_boxes(drawn_batch(module)))


def check_one_pixel_boxes(module: Detector) -> None:
    """A box of one pixel is legal truth; logarithms and IoU of its coded size must stay finite."""
    batch = drawn_batch(module)
    for frame, target in zip(batch.frames(), batch.frame_targets(), strict=True):
        right, bottom = frame.shape[2], frame.shape[1]
        corners = torch.tensor([[0, 0], [right - 1, bottom - 1], [right // 2, bottom // 2]])
        target.boxes = torch.cat([corners, corners + 1], dim=1).float()
        target.labels = torch.ones(3, dtype=torch.int64)
    expect_trainable(module, batch)


def check_losses_are_deterministic(module: Detector) -> None:
    """With the same seed losses agree exactly; otherwise no run can be resumed or reproduced."""
    batch = drawn_batch(module)
    values = []
    for part in (module, copy.deepcopy(module)):
        torch.manual_seed(3)
        values.append(part.train().losses(batch))
    for name, value in values[0].items():
        expect(
            torch.equal(value, values[1][name]),
            f"loss {name!r} is {value.item()}, then {values[1][name].item()} with the same seed; "
            "draw random numbers from torch's generator only",
        )


def check_losses_in_eval_mode(module: Detector) -> None:
    """`val/loss` is computed in eval mode: same names, finite, and nothing changes by it."""
    batch = drawn_batch(module)
    names = set(copy.deepcopy(module).train().losses(batch))
    module.eval()
    modes = [part.training for part in module.modules()]
    state = {name: value.clone() for name, value in module.state_dict().items()}
    with torch.no_grad():
        losses = module.losses(batch)
    expect(set(losses) == names, f"losses {sorted(losses)} in eval mode, {sorted(names)} in train")
    expect(all(bool(v.isfinite()) for v in losses.values()), f"not finite in eval mode: {losses}")
    changed = [n for n, v in module.state_dict().items() if not torch.equal(v, state[n])]
    expect(
        not changed,
        f"losses in eval mode change {changed[:3]}; keep batch-norm in eval mode while validating",
    )
    expect(
        modes == [part.training for part in module.modules()],
        "losses switch train or eval mode; restore every part's own mode",
    )


def check_losses_leave_batch_unchanged(module: Detector) -> None:
    """The same batch goes to predict and to the evaluation afterwards, in original pixels."""
    batch = drawn_batch(module, frames=2)
    before = copy.deepcopy(batch)
    module.train().losses(batch)
    expect_same_batch(batch, before, "losses")


def check_losses_and_predictions_agree(module: Detector) -> None:
    """A shared forward pass for validation must give what `losses` and `predict` give alone."""
    module.eval()
    batch = drawn_batch(module)
    with torch.no_grad():
        torch.manual_seed(4)
        wanted = module.losses(batch)
        torch.manual_seed(4)
        losses, predictions = module.losses_and_predictions(batch)
    for name, value in wanted.items():
        expect(
            name in losses and torch.allclose(losses[name], value, rtol=1e-4, atol=1e-5),
            f"losses_and_predictions gives {losses}, losses gives {wanted}; compute them alike",
        )
    expect_same_predictions(
        predictions,
        predict_in_eval_mode(module, batch),
        "losses_and_predictions returns other predictions than predict; compute them alike",
    )


def check_bfloat16(module: Detector) -> None:
    """Under bf16 autocast results stay finite, close and float32; half the precision overflows."""
    batch = drawn_batch(module)
    torch.manual_seed(5)
    wanted = float(_total(copy.deepcopy(module).train().losses(batch)).detach())
    full = predict_in_eval_mode(module, batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.manual_seed(5)
        total = float(_total(copy.deepcopy(module).train().losses(batch)).detach())
        half = predict_in_eval_mode(module, batch)
    expect(
        abs(total - wanted) <= 0.1 * abs(wanted) + 0.05,
        f"the loss is {total:.4g} in bf16, {wanted:.4g} in float32; compute losses "
        "on .float() outputs",
    )
    for one, two in zip(half, full, strict=True):
        expect(
            one.boxes.dtype == one.scores.dtype == torch.float32,
            f"boxes {one.boxes.dtype}, scores {one.scores.dtype} under autocast, expected float32",
        )
        best, reference = (float(p.scores.max()) if len(p.scores) else 0.0 for p in (one, two))
        expect(
            abs(best - reference) <= 0.05,
            f"best score {best:.3f} in bf16, {reference:.3f} in float32; postprocess in float32",
        )


def expect_trainable(module: Detector, batch: Batch) -> None:
    """Expect finite losses whose backward pass gives finite gradients."""
    losses = module.train().losses(batch)
    infinite = {name: value.item() for name, value in losses.items() if not value.isfinite()}
    expect(not infinite, f"losses are not finite: {infinite}; guard divisions and logarithms")
    total = _total(losses)
    expect(
        total.requires_grad, "no loss carries a gradient; keep the graph, e.g. outputs.sum() * 0"
    )
    total.backward()
    bad = [
        name
        for name, parameter in module.named_parameters()
        if parameter.grad is not None and not bool(parameter.grad.isfinite().all())
    ]
    expect(not bad, f"gradients of {bad[:3]} are not finite; guard divisions and square roots")


def _total(losses: dict[str, Tensor]) -> Tensor:
    return torch.stack(list(losses.values())).sum()


def _describe(value: object) -> str:
    if isinstance(value, Tensor):
        return f"{value.dtype} {list(value.shape)}"
    return type(value).__name__


CHECKS = (
    check_losses_are_named_scalars,
    check_losses_of_pictures,
    check_losses_of_clips,
    check_losses_of_mixed_sizes,
    check_frames_without_boxes,
    check_batch_without_boxes,
    check_one_pixel_boxes,
    check_losses_are_deterministic,
    check_losses_in_eval_mode,
    check_losses_leave_batch_unchanged,
    check_losses_and_predictions_agree,
    check_bfloat16,
)
