import os
import socket
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


@pytest.mark.parametrize("place", ["unix-/nowhere/socket", "tcp-localhost-1"])
def test_a_process_of_another_machine_is_forgotten(monkeypatch, place: str):
    monkeypatch.setenv("WANDB_SERVICE", f"3-99-{place}")
    set_wandb_mode()
    assert "WANDB_SERVICE" not in os.environ


def test_a_process_that_is_there_stays(monkeypatch, tmp_path: Path):
    monkeypatch.chdir(tmp_path)  # names of sockets must be short
    with socket.socket(socket.AF_UNIX) as service:
        service.bind("socket")
        service.listen()
        monkeypatch.setenv("WANDB_SERVICE", "3-99-unix-socket")
        set_wandb_mode()
    assert os.environ["WANDB_SERVICE"] == "3-99-unix-socket"


def test_what_is_no_address_of_a_process_is_left_to_wandb(monkeypatch):
    monkeypatch.setenv("WANDB_SERVICE", "4-somewhere")
    set_wandb_mode()
    assert os.environ["WANDB_SERVICE"] == "4-somewhere"
