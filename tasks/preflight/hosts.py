"""The requirements of each host, checked before anything is changed; all findings are reported at once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from shlex import quote

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.context import runs_registry
from moor.engine.converge import converge
from moor.errors import ErrorKind
from moor.resources.base import Resource
from moor.resources.requirement import Clock, Requirement
from moor.settings import optional_settings_of, settings_of
from moor.tasks.containerd.configure import expected_config, loaded_config_requirement
from moor.tasks.containerd.settings import ContainerdSettings
from moor.tasks.docker.install import docker_unit
from moor.tasks.docker.verification import verification_requirement
from moor.tasks.facts import Registry
from moor.tasks.harbor.config import configured
from moor.tasks.harbor.data import SameDataLocation
from moor.tasks.harbor.install import ways_to_images
from moor.tasks.harbor.releases import machines_of
from moor.tasks.harbor.settings import HarborSettings, with_installer
from moor.tasks.harbor.upgrade.requirement import upgrade_requirement
from moor.tasks.podman.configure import registries_requirement
from moor.tasks.podman.settings import PodmanSettings
from moor.tasks.preflight.ports import PORTS, check_ports
from moor.tasks.preflight.settings import Preflight
from moor.tasks.proxies import running

# The oldest supported releases; a system whose ID_LIKE names one of them is accepted. Empty for rolling releases.
SYSTEMS = {
    **{"debian": "11", "ubuntu": "20.04"},
    **{"rhel": "8", "rocky": "8", "almalinux": "8", "centos": "8", "ol": "8", "fedora": "38", "amzn": "2023"},
    **{"sles": "15", "suse": "", "opensuse-leap": "15", "opensuse-tumbleweed": "", "arch": "", "flatcar": "3510"},
    **{"alpine": "3.17"},
}
FAMILIES = "Debian, Ubuntu, RHEL, Fedora, Amazon Linux, SUSE, Arch, Flatcar and Alpine"
MACHINES = ("x86_64", "aarch64")  # Harbor's installers are made for fewer
DOCKER, COMPOSE = (
    "20.10",
    "2.3",
)  # stricter than Harbor's installer, which accepts releases that cannot run its compose file
SYSLOG = "127.0.0.1:1514"  # where Harbor's containers log to


def desired(host: Host) -> Sequence[Resource]:
    """Return the requirements of a host, by its groups."""
    settings = settings_of(host, Preflight)
    serves = host.has_parent_group("harbor")
    installs = serves and runs_registry(host)
    harbor = _harbor(host) if installs else None
    machines = machines_of(harbor.package.name) if harbor and harbor.installer else MACHINES
    common = [
        Requirement("root", "id -u", _root, ErrorKind.PRIVILEGE),
        Requirement("system", "cat /etc/os-release 2>/dev/null || :", check_system),
        Requirement("machine", "uname -m", partial(check_machine, known=machines)),
        Clock(settings.clock_s, _clock_remedy(host)),
    ]
    return [
        *common,
        *(_of_registry(host, settings, installs=installs) if serves else ()),
        *(_of_node(host, settings) if host.has_parent_group("nodes") else ()),
        *(() if settings.through_proxy else _proxies(host)),
        *_effective(host),
    ]


def _clock_remedy(host: Host) -> str:
    """Return what sets a host's clock: the concern time, which a wrong clock does not stop, or what is missing."""
    if host.data.get("time") is not None:
        return f"moor apply time --limit {host.name} sets it from data.time, then the same command goes on"
    return (
        "have an NTP service set both: write your time servers into data.time and run moor apply time, or run "
        "timedatectl set-ntp true on the host"
    )


def _proxies(host: Host) -> Iterator[Requirement]:
    """Yield requirements that containerd and Docker do not use a proxy for the registry, where moor sets them none."""
    registry = settings_of(host, Registry)
    judge = partial(running.judge_proxy, name=registry.name, port=registry.port)
    if host.has_parent_group("nodes"):
        runtime = settings_of(host, ContainerdSettings)
        own = "" if runtime.runtime == "containerd" else runtime.runtime
        fragment = running.read_containerd_proxy(runtime.service, own)
        if "runtimes" not in getattr(host.data.get("proxy"), "programs", ()):
            yield Requirement("proxy:containerd", fragment, partial(judge, unit=runtime.service))
    if host.has_parent_group("workstations") and docker_unit(host) is None:
        yield Requirement("proxy:docker", running.READ_DOCKER_PROXY, partial(judge, unit="docker"))


def _effective(host: Host) -> Iterator[Requirement]:
    """Yield requirements that the runtimes read moor's files and check the registry's certificate."""
    registry = settings_of(host, Registry)
    runtime = settings_of(host, ContainerdSettings)
    if host.has_parent_group("nodes") and runtime.runtime == "containerd":
        yield loaded_config_requirement(expected_config(runtime, registry))
    if host.has_parent_group("workstations") or (host.has_parent_group("harbor") and runs_registry(host)):
        yield verification_requirement(registry)
    if optional_settings_of(host, PodmanSettings) or (host.has_parent_group("nodes") and runtime.runtime == "crio"):
        yield registries_requirement(registry)


def _harbor(host: Host) -> HarborSettings | None:
    return with_installer(host) if optional_settings_of(host, HarborSettings) else None


def _of_registry(host: Host, settings: Preflight, *, installs: bool) -> Iterator[Resource]:
    registry = settings_of(host, Registry)
    harbor = _harbor(host)
    there = f"{harbor.directory if harbor else '/opt/harbor'}/docker-compose.yml"
    need_mb = settings.registry_free_mb
    for path in ("/var/lib/docker", harbor.data_volume if harbor else "/data"):
        yield Requirement(
            f"disk:{path}",
            free_space_fragment(path, there),
            partial(check_disk, path=path, need_mb=need_mb),
            ErrorKind.SPACE,
        )
    if not installs:
        return
    yield Requirement("ports", PORTS, partial(check_ports, wanted=("0.0.0.0:80", f"0.0.0.0:{registry.port}", SYSLOG)))
    yield Requirement("docker", VERSIONS, check_docker)
    if harbor:
        yield upgrade_requirement(harbor)
        yield SameDataLocation(configured(host, harbor))
        yield from ways_to_images(host, harbor)


def _of_node(host: Host, settings: Preflight) -> Iterator[Requirement]:
    runtime = settings_of(host, ContainerdSettings).runtime
    path = IMAGES[runtime]
    yield Requirement(
        f"disk:{path}",
        free_space_fragment(path),
        partial(check_disk, path=path, need_mb=settings.node_free_mb),
        ErrorKind.SPACE,
    )
    yield Requirement("containerd", RUNTIME_TRACES, partial(check_runtime, runtime=runtime))


def _root(output: str) -> str:
    return "" if output.strip() == "0" else "sudo does not give root; allow the user all commands in /etc/sudoers.d"


def check_system(output: str) -> str:
    """Check /etc/os-release; Debian testing and unstable have no VERSION_ID (os-release(5))."""
    facts = {key: value.strip("\"'") for key, _, value in (line.partition("=") for line in output.splitlines())}
    name, version = facts.get("ID", ""), facts.get("VERSION_ID", "")
    oldest = SYSTEMS.get(name)
    if oldest is None and not set(facts.get("ID_LIKE", "").split()) & set(SYSTEMS):
        return f"it runs {facts.get('PRETTY_NAME') or name or 'an unknown system'}; moor knows {FAMILIES}"
    if oldest and version and _version(version) < _version(oldest):
        return f"it runs {name} {version}; upgrade it to {oldest} or later"
    return ""


def check_machine(output: str, known: Sequence[str]) -> str:
    """Check the output of ``uname -m``."""
    name = output.strip()
    if name in known:
        return ""
    return f"it is {name or 'of an unknown kind'}; this part of the fleet needs {' or '.join(known)}"


def free_space_fragment(path: str, there: str = "") -> str:
    """Return a fragment that prints the free MB where ``path`` is or will be, and whether ``there`` exists."""
    return f"""\
p={quote(path)}
while [ ! -e "$p" ]; do p=${{p%/*}}; p=${{p:-/}}; done
df -Pk "$p" | tail -n 1
[ ! -e {quote(there)} ] || echo installed"""


def check_disk(output: str, path: str, need_mb: int) -> str:
    """Check a line of ``df -Pk``: device, size, used, available, in kB."""
    line, _, installed = output.strip().partition("\n")
    need = need_mb // 8 if installed else need_mb
    found = re.search(r"\s(\d+)\s+(-?\d+)\s+(-?\d+)\s+\S+\s+(/.*)$", line)
    if not found:
        return f"the free space below {path} cannot be read ({line[:80]!r}); is df there?"
    free_mb = int(found[3]) // 1024
    if free_mb >= need:
        return ""
    return f"{path} has {free_mb} MB free on {found[4]}, {need} MB are needed; make room or mount a larger disk there"


VERSIONS = """\
if command -v docker >/dev/null; then
  docker --version </dev/null 2>/dev/null || echo unknown
  timeout 20 docker version --format 'Server {{.Server.Version}}' 2>/dev/null
  timeout 20 docker compose version --short 2>/dev/null | sed 's/^v*/Compose /'
fi
:"""


def check_docker(output: str) -> str:
    """Check the versions of Docker and Compose if they are installed; otherwise moor installs them."""
    if not output.strip():
        return ""
    first = output.splitlines()[0]
    if not first.startswith("Docker version"):
        return f"the command docker is something else ({first[:60]}); remove it (podman-docker, or the package docker)"
    engine = re.search(r"^Server (\S+)", output, re.MULTILINE) or re.search(r"^Docker version ([^\s,]+)", output)
    compose = re.search(r"^Compose (\S+)", output, re.MULTILINE)
    faults = [
        f"{what} {found[1]} is older than {oldest}"
        for what, found, oldest in (("Docker", engine, DOCKER), ("Compose", compose, COMPOSE))
        if found and _version(found[1]) < _version(oldest)
    ]
    return f"{', '.join(faults)}; upgrade it" if faults else ""


# Where each runtime keeps its images, and the paths that show that it is installed.
IMAGES = {
    **{"containerd": "/var/lib/containerd", "crio": "/var/lib/containers"},
    **{"k3s": "/var/lib/rancher/k3s", "rke2": "/var/lib/rancher/rke2"},
}
TRACES = {"/var/lib/rancher/k3s": "k3s", "/var/lib/rancher/rke2": "rke2", "/run/crio/crio.sock": "crio"}
RUNTIME_TRACES = f"ls -d {' '.join(TRACES)} 2>/dev/null || :"


def check_runtime(output: str, runtime: str) -> str:
    """Check that the runtime found on the host is the one that the inventory names."""
    found = {TRACES[line]: line for line in output.split() if line in TRACES}
    if runtime in found or (runtime in ("containerd", "crio") and not found):
        return ""
    if not found:
        return f"it has no {IMAGES[runtime]}; install {runtime}, or take data.containerd.runtime out"
    own, trace = next(iter(found.items()))
    return f"{trace} is there: {own} does not read /etc/containerd; say data.containerd.runtime: {own}"


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2])


def check_host(task: Task) -> Result:
    """Report everything that would stop a run on this host; nothing is changed."""
    return converge(task, desired)
