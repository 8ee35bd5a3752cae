from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from runs.config.settings import EVALUATION, PREDICTION, TRAINING, check_settings

ROOT = Path(__file__).resolve().parents[3]
RULES = {"train": TRAINING, "evaluate": EVALUATION, "predict": PREDICTION}


def check(name: str, *overrides: str) -> None:
    needed = {"evaluate": ["run=x"], "predict": ["run=x", "source=x"]}.get(name, [])
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        check_settings(compose(name, overrides=[*needed, *overrides]), RULES[name])


@pytest.mark.parametrize("name", ["train", "evaluate", "predict"])
def test_the_defaults_hold(name: str):
    check(name)


@pytest.mark.parametrize(
    "override",
    ["trainer.max_epochs=-1", "trainer.devices=auto", "trainer.devices='0,1'", "+callbacks=ema"],
)
def test_what_lightning_allows_is_allowed(override: str):
    check("train", override)


@pytest.mark.parametrize(
    ("name", "override", "wanted"),
    [
        ("train", "seed=x", "a whole number from 0 to 4294967295"),
        ("train", "seed=-1", "a whole number from 0 to 4294967295"),
        ("train", "seed=1.5", "a whole number from 0 to 4294967295"),
        ("train", "seed=true", "a whole number from 0 to 4294967295"),
        ("train", "warm_start=5", "a path or null"),
        ("train", "compile=abc", "true or false"),
        ("train", "trainer.max_epochs=abc", "a whole number from 1 up or -1 or null"),
        ("train", "trainer.max_epochs=0", "a whole number from 1 up or -1 or null"),
        ("train", "trainer.accumulate_grad_batches=0", "a whole number from 1 up"),
        ("train", "trainer.check_val_every_n_epoch=0", "a whole number from 1 up"),
        ("train", "trainer.check_val_every_n_epoch=101", "nothing would ever be validated"),
        ("train", "+trainer.limit_val_batches=0", "more than 0 or null"),
        ("train", "trainer.devices=abc", "a number of devices"),
        ("train", "+callbacks.foo=5", "must name a class as its _target_"),
        ("evaluate", "+trainer.limit_test_batches=0", "more than 0 or null"),
        ("predict", "source=null", "a path"),
        ("predict", "run=null", "a path"),
        ("predict", "batch_size=0", "a whole number from 1 up"),
        ("predict", "on_bad_image=skipp", "error or skip"),
        ("predict", "draw_above=2", "a score from 0 to 1 or null"),
        ("predict", "device=gpu", "auto, cpu, mps, cuda or one of cuda:0, cuda:1"),
    ],
)
def test_a_wrong_value_names_key_value_and_what_is_wanted(name: str, override: str, wanted: str):
    with pytest.raises(ValueError, match=wanted) as caught:
        check(name, override)
    assert str(caught.value).lower().startswith(override.removeprefix("+"))
