"""JSOC's answers, and what comes in place of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest

from prepare.jsoc.faults import UnreachableError
from prepare.jsoc.server import REGISTRATION, JsocServer, open_client

ServerAt = Callable[..., JsocServer]


def test_a_registered_address_passes(jsoc: Any, server_at: ServerAt) -> None:
    server_at(jsoc.base).check_address()
    assert jsoc.asked("address") == [{"address": "you%40example.org", "checkonly": "1"}]


def test_an_address_that_is_not_registered_is_told_where_to_register(
    jsoc: Any, server_at: ServerAt
) -> None:
    with pytest.raises(ValueError, match=REGISTRATION):
        server_at(jsoc.base, "nobody@example.org").check_address()


def test_without_a_network_every_question_says_so(
    server_at: ServerAt, cutout_request: Callable[..., Any]
) -> None:
    server = server_at("http://127.0.0.1:1/")  # a port that nobody listens on
    for question in (
        server.check_address,
        lambda: server.submit(cutout_request()),
        lambda: server.state_of("JSOC_1"),
    ):
        with pytest.raises(UnreachableError, match="is there a network"):
            question()


def test_a_page_in_place_of_data_is_no_answer(
    jsoc: Any, server_at: ServerAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("json.dumps", lambda value: "<html>maintenance</html>")
    with pytest.raises(UnreachableError, match="a page in place of data"):
        server_at(jsoc.base).state_of("JSOC_1")


def test_a_failed_export_tells_what_jsoc_says(
    jsoc: Any, server_at: ServerAt, cutout_request: Callable[..., Any]
) -> None:
    jsoc.submissions = [{"status": 4, "error": "Bad record-set query"}]
    export = server_at(jsoc.base).submit(cutout_request())
    assert (export.status, export.id, export.files) == (4, None, ())
    assert "Bad record-set query" in export.message


def test_without_drms_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "drms", None)
    with pytest.raises(ImportError, match=r"pip install 'detector-zoo\[solar\]'"):
        open_client()
