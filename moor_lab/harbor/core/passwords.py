"""Passwords: hashing, rules, and the delay after a wrong one."""

import hashlib
import hmac
import re
import secrets
import string
import threading
import time
from collections.abc import Callable

ROUNDS = 4096
DELAY_S = 1.5  # Harbor's delay after a wrong password, during which the name is locked

STRENGTH = "longer than 8 chars with at least 1 uppercase letter, 1 lowercase letter and 1 number"
ALPHABET = string.ascii_letters + string.digits


def keep(password: str, pepper: str = "") -> str:
    """Return the hash of a password; the check needs the same ``pepper``."""
    salt = secrets.token_hex(16)
    return f"{salt}${_digest(password, salt, pepper)}"


def right(password: str, kept: str, pepper: str = "") -> bool:
    """Return whether ``kept`` is the hash of ``password``."""
    salt, _, digest = kept.partition("$")
    return hmac.compare_digest(digest, _digest(password, salt, pepper))


def _digest(password: str, salt: str, pepper: str) -> str:
    return hashlib.pbkdf2_hmac("sha256", password.encode(), (salt + pepper).encode(), ROUNDS).hex()


def strong(password: str) -> bool:
    """Return whether a password has 8 to 128 characters with upper case, lower case and a digit."""
    return 8 <= len(password) <= 128 and all(re.search(part, password) for part in ("[A-Z]", "[a-z]", "[0-9]"))


def make_secret() -> str:
    """Return a random robot secret of 32 characters."""
    while not strong(secret := "".join(secrets.choice(ALPHABET) for _ in range(32))):
        pass
    return secret


class Lock:
    """Names with a recent failed login; all their logins are refused until the delay is over."""

    def __init__(self, sleep: Callable[[float], object] = time.sleep) -> None:
        self._sleep = sleep
        self._until: dict[str, float] = {}
        self._guard = threading.Lock()

    def held(self, name: str) -> bool:
        with self._guard:
            return time.monotonic() < self._until.get(name, 0)

    def punish(self, name: str) -> None:
        """Lock ``name`` and wait until the lock ends."""
        with self._guard:
            self._until[name] = time.monotonic() + DELAY_S
        self._sleep(DELAY_S)
        with self._guard:
            self._until.pop(name, None)
