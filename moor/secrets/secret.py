"""Secrets, and the references by which settings name them."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
import string
from pathlib import Path
from typing import NoReturn

from moor.errors import InputError
from moor.secrets import private_files
from moor.secrets.command import SecretCommand, ask, parse_command
from moor.secrets.masking import MaskingFilter, mask, register

__all__ = ["MaskingFilter", "Secret", "is_reference", "load_or_generate", "mask", "resolve"]

SCHEMES = ("env", "file", "cmd")
REMEDY = "write env:NAME, file:PATH or cmd: [WORD, ...]"
LARGEST = 1024 * 1024  # bytes of a secret file; a larger one is a mistake in the path
LENGTH = 32  # of a generated secret
LETTERS = (string.ascii_lowercase, string.ascii_uppercase, string.digits)


class Secret:
    """A value that prints as ``***``, cannot be pickled, and is masked in all output from its creation on.

    Args:
        value: the secret.
        known: the parts of it that are secret are masked already, so that its other lines stay readable elsewhere.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str, *, known: bool = False) -> None:
        self._value = value
        if not known:
            register(value)

    def reveal(self) -> str:
        """Return the value, for a script's input or a request's body."""
        return self._value

    def sha256(self) -> str:
        """Return the SHA-256 of the value's bytes."""
        return hashlib.sha256(self._bytes()).hexdigest()

    def _bytes(self) -> bytes:
        return self._value.encode("utf-8", "surrogateescape")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._bytes(), other._bytes())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written anywhere by pickling")


def resolve(reference: str, site: Path = Path()) -> Secret:
    """Return the secret that ``reference`` names.

    Args:
        reference: ``env:NAME``; ``file:PATH``, relative to ``site``; or ``cmd:WORDS``, a command that prints the
            secret and is run in ``site``; one newline at the end of a file or of what a command prints is dropped

    Raises:
        InputError: the scheme is unknown, the secret is missing or empty, others may read its file, or its command
            fails.
    """
    scheme, name = split_reference(reference)
    if scheme == "cmd":
        return _from_command(parse_command(name, site))
    return _from_environment(reference, name) if scheme == "env" else _from_file(reference, _below(site, name))


def is_reference(value: object) -> bool:
    """Return whether a value is a text that begins as a reference does."""
    return isinstance(value, str) and value.startswith(tuple(f"{scheme}:" for scheme in SCHEMES))


def split_reference(reference: str) -> tuple[str, str]:
    """Return a reference's scheme and name; raise InputError, without quoting a text that may be the secret."""
    scheme, colon, name = reference.partition(":")
    if colon and scheme in SCHEMES and name:
        return scheme, name
    # A text without a known scheme may be the secret itself, written in the wrong place.
    raise InputError(f"this is not a reference to a secret; {REMEDY}, and keep the secret itself out of these files")


def absolute_reference(reference: str, site: Path) -> str:
    """Return ``reference`` with a file's path made absolute, and a command's directory named: both are ``site``'s."""
    scheme, name = split_reference(reference)
    if scheme == "cmd":
        return parse_command(name, site).reference
    return f"file:{_below(site, name)}" if scheme == "file" else reference


def _below(site: Path, name: str) -> Path:
    return (site / Path(name).expanduser()).absolute()


def _from_environment(reference: str, name: str) -> Secret:
    value = os.environ.get(name, "")
    if not value:
        raise InputError(f"{reference}: the environment variable is not set or empty; export {name} and run again")
    return Secret(value)


def _from_file(reference: str, path: Path) -> Secret:
    text = _without_newline(_read(reference, path))
    if not text:
        raise InputError(f"{reference}: the file is empty; write the secret into it")
    return Secret(text)


def _from_command(command: SecretCommand) -> Secret:
    text = _without_newline(ask(command))
    if not text:
        raise InputError(f"{command}: it printed nothing; is the secret stored under that name?")
    return Secret(text)


def _without_newline(raw: bytes) -> str:
    text = raw.decode("utf-8", "surrogateescape")
    return text[:-2] if text.endswith("\r\n") else text.removesuffix("\n")


def _read(reference: str, path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if stat.S_ISREG(mode) and mode & 0o077:
                raise InputError(
                    f"{reference}: others may read or write this file (mode {mode & 0o777:04o}); chmod 600 {path}"
                )
            raw = file.read(LARGEST + 1)
    except FileNotFoundError as error:
        raise InputError(f"{reference}: no such file; write the secret into it, readable for you alone") from error
    except OSError as error:
        raise InputError(f"{reference}: {error.strerror}; it must be a file that you can read") from error
    if len(raw) > LARGEST:
        raise InputError(f"{reference}: larger than {LARGEST} bytes, which no secret is; is the path right?")
    return raw


def load_or_generate(path: Path) -> Secret:
    """Return the secret stored at ``path``; generate it if the file is missing.

    Args:
        path: its directory must be moor's own; its mode becomes 0700

    Raises:
        InputError: the file is empty or cannot be read
    """
    if path.is_file() and path.stat().st_size <= len("\n"):
        raise InputError(
            f"{path}: the file is empty, and moor wrote a secret into it once; put it back from a backup of that "
            "directory, or delete it, and moor makes another"
        )
    if not path.exists():
        private_files.make_directory(path.parent)
        private_files.write_new(path, generate().reveal().encode() + b"\n")
    return resolve(f"file:{path.absolute()}")


def generate() -> Secret:
    """Return a random secret with lower and upper case letters and digits, as Harbor requires of a password."""
    while True:
        word = "".join(secrets.choice("".join(LETTERS)) for _ in range(LENGTH))
        if all(set(word) & set(letters) for letters in LETTERS):
            return Secret(word)
