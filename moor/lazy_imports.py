"""Libraries that take long to import and that most commands do without: each is imported when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__all__ = ["ec", "exceptions", "hashes", "jinja2", "serialization", "x509"]

if TYPE_CHECKING:
    import jinja2
    from cryptography import exceptions, x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
else:

    class Deferred:
        """Stands for a module, and hands on what is asked of it."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, attribute: str) -> Any:
            return getattr(import_module(self._name), attribute)

    jinja2 = Deferred("jinja2")
    x509, exceptions = Deferred("cryptography.x509"), Deferred("cryptography.exceptions")
    hashes = Deferred("cryptography.hazmat.primitives.hashes")
    serialization = Deferred("cryptography.hazmat.primitives.serialization")
    ec = Deferred("cryptography.hazmat.primitives.asymmetric.ec")
