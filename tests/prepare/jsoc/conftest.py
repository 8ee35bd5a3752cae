"""A server on this machine that answers as JSOC does, and time that passes at once."""

from __future__ import annotations

import io
import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlsplit

import numpy as np
import pytest
from astropy.io import fits

from prepare.jsoc.backoff import Patience
from prepare.jsoc.cutout_request import CutoutRequest
from prepare.jsoc.fetching import Fetching
from prepare.jsoc.manifest import Manifest
from prepare.jsoc.server import JsocServer
from tests.aia_header import aia_header

ADDRESS = "you@example.org"
SIDE = 520
PAGE = b"<!DOCTYPE html><html><body>403 Forbidden</body></html>"
START = datetime(2024, 5, 1, tzinfo=UTC)
Json = dict[str, Any]


@cache
def frame_bytes(second: int, side: int = SIDE, **changes: Any) -> bytes:
    """A compressed frame as JSOC cuts it out."""
    place = {"CRPIX1": 1.0, "CRPIX2": 1.0, "CRVAL1": 700.0, "CRVAL2": -400.0}
    header = aia_header(second + 0.12, **(place | changes))
    data = np.full((side, side), 10 + second, np.int16)
    picture = fits.CompImageHDU(data, fits.Header(header), compression_type="RICE_1")
    buffer = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), picture]).writeto(buffer)
    return buffer.getvalue()


def make_request(number: int = 1, **changes: Any) -> CutoutRequest:
    values: Json = {
        "jet": f"sjh_2013-10-28T01_{number}",
        "record_set": f"aia.lev1_euv_12s[2013-10-28T0{number}:00:00Z/72s@24s][304]{{image}}",
        "im_patch": {"t": 1, "x": 850.0},
        "wavelength": 304,
        "frames": 3,
        "size": (SIDE, SIDE),
    }
    return CutoutRequest(**(values | changes))


class StandIn:
    """What a test tells JSOC to answer.

    Attributes:
        submissions: Answers to the next requests; `accepted` ones after these.
        polls: Statuses of the next questions for the state; 0 after these.
        files: Content by name, for every export.
        ways: What happens to the next downloads of a file, by name; whole ones after these.
        log: Every question: what of, and its arguments.
    """

    def __init__(self) -> None:
        self.submissions: list[Json] = []
        self.polls: list[int] = []
        self.files = {
            f"aia.lev1_euv_12s.{s:02d}.304.image.fits": frame_bytes(s) for s in (0, 24, 48)
        }
        self.ways: defaultdict[str, list[str]] = defaultdict(list)
        self.log: list[tuple[str, Json]] = []
        self.at_once = self.most_at_once = 0
        self.base = ""

    @property
    def names(self) -> list[str]:
        return list(self.files)

    def asked(self, what: str) -> list[Json]:
        return [arguments for kind, arguments in self.log if kind == what]

    def answer(self, arguments: Json) -> Json:
        operation = arguments["op"]
        self.log.append((operation, arguments))
        if operation == "exp_request":
            if self.submissions:
                return self.submissions.pop(0)
            number = f"JSOC_20240501_{len(self.asked('exp_request')):03d}"
            return {"status": 2, "requestid": number, "method": "url", "wait": 10}
        status = self.polls.pop(0) if self.polls else 0
        told: Json = {"status": status, "requestid": arguments["requestid"], "method": "url"}
        if status == 0:
            records = [{"record": "aia.lev1_euv_12s[]", "filename": name} for name in self.files]
            gap = {"record": "aia.lev1_euv_12s[]", "filename": "NoDataFile"}
            told |= {"protocol": "FITS,compress Rice", "count": len(records), "size": 1}
            told |= {"dir": "/SUM9/D1/S00000", "data": [*records, gap]}
        elif status > 2:
            told["error"] = "Request was completed but is now deleted, 7 day limit exceeded"
        return told


class Handler(BaseHTTPRequestHandler):
    stand_in: StandIn

    def log_message(self, *args: Any) -> None:
        """Not to stderr."""

    def do_GET(self) -> None:
        self.stand_in.at_once += 1
        self.stand_in.most_at_once = max(self.stand_in.most_at_once, self.stand_in.at_once)
        try:
            self._do()
        finally:
            self.stand_in.at_once -= 1

    def _do(self) -> None:
        parts = urlsplit(self.path)
        arguments = dict(parse_qsl(parts.query))
        name = parts.path.rsplit("/", 1)[-1]
        if name == "checkAddress.sh":
            self.stand_in.log.append(("address", arguments))
            known = unquote_plus(arguments["address"]) == ADDRESS
            self._send(json.dumps({"status": 2 if known else 4}).encode())
        elif name == "jsoc_fetch":
            self._send(json.dumps(self.stand_in.answer(arguments)).encode())
        else:
            self.stand_in.log.append(("file", {"name": name}))
            ways = self.stand_in.ways[name]
            self._deliver(self.stand_in.files[name], ways.pop(0) if ways else "whole")

    def _deliver(self, content: bytes, way: str) -> None:
        half = content[: len(content) // 2]
        if way == "whole":
            self._send(content)
        elif way == "dropped":
            self.connection.close()
        elif way == "dropped halfway":
            self._send(half, announced=len(content))
            self.connection.close()
        elif way == "truncated":  # and the server believes it
            self._send(half)
        elif way == "page":
            self._send(PAGE)
        elif way == "empty":
            self._send(b"")
        else:
            self.send_error(int(way))

    def _send(self, content: bytes, announced: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content) if announced is None else announced))
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def jsoc() -> Iterator[StandIn]:
    """JSOC on this machine, of whatever mood a test wants."""
    stand_in = StandIn()
    handler = type("Bound", (Handler,), {"stand_in": stand_in})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    stand_in.base = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield stand_in
    server.shutdown()
    thread.join()
    server.server_close()


def client_at(base: str) -> Any:
    drms = pytest.importorskip("drms")
    from drms.config import ServerConfig

    config = ServerConfig(
        name="stand-in",
        cgi_baseurl=f"{base}cgi-bin/ajax/",
        cgi_jsoc_info="jsoc_info",
        cgi_jsoc_fetch="jsoc_fetch",
        cgi_check_address="checkAddress.sh",
        http_download_baseurl=base,
    )
    return drms.Client(config)


@pytest.fixture
def open_client_at() -> Callable[[str], Any]:
    """A drms client that takes an address of this machine for JSOC's."""
    return client_at


@pytest.fixture
def server_at() -> Callable[..., JsocServer]:
    """JSOC at an address of this machine, for the user of another address."""
    return lambda base, address=ADDRESS: JsocServer(client_at(base), address)


class FakeClock:
    """Time that passes when somebody sleeps."""

    def __init__(self) -> None:
        self.time = START
        self.slept: list[float] = []
        self.interrupt = False

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        if self.interrupt:
            raise KeyboardInterrupt
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> FakeClock:
    """See `FakeClock`."""
    return FakeClock()


@pytest.fixture
def cutout_request() -> Callable[..., CutoutRequest]:
    """The request of a jet, by number."""
    return make_request


@pytest.fixture
def draw_frame() -> Callable[..., bytes]:
    """See `frame_bytes`."""
    return frame_bytes


@pytest.fixture
def run(jsoc: StandIn, clock: FakeClock, tmp_path: Path) -> Callable[..., Manifest]:
    """Fetch requests into tmp_path as a new process would; returns the manifest it left."""

    def run_once(*requests: CutoutRequest) -> Manifest:
        patience = Patience(clock, Random(0))
        fetching = Fetching(JsocServer(client_at(jsoc.base), ADDRESS), Manifest(tmp_path), patience)
        fetching.run(requests or [make_request()])
        return Manifest(tmp_path)

    return run_once
