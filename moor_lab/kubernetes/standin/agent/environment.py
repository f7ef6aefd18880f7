"""The environment of a container: variables, mounted files, and its command."""

import base64
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from .. import kinds
from ..kinds import Kind
from ..objects import Object, dig, name_of, namespace_of, uid_of
from . import confinement
from .confinement import ConfigError
from .containerd import Image

Read = Callable[[Kind, str], Object | None]
"""A function that reads an object of the pod's namespace; None if it does not exist."""

_VARIABLE = re.compile(r"\$\$|\$\(([-._a-zA-Z][-._a-zA-Z0-9]*)\)")


def check(pod: Object, container: Object) -> None:
    """Check that the agent supports the pod's volumes and variables.

    Raises:
        ConfigError: it does not
    """
    confinement.check(pod, container)
    if pod["spec"].get("initContainers"):
        raise ConfigError("initContainers are not known to moor's stand-in")


def variables(pod: Object, container: Object, address: str, read: Read) -> dict[str, str]:
    """Return the container's environment variables.

    Raises:
        ConfigError: an object that they refer to is missing
    """
    found = {"HOSTNAME": name_of(pod)}
    for source in container.get("envFrom", []):
        prefix = source.get("prefix", "")
        found |= {f"{prefix}{key}": value for key, value in _all_of(source, read).items()}
    for entry in container.get("env", []):
        value = entry.get("value", "")
        if entry.get("valueFrom"):
            chosen = _chosen(entry["valueFrom"], pod, address, read)
            if chosen is None:
                continue
            value = chosen
        found[entry["name"]] = expand(value, found)
    return found


def expand(text: str, known: dict[str, str]) -> str:
    """Return the text with ``$(NAME)`` replaced for known names, and ``$$`` by a dollar."""

    def value(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else known.get(found[1], found[0])

    return _VARIABLE.sub(value, text)


def _all_of(source: Object, read: Read) -> dict[str, str]:
    for kind, field in ((kinds.CONFIG_MAP, "configMapRef"), (kinds.SECRET, "secretRef")):
        if field in source:
            return values(_required(kind, source[field], read))
    return {}


def _required(kind: Kind, reference: Object, read: Read) -> Object:
    obj = read(kind, reference["name"])
    if obj is None and not reference.get("optional"):
        raise ConfigError(f'{kind.kind.lower()} "{reference["name"]}" not found')
    return obj or {}


def values(obj: Object) -> dict[str, str]:
    """Return the decoded values of a secret or a config map."""
    data: dict[str, str] = obj.get("data", {})
    if obj.get("type") is None:
        return data
    return {key: base64.b64decode(value).decode(errors="replace") for key, value in data.items()}


def _chosen(source: Object, pod: Object, address: str, read: Read) -> str | None:
    if "fieldRef" in source:
        return _field(source["fieldRef"]["fieldPath"], pod, address)
    for kind, field in ((kinds.CONFIG_MAP, "configMapKeyRef"), (kinds.SECRET, "secretKeyRef")):
        if field in source:
            reference = source[field]
            data = values(_required(kind, reference, read))
            if reference["key"] not in data and not reference.get("optional"):
                where = f"{kind.kind} {namespace_of(pod)}/{reference['name']}"
                raise ConfigError(f"couldn't find key {reference['key']} in {where}")
            return data.get(reference["key"])
    raise ConfigError(f"valueFrom {', '.join(source)} is not known to moor's stand-in")


def _field(path: str, pod: Object, address: str) -> str:
    if path in ("status.podIP", "status.hostIP"):
        return address
    found = re.fullmatch(r"(metadata\.(?:labels|annotations))\['(.+)'\]", path)
    steps = [*found[1].split("."), found[2]] if found else path.split(".")
    return str(dig(pod, *steps) or "")


def command(container: Object, image: Image, known: dict[str, str]) -> tuple[str, ...]:
    """Return the container's argv, which combines those of the pod and of the image as Kubernetes does."""
    entrypoint = tuple(container.get("command") or ())
    given = tuple(container.get("args") or ())
    words = (entrypoint or image.entrypoint) + (given or (() if entrypoint else image.command))
    return tuple(expand(word, known) for word in words)


def mounts(pod: Object, container: Object, directory: Path, read: Read) -> tuple[str, ...]:
    """Return the container's mounts in ctr's format; write their files below ``directory``.

    Raises:
        ConfigError: an object that they refer to is missing
    """
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])}
    return tuple(_mount(mount, volumes[mount["name"]], directory, read) for mount in container.get("volumeMounts", []))


def _mount(mount: Object, volume: Object, directory: Path, read: Read) -> str:
    source = _source(volume, directory / volume["name"], read)
    if mount.get("subPath"):
        source /= mount["subPath"]
    mode = "ro" if mount.get("readOnly") or "secret" in volume or "configMap" in volume else "rw"
    return f"type=bind,src={source},dst={mount['mountPath']},options=rbind:{mode}"


def _source(volume: Object, directory: Path, read: Read) -> Path:
    if "hostPath" in volume:
        return Path(volume["hostPath"]["path"])
    if "emptyDir" in volume:
        directory.mkdir(mode=0o777, parents=True, exist_ok=True)
        return directory
    for kind, field, name in ((kinds.SECRET, "secret", "secretName"), (kinds.CONFIG_MAP, "configMap", "name")):
        if field in volume:
            reference = volume[field] | {"name": volume[field][name]}
            return _written(directory, values(_required(kind, reference, read)))
    if "persistentVolumeClaim" in volume:
        return _claimed(volume["persistentVolumeClaim"]["claimName"], directory, read)
    raise ConfigError(f"volume {volume['name']}: its kind is not known to moor's stand-in")


def _claimed(name: str, directory: Path, read: Read) -> Path:
    """Return the directory of a volume claim on this node; it outlives the pod below whose files it is not."""
    claim = read(kinds.CLAIM, name)
    if claim is None:
        raise ConfigError(f'persistentvolumeclaim "{name}" not found')
    kept = directory.parents[3] / "claims" / uid_of(claim)
    kept.mkdir(mode=0o777, parents=True, exist_ok=True)
    return kept


def _written(directory: Path, files: dict[str, str]) -> Path:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o755, parents=True)
    for name, text in files.items():
        (directory / name).write_text(text)
    return directory
