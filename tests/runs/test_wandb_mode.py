import os
from pathlib import Path

import pytest

from runs.wandb_mode import set_wandb_mode


@pytest.fixture(autouse=True)
def _logged_out(monkeypatch, tmp_path: Path):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


def test_offline_without_a_login():
    assert set_wandb_mode() == "offline" == os.environ["WANDB_MODE"]


def test_online_with_a_key_in_the_environment(monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    assert set_wandb_mode() == "online"


def test_online_with_a_key_in_netrc(tmp_path: Path):
    (tmp_path / "netrc").write_text("machine api.wandb.ai login user password abc\n")
    assert set_wandb_mode() == "online"


def test_the_users_own_choice_stays(monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert set_wandb_mode() == "disabled"
