"""What one host says, as settings of the inventory; pure."""

from __future__ import annotations

from collections.abc import Iterator

from moor.formats.nesting import parse_object
from moor.tasks.containerd.loaded_config import subtable
from moor.tasks.docker.install import CERTS as DOCKER_CERTS
from moor.tasks.docker.settings import DockerSettings
from moor.tasks.docker.verification import DAEMON
from moor.tasks.podman.configure import CERTS as PODMAN_CERTS
from moor.tasks.survey.host_proxy import docker_settings, proxy_settings
from moor.tasks.survey.host_routes import route_settings
from moor.tasks.survey.host_time import time_settings
from moor.tasks.survey.reading import PUBLIC, RANCHER, Way, hosts_entries, place_of, toml_of, ways_of
from moor.tasks.survey.registry import harbor_name
from moor.tasks.survey.script import HostView
from moor.tasks.survey.setting import Setting

HOSTS = "/etc/hosts"
CONFIG_PATH = "/etc/containerd/certs.d"
CONFIG = "/etc/containerd/config.toml"
DOCKER_PACKAGES = ("docker", "containerd.io")


def settings_in(view: HostView, registry: str) -> Iterator[Setting]:
    """Yield what a host says of itself and of the registry.

    Args:
        registry: NAME, or NAME:PORT
    """
    yield from _names(view, registry)
    yield from _mirrors(view, registry)
    yield from _containerd(view)
    yield from _docker(view, registry)
    if view.has("program", "podman") and _names_registry(view, registry, PODMAN_CERTS, "/etc/containers/registries"):
        yield Setting(("data", "podman"), {}, f"{PODMAN_CERTS}/{registry}")
    if harbor_name(view) == registry:
        yield Setting(("data", "harbor", "managed"), False, view.fact("harbor"), True)
    yield from proxy_settings(view, own_words(view, registry))
    yield from time_settings(view)
    yield from route_settings(view, addresses_in(view, registry))


def addresses_in(view: HostView, registry: str) -> list[str]:
    """Return the addresses at which a host finds the registry."""
    places = {("data", "registry", "address"), ("data", "registry", "address6")}
    return list(dict.fromkeys(str(one.value) for one in _names(view, registry) if one.key in places))


def own_words(view: HostView, registry: str) -> list[str]:
    """Return the registry's names and addresses as a host has them."""
    name = registry.partition(":")[0]
    aliases = [word for one in _names(view, registry) if one.key[-1] == "aliases" for word in one.value]
    return [name, name.partition(".")[0], *aliases, *addresses_in(view, registry)]


def groups_of(view: HostView, registry: str) -> dict[str, str]:
    """Return the groups that a host belongs to, each with what says so; none where nothing of a registry is."""
    found: dict[str, str] = {}
    if harbor_name(view) == registry:
        found["harbor"] = view.fact("harbor")
    if view.has("process", "kube-apiserver", "k3s-server") or view.has("service", "rke2-server"):
        found["control_plane"] = "it runs the cluster's API"
    if runtime_of(view) != "containerd" or view.has("process", "kubelet"):
        found["nodes"] = "it runs a kubelet"
    elif source := _names_registry(view, registry, config_path_of(view), CONFIG):
        found["nodes"] = source
    if "harbor" not in found and (source := _names_registry(view, registry, DOCKER_CERTS)):
        found["workstations"] = source
    return found


def runtime_of(view: HostView) -> str:
    """Return the runtime from which the kubelet of a host has its containers."""
    for runtime in RANCHER:
        if view.has("service", f"{runtime}-agent", f"{runtime}-server", runtime):
            return runtime
    return "crio" if view.has("service", "crio") else "containerd"


def config_path_of(view: HostView) -> str:
    """Return the directory in which containerd looks up registries."""
    for path, text in view.files.items():
        if path.endswith(".toml") and "/certs.d/" not in path:
            for plugin in subtable(toml_of(text), "plugins").values():
                table = subtable(plugin, "registry") if isinstance(plugin, dict) else {}
                found = str(table.get("config_path") or "")
                if found:
                    return CONFIG_PATH if CONFIG_PATH in found.split(":") else found.partition(":")[0].rstrip("/")
    return CONFIG_PATH


def _names_registry(view: HostView, registry: str, *places: str) -> str:
    """Return the first file below some places that says something of the registry; empty if none does."""
    about = (way for way in ways_of(view) if registry in (way.name, way.place))
    return next((way.source for way in about if way.source.startswith(places)), "")


def _names(view: HostView, registry: str) -> Iterator[Setting]:
    """Yield how a host finds the registry's name, and what else moor's block gives."""
    name = registry.partition(":")[0]
    short, held = name.partition(".")[0], False
    entries = list(hosts_entries(view.files.get(HOSTS, "")))
    usable = [entry for entry in entries if not entry[0].is_loopback]
    ours = [address for address, names, _ in usable if name in names]
    for address, names, inside in usable:
        if name in names:
            held = True
            key = "address6" if address.version == 6 and any(one.version == 4 for one in ours) else "address"
            yield Setting(("data", "registry", key), str(address), HOSTS, True)
            if aliases := [word for word in names if word not in (name, short)]:
                yield Setting(("data", "registry", "aliases"), aliases, HOSTS, True)
        elif inside and address not in ours:
            for word in names:
                yield Setting(("data", "names", "hosts", word), str(address), HOSTS, True)
    resolved = next((words.split()[1:] for words in view.facts.get("resolves", ()) if words.split()[:1] == [name]), [])
    if not held and resolved:
        for one in resolved:
            key = "address6" if ":" in one and any(":" not in other for other in resolved) else "address"
            yield Setting(("data", "registry", key), one, "the host's nameservers", True)
        yield Setting(("data", "names", "mode"), "dns", f"{HOSTS} does not have it", True)


def _mirrors(view: HostView, registry: str) -> Iterator[Setting]:
    """Yield the registries whose images a host takes from a project of this one."""
    for way in ways_of(view):
        if way.place != registry or not way.project or way.name == registry:
            continue
        mirror = ("data", "mirrors", way.name)
        project = way.project
        yield Setting(mirror, {} if project == way.name.replace(":", "-") else {"project": project}, way.source, True)
        yield Setting((*mirror, "fallback"), _has_fallback(way, view), way.source, True)
    listed = parse_object(view.files.get(DAEMON, "")).get("registry-mirrors")
    first = str(listed[0]) if isinstance(listed, list) and listed else ""
    if first.startswith("https://") and (place := place_of(first)):
        yield Setting(("data", "mirrors", "docker.io", "front"), f"https://{place}", DAEMON, True)


def _has_fallback(way: Way, view: HostView) -> bool:
    if way.source.endswith("registries.yaml"):
        return not view.fact("no_fallback")
    if way.source.endswith("/hosts.toml"):
        return not way.last or place_of(way.last) in PUBLIC or place_of(way.last) == way.name
    return bool(way.last)


def _containerd(view: HostView) -> Iterator[Setting]:
    """Yield where the runtime of a node differs from moor's defaults."""
    key = ("data", "containerd")
    if (runtime := runtime_of(view)) != "containerd":
        yield Setting((*key, "runtime"), runtime, "the service that runs")
        server = next((unit for unit in ("k3s", "rke2-server") if view.has("service", unit)), "")
        if server:
            yield Setting((*key, "unit"), server, "the service that runs")
        return
    if (config := view.fact("config")) and config != CONFIG and view.has("process", "kubelet"):
        yield Setting((*key, "config"), config, "the arguments of containerd")
    if (place := config_path_of(view)) != CONFIG_PATH:
        yield Setting((*key, "config_path"), place, config or CONFIG)
    for path, text in view.files.items():
        if path.endswith("moor.toml") and "config_path" in text:
            yield Setting((*key, "drop_in"), path, path)


def _docker(view: HostView, registry: str) -> Iterator[Setting]:
    if not _names_registry(view, registry, DOCKER_CERTS) or harbor_name(view) == registry:
        return
    usual = DockerSettings.model_fields["packages"].default
    installed = view.facts.get("package", ())
    if installed and not set(usual) <= set(installed):
        own = [one for one in installed if one.startswith(DOCKER_PACKAGES) and "rootless" not in one]
        yield Setting(("data", "docker", "packages"), sorted(set(own)), "the packages that are installed")
    yield from docker_settings(view, own_words(view, registry))
