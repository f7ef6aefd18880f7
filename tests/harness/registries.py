"""Registries of others on loopback, found by their names and trusted as public ones are."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from moor_lab.image_registry import LOOPBACK, ImageRegistry, serve_images


@contextmanager
def public_registries(folder: Path, *registries: ImageRegistry) -> Iterator[Path]:
    """Serve registries until the block ends; this process resolves their names, and trusts the CA that is yielded."""
    names, resolve = {one.name for one in registries}, socket.getaddrinfo

    def known(host: Any, *words: Any, **named: Any) -> Any:
        return resolve(LOOPBACK if host in names else host, *words, **named)

    with serve_images(registries, folder) as authority, pytest.MonkeyPatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", known)
        patched.setenv("SSL_CERT_FILE", str(authority))
        patched.setenv("NO_PROXY", "*")
        yield authority
