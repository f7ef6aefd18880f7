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
from moor.secrets.masking import MaskingFilter, mask, register

__all__ = ["MaskingFilter", "Secret", "load_or_generate", "mask", "resolve"]

SCHEMES = ("env:NAME", "file:PATH")
REMEDY = f"write {' or '.join(SCHEMES)}"
LARGEST = 1024 * 1024  # bytes of a secret file; a larger one is a mistake in the path
LENGTH = 32  # of a generated secret
LETTERS = (string.ascii_lowercase, string.ascii_uppercase, string.digits)


class Secret:
    """A value that prints as ``***``, cannot be pickled, and is masked in all output from its creation on."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
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
        reference: ``env:NAME`` or ``file:PATH``, relative to ``site``; one newline at a file's end is dropped

    Raises:
        InputError: the scheme is unknown, the secret is missing or empty, or others may read its file.
    """
    scheme, name = split_reference(reference)
    return _from_environment(reference, name) if scheme == "env" else _from_file(reference, _below(site, name))


def split_reference(reference: str) -> tuple[str, str]:
    """Return a reference's scheme and name; raise InputError, without quoting a text that may be the secret."""
    scheme, colon, name = reference.partition(":")
    if colon and scheme in ("env", "file") and name:
        return scheme, name
    # A text without a known scheme may be the secret itself, written in the wrong place.
    raise InputError(f"this is not a reference to a secret; {REMEDY}, and keep the secret itself out of these files")


def absolute_reference(reference: str, site: Path) -> str:
    """Return ``reference`` with a file's path made absolute, relative to ``site``."""
    scheme, name = split_reference(reference)
    return f"file:{_below(site, name)}" if scheme == "file" else reference


def _below(site: Path, name: str) -> Path:
    return (site / Path(name).expanduser()).absolute()


def _from_environment(reference: str, name: str) -> Secret:
    value = os.environ.get(name, "")
    if not value:
        raise InputError(f"{reference}: the environment variable is not set or empty; export {name} and run again")
    return Secret(value)


def _from_file(reference: str, path: Path) -> Secret:
    text = _read(reference, path).decode("utf-8", "surrogateescape")
    text = text[:-2] if text.endswith("\r\n") else text.removesuffix("\n")
    if not text:
        raise InputError(f"{reference}: the file is empty; write the secret into it")
    return Secret(text)


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
    """
    if not path.exists():
        private_files.make_directory(path.parent)
        private_files.write_new(path, _random().encode() + b"\n")
    return resolve(f"file:{path.absolute()}")


def _random() -> str:
    """Return a random text with lower and upper case letters and digits, as Harbor requires of a password."""
    while True:
        word = "".join(secrets.choice("".join(LETTERS)) for _ in range(LENGTH))
        if all(set(word) & set(letters) for letters in LETTERS):
            return word
