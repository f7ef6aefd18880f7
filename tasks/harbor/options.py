"""The section data.harbor.options: keys of harbor.yml at their own level, with secrets by reference."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, ValidationInfo

from moor.errors import FieldErrors, InputError
from moor.secrets.secret import REMEDY, Secret
from moor.settings.section import SecretRef, site_from
from moor.tasks.harbor.keys import find_misplaced, installer_release
from moor.tasks.harbor.kinds import find_incomplete, wrong_kind, wrong_text
from moor.tasks.harbor.values import encode_for_harbor

SECRET_KEY = re.compile(
    r"(?i).*(?:passw(?:or)?d|passphrase|secret|token)|pass|(?:access|account|secret|private|api)_?key|accesskeysecret"
)
# Settings that are on or off, wherever they stand in harbor.yml.
ON_OR_OFF = re.compile(
    r"enabled?|disable|strong_ssl_ciphers|ignore_unfixed|skip_(java_db_)?update|offline_scan|insecure|dryrun"
    r"|secure|skipverify|v4auth|encrypt|accelerate|usedualstack|forcepathstyle|insecureskipverify|internal"
)
LOGIN_IN_URL = re.compile(r"://[^/\s@]*:[^/\s@]+@")
Found = Iterator[tuple[tuple[str, ...], str]]


def _check(options: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
    """Return the options with a ``SecretRef`` for every reference; raise FieldErrors with every error."""
    installer = info.data.get("installer")
    wrong: list[tuple[tuple[str, ...], str]] = []
    options = {key: _with_references(value, site_from(info.context), (key,), wrong) for key, value in options.items()}
    found = [
        *wrong,
        *find_misplaced(options, installer_release(installer.name) if isinstance(installer, Path) else None),
        *_find_cleartext(options, ()),
        *_find_words(options, ()),
        *_find_wrong_kinds(options),
        *find_incomplete(options),
    ]
    if found:
        raise FieldErrors(found)
    return options


Options = Annotated[dict[str, Any], AfterValidator(_check)]


def _find_cleartext(value: Any, path: tuple[str, ...]) -> Found:
    """Yield every secret in clear text, and every list with a secret reference, which Harbor has nowhere."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from _find_cleartext(below, (*path, str(key)))
    elif isinstance(value, list | tuple):
        if any(SecretRef.is_written(one) for one in value):
            yield path, "a list holds no secrets"
    elif isinstance(value, SecretRef) or value in (None, ""):
        return
    elif SECRET_KEY.fullmatch(path[-1]):
        yield path, f"a secret is not written here; {REMEDY}"
    elif isinstance(value, str) and LOGIN_IN_URL.search(value):
        yield path, f"an address with a password in it is a secret as a whole; {REMEDY}"


def _find_words(value: Any, path: tuple[str, ...]) -> Found:
    """Yield every setting that is on or off and holds text, which Harbor takes for on whatever the text is."""
    if isinstance(value, Mapping):
        for key, below in value.items():
            yield from _find_words(below, (*path, str(key)))
    elif isinstance(value, str) and path and ON_OR_OFF.fullmatch(path[-1]):
        yield path, "is on or off; write true or false, without quotes (yes, no, on and off are text in this file)"


def _find_wrong_kinds(options: Mapping[str, Any]) -> Found:
    """Yield every value that is of another kind than its key holds; what a reference names is known later."""
    for key, value in flatten(options):
        if not isinstance(value, SecretRef) and (words := wrong_kind(key, value)):
            yield tuple(key.split(".")), words


def _with_references(value: Any, site: Path, path: tuple[str, ...], wrong: list[tuple[tuple[str, ...], str]]) -> Any:
    """Return a value with a ``SecretRef`` for every reference; add those that are wrong to ``wrong``."""
    if SecretRef.is_written(value):
        try:
            return SecretRef.of(value, site)
        except InputError as error:
            wrong.append((path, str(error)))
            return None
    if isinstance(value, Mapping):
        return {key: _with_references(below, site, (*path, str(key)), wrong) for key, below in value.items()}
    return value


def flatten(options: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested mappings by dotted key."""
    for key, value in options.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def resolve_options(options: Mapping[str, Any], prefix: str = "data.harbor.options.") -> dict[str, Any]:
    """Return the values for harbor.yml by dotted key, with secrets resolved.

    Args:
        prefix: the options' place in the inventory, for error messages

    Raises:
        InputError: some options are wrong; the message lists all of them.
    """
    values: dict[str, Any] = {}
    wrong: list[str] = []
    for key, value in flatten(options):
        try:
            values[key] = encode_for_harbor(key, _resolved(key, value) if isinstance(value, SecretRef) else value)
        except InputError as error:
            wrong.append(f"{prefix}{key}: {error}")
    if wrong:
        raise InputError("\n".join(wrong))
    return values


def _resolved(key: str, reference: SecretRef) -> Secret:
    secret = reference.resolve()
    if words := wrong_text(key, secret.reveal()):
        raise InputError(words.removesuffix("; write it without quotes"))
    return secret
