"""k3s and RKE2: they keep a containerd of their own, and make its configuration from one file, registries.yaml."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import partial
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from moor.errors import HostError
from moor.resources.base import Later, Resource
from moor.resources.edit import Edit
from moor.resources.file import File
from moor.resources.service import Service
from tasks.facts import Registry

DIRECTORY = {"k3s": "/etc/rancher/k3s", "rke2": "/etc/rancher/rke2"}
AGENT = {"k3s": "k3s-agent", "rke2": "rke2-agent"}


def resources(runtime: str, unit: str | None, registry: Registry, ca: str | Later, settle_s: int) -> Sequence[Resource]:
    """Give the CA, the file that names it, and the service started after that file.

    unit    None is the runtime's agent
    Source  docs.k3s.io and docs.rke2.io, Private Registry Configuration: the file is read at the start alone
    """
    place = DIRECTORY[runtime]
    file, ca_file = f"{place}/registries.yaml", f"{place}/moor-registry-ca.crt"
    edit = partial(edited, registry=registry, ca_file=ca_file, path=file)
    return [
        File(ca_file, ca),
        Edit(file, "registry", edit),
        Service(unit or AGENT[runtime], newer_than=(file,), settle_s=settle_s, put_back=True),
    ]


def edited(content: str, _: str, registry: Registry, ca_file: str, path: str) -> str:
    """Give registries.yaml with the registry's CA; what other people wrote, comments too, stays.

    Raises  HostError: it is no YAML mapping, or sends the registry's images elsewhere
    """
    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = 10_000
    try:
        tree = yaml.load(content)
        tree = {} if tree is None else tree
        configs, name = _mapping(tree, "configs"), registry.host_port
        _refuse_mirror(_mapping(tree, "mirrors", make=False), name, path)
        tls = _mapping(configs, name, "tls")
    except (YAMLError, TypeError) as error:
        raise HostError(f"{path}: {' '.join(str(error).split())}; mend it, or move it away") from None
    if tls.get("ca_file") == ca_file and not tls.get("insecure_skip_verify"):
        return content
    tls["ca_file"] = ca_file
    tls.pop("insecure_skip_verify", None)
    out = io.StringIO()
    yaml.dump(tree, out)
    return out.getvalue()


def _mapping(tree: Any, *keys: str, make: bool = True) -> Any:
    """Give what stands below some keys, made where it is missing; raises TypeError where it is no mapping."""
    found = tree
    for key in keys:
        if not isinstance(found, dict):
            raise TypeError(f"{key} stands below something that is no mapping")
        if found.get(key) is None:
            if not make:
                return {}
            found[key] = {}
        found = found[key]
    if not isinstance(found, dict):
        raise TypeError(f"{'.'.join(keys)} is no mapping")
    return found


def _refuse_mirror(mirrors: Any, name: str, path: str) -> None:
    endpoints = _mapping(mirrors, name, make=False).get("endpoint") or []
    others = [entry for entry in endpoints if entry.rstrip("/") != f"https://{name}"]
    if others:
        raise HostError(f"{path}: mirrors.{name} sends its images to {', '.join(others)}; take that entry out")
