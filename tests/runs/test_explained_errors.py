"""Wrong input on the command line ends with exit code 1 and a message that says what to mend."""

import errno
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import InstantiationException
from lightning.fabric.utilities.exceptions import MisconfigurationException
from omegaconf.errors import InterpolationValidationError

from runs.explained_errors import explain

ROOT = Path(__file__).resolve().parents[2]


def composed_error(*overrides: str, words: Sequence[str] = ()) -> str:
    with (
        initialize_config_dir(str(ROOT / "conf"), version_base="1.3"),
        pytest.raises(Exception) as caught,  # noqa: PT011
    ):
        compose("train", overrides=list(overrides))
    return explain(caught.value, words) or ""


@pytest.mark.parametrize(
    ("override", "nearest"),
    [
        ("model=ssd30", "did you mean 'ssd300'"),
        ("experiment=demmo", "did you mean 'demo'"),
        ("trainer=debugg", "did you mean 'debug'"),
        ("callbacks=[default,emma]", "did you mean 'ema'"),
        ("datamodule=facade", "did you mean 'facades'"),
        ("modle=ssd300", "did you mean 'model'"),
        ("seeed=1", "did you mean 'seed'"),
        ("trainer.max_epoch=3", "did you mean 'max_epochs'"),
        ("model.optimizer.lrr=1", "did you mean 'lr'"),
        ("model.optimzer.lr=1", "did you mean 'optimizer'"),
        ("datamodule.rot=x", "did you mean 'root'"),
    ],
)
def test_misspelt_keys_and_choices_name_the_nearest(override: str, nearest: str):
    message = composed_error(override)
    assert nearest in message
    assert override.partition("=")[0].startswith(message.partition(":")[0].partition("=")[0])


SWEPT = ("-m", "model=faster_rcnn,fcos", "datamodule=facades,coco", "seed=0,1")


def test_a_key_that_only_swept_choices_have_is_answered_with_two_plus():
    message = composed_error("model.min_size=64", words=[*SWEPT, "model.min_size=64"])
    assert "the sweep chooses has this key" in message
    assert "write ++model.min_size=…" in message
    assert "trunk" not in message  # a key of the default model, which nobody asked for


def test_a_misspelt_key_is_none_of_what_a_sweep_chooses():
    for key, nearest in (("trainer.max_epoch", "max_epochs"), ("model.min_sise", "min_size")):
        message = composed_error(f"{key}=64", words=[*SWEPT, f"{key}=64"])
        assert f"did you mean '{nearest}'" in message
        assert "++" not in message


def test_a_key_that_some_swept_choices_lack_names_them():
    words = ["-m", "model=ssd300,fcos,retinanet", "model.min_size=64,128"]
    assert composed_error("model.min_size=64", words=words) == (
        "model.min_size: there is no such key with model=ssd300; sweep over model=fcos, "
        "model=retinanet alone"
    )


@pytest.mark.parametrize(
    "words", [[], ["-m", "seed=1,2"], ["-m", "seed=1,2", "callbacks=[default,ema]"]]
)
def test_a_key_is_missed_in_the_model_that_was_chosen(words: list[str]):
    assert "To add one write +model.min_size" in composed_error("model.min_size=64", words=words)


@pytest.mark.parametrize("devices", ["auto", "[0, 1]"])
def test_a_number_that_is_taken_from_another_key_is_asked_for_there(devices: str):
    words = ["hydra/launcher=slurm", f"trainer.devices={devices}"]
    assert taken_value_error("tasks_per_node", *words) == (
        f"trainer.devices={devices}: hydra.launcher.tasks_per_node is taken from it and must be a "
        "whole number; write one"
    )


def test_a_number_that_is_taken_from_a_variable_is_asked_for_there(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DETECTOR_ZOO_MINUTES", "4h")
    message = taken_value_error("timeout_min", "hydra/launcher=slurm")
    assert message.startswith("DETECTOR_ZOO_MINUTES=4h: hydra.launcher.timeout_min is taken from")


def taken_value_error(key: str, *words: str) -> str | None:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("train", overrides=list(words), return_hydra_config=True)
    with pytest.raises(InterpolationValidationError) as caught:
        _ = config.hydra.launcher[key]
    return explain(caught.value)


def test_a_value_that_does_not_parse_is_quoted():
    assert "trainer.max_epochs=[1" in composed_error("trainer.max_epochs=[1")


def test_a_tilde_is_answered_with_home():
    assert "write $HOME for ~" in composed_error("datamodule.root=~/data")


def test_the_doors_own_message_survives_instantiation():
    wrapped = InstantiationException("Error in call to target")
    wrapped.__cause__ = FileNotFoundError("nowhere: no such folder")
    assert explain(wrapped) == "nowhere: no such folder"


def test_the_key_of_an_object_leads_what_its_constructor_says():
    wrapped = InstantiationException("Error in call to target 'x.Y':\nfull_key: trainer.profiler")
    wrapped.__cause__ = ValueError("a wrong number")
    assert explain(wrapped) == "trainer.profiler: a wrong number"


def test_lightnings_complaints_about_settings_are_for_the_user():
    wrapped = InstantiationException("Error in call to target 'x.Y':\nfull_key: trainer")
    wrapped.__cause__ = MisconfigurationException("no such device")
    assert explain(wrapped) == "trainer: no such device"


def test_a_full_disk_is_answered_with_the_keys_of_the_folders():
    message = explain(OSError(errno.ENOSPC, "No space left on device"))
    assert message is not None
    assert "No space left on device; free some, or write elsewhere (hydra.run.dir=" in message


def test_a_fault_of_ours_keeps_its_traceback():
    wrapped = InstantiationException("Error in call to target")
    wrapped.__cause__ = TypeError("a bug")
    assert explain(wrapped) is None


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["train.py", "model=ssd30"], "did you mean 'ssd300'"),
        (["train.py", "datamodule.root=nowhere"], "nowhere: no such folder"),
        (["evaluate.py", "run=nowhere"], "no such folder"),
        (["evaluate.py"], "run= is needed"),
        (["predict.py", "run=nowhere", "source=nowhere.jpg"], "nowhere.jpg"),
    ],
)
def test_the_process_ends_with_one_line_and_exit_code_1(
    command: list[str], message: str, tmp_path: Path
):
    done = subprocess.run(
        [sys.executable, str(ROOT / command[0]), *command[1:]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert message in last
    assert "Traceback" not in done.stderr


def test_help_needs_no_torch(tmp_path: Path):
    code = (
        "import sys, runpy; sys.argv = ['train.py', '--help']\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "try:\n"
        f"    runpy.run_path({str(ROOT / 'train.py')!r}, run_name='__main__')\n"
        "except SystemExit:\n    pass\n"
        "print('torch' in sys.modules, 'lightning' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().endswith("False False")
