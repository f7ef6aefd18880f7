"""Passwords: how they are kept, what they must be like, and how a wrong one slows its account down."""

import hashlib
import hmac
import re
import secrets
import string
import threading
import time
from collections.abc import Callable

ROUNDS = 4096
DELAY_S = 1.5  # what Harbor waits after a wrong password, and locks the name for

STRENGTH = "longer than 8 chars with at least 1 uppercase letter, 1 lowercase letter and 1 number"
ALPHABET = string.ascii_letters + string.digits


def keep(password: str, pepper: str = "") -> str:
    """Return what is stored instead of a password; ``pepper`` is needed again to check it."""
    salt = secrets.token_hex(16)
    return f"{salt}${_digest(password, salt, pepper)}"


def right(password: str, kept: str, pepper: str = "") -> bool:
    """Return whether ``kept`` was made of ``password``."""
    salt, _, digest = kept.partition("$")
    return hmac.compare_digest(digest, _digest(password, salt, pepper))


def _digest(password: str, salt: str, pepper: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), (salt + pepper).encode(), ROUNDS).hex()


def strong(password: str) -> bool:
    """8 to 128 characters with an upper-case and a lower-case letter and a digit."""
    return 8 <= len(password) <= 128 and all(re.search(part, password) for part in ("[A-Z]", "[a-z]", "[0-9]"))


def make_secret() -> str:
    """Return a robot's secret: 32 characters, strong."""
    while not strong(secret := "".join(secrets.choice(ALPHABET) for _ in range(32))):
        pass
    return secret


class Lock:
    """Names that just failed to log in; each is refused, right password or not, until its delay is over."""

    def __init__(self, sleep: Callable[[float], object] = time.sleep) -> None:
        self._sleep = sleep
        self._until: dict[str, float] = {}
        self._guard = threading.Lock()

    def held(self, name: str) -> bool:
        with self._guard:
            return time.monotonic() < self._until.get(name, 0)

    def punish(self, name: str) -> None:
        """Lock ``name`` and make its caller wait until it is free again."""
        with self._guard:
            self._until[name] = time.monotonic() + DELAY_S
        self._sleep(DELAY_S)
        with self._guard:
            self._until.pop(name, None)
