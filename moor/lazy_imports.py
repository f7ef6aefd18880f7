"""Stand-ins for slow libraries that most commands do not need; each is imported at first use, in whatever thread."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["ec", "exceptions", "hashes", "jinja2", "pkcs7", "rsa", "serialization", "ssl", "tarfile", "x509"]

if TYPE_CHECKING:
    import ssl
    import tarfile

    import jinja2
    from cryptography import exceptions, x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import pkcs7
else:

    class LazyModule:
        """A stand-in for a module that imports it when an attribute is first read."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, attribute: str) -> Any:
            return getattr(import_module(self._name), attribute)

    jinja2, ssl, tarfile = LazyModule("jinja2"), LazyModule("ssl"), LazyModule("tarfile")
    x509, exceptions = LazyModule("cryptography.x509"), LazyModule("cryptography.exceptions")
    hashes = LazyModule("cryptography.hazmat.primitives.hashes")
    serialization = LazyModule("cryptography.hazmat.primitives.serialization")
    ec = LazyModule("cryptography.hazmat.primitives.asymmetric.ec")
    rsa = LazyModule("cryptography.hazmat.primitives.asymmetric.rsa")
    pkcs7 = LazyModule("cryptography.hazmat.primitives.serialization.pkcs7")
