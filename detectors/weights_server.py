"""Whether servers of published weights can be reached, asked once and not for long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from huggingface_hub import constants

_SECONDS = 5.0


def require_answer(url: str) -> None:
    """Stop unless a server answers; whatever it says, that it has no such page for instance.

    A download by itself would wait for minutes where a firewall swallows what is sent.

    Args:
        url: of what is to be fetched.

    Raises:
        OSError: if nothing comes back within seconds.
    """
    try:
        with urlopen(Request(url, method="HEAD"), timeout=_SECONDS):
            pass
    except HTTPError:
        pass  # an answer


@contextmanager
def hub_offline_if_silent() -> Iterator[None]:
    """Within, the client of the Hugging Face Hub keeps to its cache if the Hub does not answer.

    By itself it asks six times for each file, with pauses that add up to half a minute, before it
    looks into its cache or says that it found nothing.
    """
    before = constants.HF_HUB_OFFLINE
    if not before:
        try:
            require_answer(constants.ENDPOINT)
        except OSError:
            constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
