"""Nornir connection plugins for hosts, network devices and APIs."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType


class DeferredImport(ModuleType):
    """A placeholder in ``sys.modules`` that imports the real module at its first use, from any thread."""

    __spec__ = None  # read by every import, so that __getattr__ must not be called for it

    def __getattr__(self, name: str) -> object:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


# paramiko imports invoke for ``Match exec`` in ssh_config alone; it is a third of paramiko's import time.
sys.modules.setdefault("invoke", DeferredImport("invoke"))
