"""The ways to a host and to the APIs behind it, as Nornir connection plugins."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType


class Deferred(ModuleType):
    """Stands for a module in ``sys.modules``, and makes way for it at its first use, whichever thread comes first."""

    __spec__ = None  # which every import looks at

    def __getattr__(self, name: str) -> object:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


# paramiko imports it at its start, for ``Match exec`` in ssh_config alone; it is a third of what paramiko brings.
sys.modules.setdefault("invoke", Deferred("invoke"))
