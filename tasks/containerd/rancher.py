"""k3s and RKE2, which generate the configuration of their own containerd from registries.yaml."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from moor.errors import HostError
from moor.formats.toml import Document
from moor.resources.base import Later, Resource
from moor.resources.edit import Edit
from moor.resources.file import Absent, File
from moor.resources.requirement import Requirement
from moor.resources.service import Service
from moor.tasks.containerd.hosts_toml import HOST_TABLE_NEEDED, parse_hosts_toml, read_generated_hosts_toml
from moor.tasks.containerd.settings import AGENT
from moor.tasks.facts import Registry
from moor.tasks.proxies.running import parse_key_values

DIRECTORY = {"k3s": "/etc/rancher/k3s", "rke2": "/etc/rancher/rke2"}


def resources(runtime: str, unit: str | None, registry: Registry, ca: str | Later, settle_s: int) -> Sequence[Resource]:
    """Return the CA's file, registries.yaml that names it, and the service started after both.

    Args:
        ca: PEM; empty where the registry's certificate is a public one
        unit: the service; None is the runtime's agent

    References:
        docs.k3s.io and docs.rke2.io, Private Registry Configuration: the file is read only at the start
    """
    place = DIRECTORY[runtime]
    file, ca_file = f"{place}/registries.yaml", f"{place}/moor-registry-ca.crt" if ca else ""
    edit = partial(edit_registries_yaml, registry=registry, ca_file=ca_file, path=file)
    service = unit or AGENT[runtime]
    judge = partial(_judge_generated, edit=edit, name=registry.host_port, mend=f"systemctl restart {service}")
    return [
        Requirement("registries-made", read_generated(runtime, registry, file), judge),
        *([File(ca_file, ca)] if ca else []),
        Edit(file, "registry", edit),
        Service(service, newer_than=(file,), settle_s=settle_s, put_back=True),
    ]


def leftovers(runtime: str, registry: Registry) -> Sequence[Resource]:
    """Return registries.yaml without the registry's CA, and the absence of that CA; read at the next start."""
    place = DIRECTORY[runtime]
    file, ca_file = f"{place}/registries.yaml", f"{place}/moor-registry-ca.crt"
    edit = partial(without_registry, name=registry.host_port, ca_file=ca_file, path=file)
    return [Edit(file, "registry", edit), Absent(ca_file)]


def without_registry(content: str, _: str, name: str, ca_file: str, path: str) -> str:
    """Return registries.yaml without the CA that moor wrote for the registry; all other lines stay unchanged.

    Raises:
        HostError: the file cannot be parsed or edited.
    """
    from moor.formats.yaml_text import rewrite  # only these nodes need it

    try:
        return rewrite(content, partial(_without_ca, name=name, ca_file=ca_file)) if content.strip() else content
    except ValueError as error:
        raise HostError(f"{path}: {error}; mend it, or move it away") from None


def _without_ca(tree: Document, name: str, ca_file: str) -> Document:
    configs = _mapping(tree, "configs")
    entry, tls = _mapping(configs, name), _mapping(configs, name, "tls")
    if tls.get("ca_file") != ca_file:
        return tree
    rest = {key: value for key, value in tls.items() if key != "ca_file"}
    entry = {key: value for key, value in {**entry, "tls": rest}.items() if key != "tls" or rest}
    kept = {key: value for key, value in {**configs, name: entry}.items() if key != name or entry}
    return {key: value for key, value in {**tree, "configs": kept}.items() if key != "configs" or kept}


def read_generated(runtime: str, registry: Registry, file: str) -> str:
    """Return sh that reads registries.yaml, ``file``, and the registry's hosts.toml generated from it."""
    return f"""\
f=
{read_generated_hosts_toml(runtime, registry.host_port)}
[ ! -f {file} ] || echo "yaml=$(base64 < {file} | tr -d '\\n')"
[ ! -f "$f" ] || [ ! {file} -nt "$f" ] || echo pending=yes"""


def _judge_generated(output: str, edit: Callable[[str, str], str], name: str, mend: str) -> str:
    """Return a fault if the generated hosts.toml skips the certificate check, unlike registries.yaml.

    With an entry of its own, the registry ignores ``configs."*"``. Where that entry is missing, or the service has not
    read it yet, the edit or the service's start mends it, so there is no fault.

    References:
        k3s, pkg/agent/containerd/config.go: getHostConfigs; ``*`` becomes containerd's _default
    """
    answer = parse_key_values(output)
    unchecked = parse_hosts_toml(answer.get("toml"), HOST_TABLE_NEEDED).get("unchecked")
    try:
        content = base64.b64decode(answer.get("yaml", "")).decode()
        if not unchecked or "pending" in answer or edit(content, "") != content:
            return ""
    except (ValueError, HostError):  # the edit reports it
        return ""
    return f"{answer['toml_file']}: no certificate of {name} is checked ({unchecked}); run: {mend}, which makes it anew"


def edit_registries_yaml(content: str, _: str, registry: Registry, ca_file: str, path: str) -> str:
    """Return registries.yaml with the registry's CA; all other lines stay unchanged.

    Raises:
        HostError: the file cannot be parsed or edited, or has the registry's images come from elsewhere.
    """
    # Imported late: only these nodes need it.
    from moor.formats.yaml_text import parse_yaml, rewrite

    name = registry.host_port
    try:
        _refuse_mirror(parse_yaml(content), name, path)
        change = partial(_trusting, name=name, ca_file=ca_file)
        try:
            return rewrite(content, change)
        except ValueError:  # a key from a YAML anchor cannot be removed, only overridden
            return rewrite(content, partial(change, insecure=False))
    except ValueError as error:
        raise HostError(f"{path}: {error}; mend it, or move it away") from None


def _trusting(tree: Document, name: str, ca_file: str, insecure: bool | None = None) -> Document:
    """Return the tree with the CA; ``insecure`` replaces a value that turns the check off, None removes it."""
    configs = _mapping(tree, "configs")
    tls = _mapping(configs, name, "tls")
    desired = {**tls, "ca_file": ca_file}
    if not ca_file:
        del desired["ca_file"]
    if desired.pop("insecure_skip_verify", None) and insecure is not None:
        desired["insecure_skip_verify"] = insecure
    if "insecure_skip_verify" in tls and not tls["insecure_skip_verify"]:
        desired["insecure_skip_verify"] = tls["insecure_skip_verify"]
    return {**tree, "configs": {**configs, name: {**_mapping(configs, name), "tls": desired}}}


def _mapping(tree: Any, *keys: str) -> Document:
    """Return the mapping at a path of keys, empty if it is missing; raise ValueError if the value is no mapping."""
    for number, key in enumerate(keys):
        tree = tree.get(key)
        if tree is None:
            return {}
        if not isinstance(tree, dict):
            raise ValueError(f"{'.'.join(keys[: number + 1])} is not keys and values")
    return dict(tree)


def _refuse_mirror(tree: Document, name: str, path: str) -> None:
    mirror = _mapping(tree, "mirrors", name)
    place, endpoints = f"mirrors.{name}", mirror.get("endpoint")
    if endpoints is not None and not (isinstance(endpoints, list) and all(isinstance(one, str) for one in endpoints)):
        raise ValueError(f"{place}.endpoint must be a list of addresses: [https://{name}]")
    if others := [one for one in endpoints or () if one.rstrip("/") not in (f"https://{name}", f"https://{name}/v2")]:
        raise HostError(
            f"{path}: {place} sends its images to {', '.join(map(_without_login, others))}; take that entry out"
        )
    if rewrite := mirror.get("rewrite"):
        raise HostError(
            f"{path}: {place}.rewrite asks for its images by other names ({_renames(rewrite)}); take that entry out"
        )


def _without_login(address: str) -> str:
    return re.sub(r"//[^/]*@", "//***@", address)


def _renames(rewrite: Any) -> str:
    pairs = rewrite.items() if isinstance(rewrite, dict) else ()
    return ", ".join(f"{old} as {new}" for old, new in pairs) or f"{rewrite}"
