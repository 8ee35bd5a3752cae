"""Servers that answer, refuse, or stay silent."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from huggingface_hub import constants

from detectors.weights_server import hub_offline_if_silent, require_answer


@pytest.fixture
def server() -> Iterator[str]:
    """The address of a server that has no page at all."""

    class Empty(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    running = HTTPServer(("127.0.0.1", 0), Empty)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}/weights.pth"
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes calls and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"


@pytest.fixture(autouse=True)
def _directly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detectors.weights_server._SECONDS", 0.2)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_a_refusal_is_an_answer(server: str) -> None:
    require_answer(server)


def test_silence_is_none_and_is_not_waited_for(silent: str) -> None:
    start = time.perf_counter()
    with pytest.raises(OSError, match="timed out"):
        require_answer(silent)
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("switched_off", [False, True])
def test_the_hub_is_asked_only_where_it_answers(
    server: str, silent: str, switched_off: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", switched_off)
    for address, offline in ((server, switched_off), (silent, True)):
        monkeypatch.setattr(constants, "ENDPOINT", address)
        with hub_offline_if_silent():
            assert constants.is_offline_mode() is offline
        assert constants.is_offline_mode() is switched_off
