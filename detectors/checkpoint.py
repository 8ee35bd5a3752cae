"""Reading checkpoints that others may have written, without running anything in them."""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from importlib import import_module
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from lightning.pytorch import LightningModule

from detectors.base import Detector
from structures import ClassList

Checkpoint = dict[str, Any]


def read_checkpoint(
    path: Path, fact: str | None = "class_names", kind: str = "detector"
) -> Checkpoint:
    """Read a checkpoint, as a training run of this project saved it.

    Args:
        path: of a Lightning checkpoint, such as `best.ckpt`.
        fact: a hyperparameter without which it is no checkpoint of this kind, if there is one.
        kind: what it is a checkpoint of, for the message.

    Returns:
        Its content on the CPU, with `state_dict` and `hyper_parameters` among the keys.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, needs unpickling or is no checkpoint of this kind.
    """
    content = load_weights_only(path)
    lacking = [
        key
        for key in ("state_dict", "hyper_parameters")
        if not isinstance(content, dict) or not isinstance(content.get(key), dict)
    ]
    if not lacking and fact is not None and fact not in content["hyper_parameters"]:
        lacking = [f"hyper_parameters.{fact}"]
    if lacking:
        raise ValueError(
            f"{path}: no checkpoint of a {kind}, it lacks {', '.join(lacking)}; give the "
            "best.ckpt or last.ckpt of a run (bare weights are for warm_start)"
        )
    return content


def restore(module: LightningModule, path: Path) -> None:
    """Take over the weights of a checkpoint of this very model, and what else it carries.

    Where an averaging callback trained along, these are the averaged weights, which validation
    judged; `Trainer.test(ckpt_path=...)` with that callback would take the others.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, needs unpickling or is no checkpoint of such a model.
    """
    content = read_checkpoint(path, None, type(module).__name__)
    module.load_state_dict(content["state_dict"])
    module.on_load_checkpoint(content)


def weights_digest(module: Detector) -> str:
    """The sha256 of what a checkpoint says of its predictions: class, hyperparameters, weights."""
    kind = f"{type(module).__module__}.{type(module).__qualname__}"
    facts = json.dumps([kind, dict(module.hparams)], sort_keys=True, default=str)
    digest = hashlib.sha256(facts.encode())
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        # As bytes, for NumPy has no bfloat16.
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def code_digest(module: Detector) -> str:
    """The sha256 of the Python files that a detector is made of.

    They are those of its class's package, a plug-in's too, of `detectors` and of `structures`.
    """
    mro = type(module).__mro__
    classes = mro[: mro.index(LightningModule)]
    packages = {"structures", *(c.__module__.partition(".")[0] for c in classes)}
    return hashlib.sha256("".join(sorted(map(_package_digest, packages))).encode()).hexdigest()


# Once, for what is changed later is not what this process has loaded.
@cache
def _package_digest(name: str) -> str:
    """Of all files of a package; of a single module its file, of a notebook none."""
    module = import_module(name)
    folders = getattr(module, "__path__", None)
    files = [] if getattr(module, "__file__", None) is None else [Path(str(module.__file__))]
    if folders is not None:
        files = sorted(file for folder in folders for file in Path(folder).rglob("*.py"))
    digest = hashlib.sha256()
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def load_weights_only(path: Path) -> Any:
    """What `torch.load(weights_only=True)` finds in a file, on the CPU.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, or holds objects that only unpickling could restore.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such checkpoint file; check the path")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        unsafe = re.search(r"GLOBAL (\S+)", str(error))
        if unsafe is None:
            raise _damaged(path, "its pickle holds more than tensors, or is none") from error
        raise ValueError(
            f"{path}: holds a pickled {unsafe[1]}. Loading it could run code, so it is refused. If "
            "you trust its author, save its tensors alone: torch.save(torch.load(old, "
            "weights_only=False)['state_dict'], new), and give the new file"
        ) from error
    except Exception as error:
        # On a file that is cut off or of another kind, torch's readers raise almost anything; only
        # what the system says about the file itself has its name.
        if isinstance(error, OSError) and error.filename is not None:
            raise
        raise _damaged(path, error) from error


def checkpoint_classes(checkpoint: Checkpoint) -> ClassList:
    """The classes that a checkpoint of `read_checkpoint` was trained for."""
    names = checkpoint["hyper_parameters"]["class_names"]
    ids = checkpoint["hyper_parameters"].get("category_ids")
    return ClassList.numbered(names) if ids is None else ClassList(tuple(names), tuple(ids))


def require_same_classes(path: Path, found: ClassList, expected: ClassList) -> None:
    """Stop unless a checkpoint names the data's classes in the data's order.

    Category ids may differ: they belong to the annotation file, labels to the weights.

    Args:
        path: of the checkpoint, for the message.
        found: the classes of the checkpoint.
        expected: the classes of the data.

    Raises:
        ValueError: if names or their order differ; it shows both lists and the difference.
    """
    if found.names == expected.names:
        return
    only_found = [name for name in found.names if name not in expected.names]
    only_expected = [name for name in expected.names if name not in found.names]
    difference = "the same names in another order"
    if only_found or only_expected:
        difference = f"only in the checkpoint: {only_found}, only in the data: {only_expected}"
    raise ValueError(
        f"{path}: trained for other classes than the data has\n"
        f"  checkpoint ({len(found)}): {list(found.names)}\n"
        f"  data ({len(expected)}): {list(expected.names)}\n"
        f"  {difference}\n"
        "Use data with the checkpoint's classes, give them in its order (datamodule.class_names), "
        "or warm-start from its state dict without the heads"
    )


def _damaged(path: Path, error: object) -> ValueError:
    reason = str(error).splitlines()[0][:120] if str(error) else "the file ends early"
    return ValueError(
        f"{path}: damaged, cut off or no checkpoint ({path.stat().st_size} bytes; {reason}); copy "
        "it again or take another one"
    )
