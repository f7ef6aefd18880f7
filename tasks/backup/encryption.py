"""Encryption of backups in the format of age, so that they can be opened without moor too.

References:
    age-encryption.org/v1
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from io import BufferedIOBase
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from nornir.core.inventory import Host

from moor.context import site_of
from moor.errors import ErrorKind, HostError, InputError
from moor.secrets import private_files
from moor.secrets.secret import Secret, resolve
from moor.settings import prefix_errors, settings_of
from moor.tasks.backup.settings import BackupSettings

if TYPE_CHECKING:  # imported at its first use: most commands encrypt nothing
    from pyrage import x25519

KEY_FILE = "backup.key"
NEW_KEY = "KEEP A COPY of {} away from this machine: it is new, it alone opens the backups, and no backup holds it"
IDENTITY = "AGE-SECRET-KEY-1"


@dataclass(frozen=True)
class BackupKey:
    """The key that opens backups, and the public keys for which they are encrypted, its own first.

    Attributes:
        warning: that the key was just made and has to be kept elsewhere too; empty for one that was there.
    """

    identity: x25519.Identity
    recipients: tuple[str, ...]
    warning: str = ""

    @property
    def id(self) -> str:
        """Return a short name that differs where other people can open what is encrypted."""
        return hashlib.sha256("\n".join(sorted(self.recipients)).encode()).hexdigest()[:12]

    def encrypt(self, source: BinaryIO, target: BinaryIO) -> None:
        """Encrypt ``source`` to its end."""
        import pyrage

        reading, writing = Remembering(source), Remembering(target)
        with suppress(pyrage.EncryptError):
            pyrage.encrypt_io(
                _file(reading), _file(writing), [pyrage.x25519.Recipient.from_str(text) for text in self.recipients]
            )
            reading.need_end()
        for stream in (reading, writing):
            stream.raise_error()

    def decrypt(self, source: BinaryIO, target: BinaryIO, name: str) -> None:
        """Decrypt ``source`` to its end.

        Args:
            source: the ciphertext.
            target: gets the plaintext; what it got counts only once the call returns.
            name: of what is decrypted, for the error.

        Raises:
            HostError: it is damaged, cut short, or encrypted for others.
        """
        import pyrage

        writing = Remembering(target)
        try:
            pyrage.decrypt_io(_file(source), _file(writing), [self.identity])
            writing.raise_error()
        except (pyrage.DecryptError, OSError) as error:  # an OSError without a number is a damaged chunk
            writing.raise_error()
            raise HostError(
                f"{name}: cannot be decrypted: {error}; it is damaged, or was encrypted with another key",
                ErrorKind.CONTROLLER,
            ) from None


class Remembering:
    """A stream that remembers the first error of the one behind it.

    pyrage 1.4.0 writes through a buffer, and drops the error of the last write: without this, a part would pass for
    whole whose end did not fit on the disk. It words the errors of a reader anew.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._error: BaseException | None = None
        self._is_over = False

    def read(self, size: int = -1, /) -> bytes:
        """Read from the stream."""
        try:
            piece = self._stream.read(size)
        except BaseException as error:
            self._error = self._error or error
            raise
        self._is_over = not piece
        return piece

    def write(self, content: bytes, /) -> int:
        """Write all of ``content`` to the stream."""
        try:
            self._stream.write(content)
        except BaseException as error:
            self._error = self._error or error
            raise
        return len(content)

    def flush(self) -> None:
        """Do nothing: who opened the stream flushes it."""

    def need_end(self) -> None:
        """Raise RuntimeError if the stream was not read to its end."""
        if not self._is_over and self._error is None:
            raise RuntimeError("the source was not read to its end")

    def raise_error(self) -> None:
        """Raise the error that the stream had."""
        if self._error is not None:
            raise self._error


def _file(stream: object) -> BufferedIOBase:
    """Return a stream as what pyrage's types say; it calls ``read`` and ``write`` alone."""
    return cast("BufferedIOBase", stream)


def key_of(host: Host, known_to_exist: bool) -> BackupKey:
    """Return the key of the site's backups, which is made where there is none.

    Args:
        host: the registry's host.
        known_to_exist: there are backups already, so that a missing key is an error.

    Raises:
        InputError: the key is missing, or is no identity of age.
    """
    settings = settings_of(host, BackupSettings)
    path = site_of(host).state / KEY_FILE
    if settings.key:
        with prefix_errors("data.backup.key"):
            return _parsed(settings.key.resolve(), settings.recipients, settings.key.reference)
    refuse_missing_key(path, known_to_exist)
    is_new = not path.exists() and _make(path)
    key = _parsed(resolve(f"file:{path.absolute()}"), settings.recipients, str(path))
    return replace(key, warning=NEW_KEY.format(path)) if is_new else key


def refuse_missing_key(path: Path, known_to_exist: bool) -> None:
    """Raise InputError if there is no key and there are backups that it opens."""
    if known_to_exist and not path.exists():
        raise InputError(
            f"{path}: missing, and the backups that are there cannot be opened without it; write the key there that "
            "you kept elsewhere (mode 0600), or name another data.backup.directory for new backups"
        )


def refuse_unfit_key(host: Host, known_to_exist: bool) -> None:
    """Raise InputError for a key that cannot be used; one that is to be made is fine."""
    if known_to_exist or settings_of(host, BackupSettings).key or (site_of(host).state / KEY_FILE).exists():
        key_of(host, known_to_exist)
    else:
        _refuse_bad_recipients(settings_of(host, BackupSettings).recipients)


def _make(path: Path) -> bool:
    import pyrage

    private_files.make_directory(path.parent)
    text = Secret(str(pyrage.x25519.Identity.generate()))
    return private_files.write_new(path, f"{text.reveal()}\n".encode())


def _parsed(secret: Secret, others: Sequence[str], place: str) -> BackupKey:
    import pyrage

    lines = [line.strip() for line in secret.reveal().splitlines()]
    found = [line for line in lines if line.startswith(IDENTITY)]  # age-keygen writes comments beside it
    if len(found) != 1:
        raise InputError(f"{place}: no key; it has one line {IDENTITY}..., as age-keygen writes it")
    try:
        identity = pyrage.x25519.Identity.from_str(Secret(found[0]).reveal())
    except pyrage.IdentityError:
        raise InputError(f"{place}: no key of age; was a character lost?") from None
    _refuse_bad_recipients(others)
    return BackupKey(identity, tuple(dict.fromkeys((str(identity.to_public()), *others))))


def _refuse_bad_recipients(texts: Sequence[str]) -> None:
    import pyrage

    wrong = []
    for text in texts:
        try:
            pyrage.x25519.Recipient.from_str(text)
        except pyrage.RecipientError:
            wrong.append(f"data.backup.recipients: {text} is no public key of age; was a character lost?")
    if wrong:
        raise InputError("\n".join(wrong))
