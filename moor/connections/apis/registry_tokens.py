"""The tokens of a registry's token service, each asked for once.

Source  distribution's token authentication specification
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass

from moor.errors import ErrorKind, HostError

CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
LEAST_S = 60  # how long a token is valid, unless its service says another time
MARGIN_S = 10

Login = tuple[str, str]


@dataclass(frozen=True)
class Challenge:
    """How a registry wants clients to log in.

    Attributes:
        scheme: ``basic``, ``bearer``, or empty if it wants no login
        realm: the URL of the token service
    """

    scheme: str = ""
    realm: str = ""
    service: str = ""


def read_challenge(header: str) -> Challenge:
    """Return the challenge of a WWW-Authenticate header."""
    scheme, _, rest = header.strip().partition(" ")
    fields = dict(CHALLENGE.findall(rest))
    return Challenge(scheme.lower(), fields.get("realm", ""), fields.get("service", ""))


def pull_scope(repository: str) -> str:
    return f"repository:{repository}:pull"


@dataclass(frozen=True)
class Token:
    """A token; ``text`` is empty if the service refused the login."""

    text: str
    until: float


def read_token(tree: Mapping[str, object], now: float) -> Token:
    """Return the token in an answer of a token service; raise HostError if there is none."""
    text = tree.get("token") or tree.get("access_token")
    if not isinstance(text, str) or not re.fullmatch(r"[\x21-\x7e]+", text):
        raise HostError(
            "its token service answers without a token; does another program answer there?", ErrorKind.ANSWER
        )
    lasts = tree.get("expires_in")
    return Token(text, now + (lasts if isinstance(lasts, int) and lasts > 0 else LEAST_S) - MARGIN_S)


class TokenCache:
    """Tokens by what they were asked with; of several threads, one asks and the others wait."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: dict[object, Future[Token]] = {}

    def get(self, key: object, ask: Callable[[], Token], not_this: str = "") -> str:
        """Return a valid token; ``ask`` gets one if none is known.

        Args:
            not_this: a token that the registry refused, so that another is asked for
        """
        with self._lock:
            known = self._tokens.get(key)
            if known and known.done() and self._is_over(known, not_this):
                known = None
            mine = known is None
            if known is None:
                known = self._tokens[key] = Future()
        if mine:
            try:
                known.set_result(ask())
            except BaseException as error:
                known.set_exception(error)
                raise
        return known.result().text

    def _is_over(self, known: Future[Token], not_this: str) -> bool:
        if known.exception() is not None:
            return True
        token = known.result()
        return bool(token.text) and (token.until <= self._clock() or token.text == not_this)
