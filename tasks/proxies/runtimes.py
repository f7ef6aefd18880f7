"""The files by which systemd starts a container runtime with the proxy, and whether the runtime runs with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote

from nornir.core.inventory import Host

from moor.resources.base import Scripted, State
from moor.resources.file import File
from moor.secrets.secret import Secret
from moor.settings import optional_settings_of, prefix_errors
from moor.tasks.proxies.no_proxy import exclusions_of, for_go
from moor.tasks.proxies.running import READ_DOCKER_PROXY, parse_key_values, read_containerd_proxy
from moor.tasks.proxies.settings import Proxy, ProxySettings
from moor.tasks.proxies.unset import MARK, READ_LOGIN, FormerProxy, drop_in_path, environment_path

RANCHER = ("k3s", "rke2")
MISSING = "missing"


@dataclass(frozen=True)
class ProxiedUnit:
    """A runtime's unit, and the proxy with which it is started.

    Attributes:
        unit: of systemd
        own: ``k3s`` or ``rke2``, which start a containerd of their own
        proxy: as the inventory says it
        no_proxy: what is reached without it
        place: where the inventory says it, such as ``data.proxy``
    """

    unit: str
    own: str
    proxy: Proxy
    no_proxy: str
    place: str

    @property
    def environment_path(self) -> str:
        return environment_path(self.unit)

    @property
    def drop_in_path(self) -> str:
        return drop_in_path(self.unit)

    def files(self) -> Sequence[File]:
        """Return the file of variables, for root alone, and the drop-in that has systemd read it.

        Raises:
            InputError: the login cannot be read, or is not USER:PASSWORD
        """
        with prefix_errors(f"{self.place}.login"):
            content = environment_lines(self.proxy, self.no_proxy, self.own)
        unit = f"{MARK} from {self.place}.\n[Service]\nEnvironmentFile={self.environment_path}\n"
        return [File(self.environment_path, content, mode="0600"), File(self.drop_in_path, unit)]


def environment_lines(proxy: Proxy, no_proxy: str, own: str = "") -> str | Secret:
    """Return the variables of a unit's proxy; a secret where the proxy wants a login.

    k3s and RKE2 give what begins with ``CONTAINERD_`` to their containerd alone, which leaves their API's traffic as
    it is.

    References:
        systemd.exec(5), EnvironmentFile=: it comes before Environment=, and a later one before an earlier one
    """
    url, prefix = proxy.whole_url(), "CONTAINERD_" if own in RANCHER else ""
    lines = "".join(f"{prefix}{name}={{0}}\n" for name in ("HTTP_PROXY", "HTTPS_PROXY"))
    lines += f"{prefix}NO_PROXY={{1}}\n"
    if isinstance(url, Secret):
        return Secret(lines.format(url.reveal(), no_proxy), known=True)
    return lines.format(url, no_proxy)


def proxied_unit(host: Host, unit: str, own: str = "", special: Proxy | None = None) -> ProxiedUnit | None:
    """Return a unit of the host with its proxy; None where the inventory gives it none.

    Args:
        unit: of systemd
        own: the runtime, where that is not the system's containerd
        special: the proxy of this program alone, which comes before that of the host
    """
    general = optional_settings_of(host, ProxySettings)
    proxy = special or (general if general and "runtimes" in general.programs else None)
    if proxy is None:
        return None
    place = f"data.{unit}.proxy" if special else "data.proxy"
    return ProxiedUnit(unit, own, proxy, for_go(exclusions_of(host, proxy)), place)


@dataclass(frozen=True)
class RunningProxy(Scripted):
    """A runtime that runs with its proxy; one that does not is started anew, once its files are right.

    Attributes:
        check: sh that succeeds once the runtime works
        settle_s: how long it may take until then
    """

    wanted: ProxiedUnit
    check: str = ":"
    settle_s: int = 30

    @property
    def id(self) -> str:
        return f"proxy:{self.wanted.unit}"

    @property
    def late(self) -> bool:
        return True  # what starts the runtime for another reason starts it with its proxy

    @property
    def bound_s(self) -> float:
        return 120 + self.settle_s

    def desired(self, actual: State | None) -> State:
        if actual and actual["unit"] == MISSING:
            return actual  # it starts with its proxy once somebody installs it
        return {"HTTPS_PROXY": self.wanted.proxy.address, "NO_PROXY": self.wanted.no_proxy, "login": "its own"}

    def follows(self, paths: frozenset[str]) -> FormerProxy | None:
        written = {self.wanted.environment_path, self.wanted.drop_in_path}
        return None if paths.isdisjoint(written) else FormerProxy(self.wanted.unit, self.wanted.own)

    def pending(self, paths: frozenset[str], actual: State | None) -> State | None:
        if self.wanted.environment_path in paths and actual is not None:
            return {**actual, "login": "of its last start"} if self.wanted.proxy.login else actual
        return actual

    def probe(self) -> str:
        unit, own = quote(self.wanted.unit), quote(self.wanted.environment_path)
        # systemctl cat also fails where a drop-in was removed and systemd has not read that yet.
        loaded = f'"$(systemctl show -p LoadState --value {unit} 2>/dev/null)"'
        missing = f"case {loaded} in ''|not-found) echo unit={MISSING} ;; esac"
        ranges = "" if self.wanted.unit == "docker" or self.wanted.own in RANCHER else _RANGES
        return f"{missing}\n{self._read()}\n{LIST_PROXY_FILES}\nmoor_others {unit} {own}\n{ranges}\n:"

    def _read(self) -> str:
        unit = self.wanted.unit
        read = READ_DOCKER_PROXY if unit == "docker" else read_containerd_proxy(unit, self.wanted.own)
        known = " ".join(map(quote, (unit, self.wanted.own, self.wanted.environment_path)))
        return f"{READ_LOGIN}\n( {read}\n)\nmoor_login {known}"

    def actual(self, output: str) -> State | None:
        seen = parse_key_values(output)
        others = ", ".join(line[6:] for line in output.splitlines() if line.startswith("other="))
        ranges = " ".join(line[6:] for line in output.splitlines() if line.startswith("range="))
        more = {"others": others, "ranges": ranges, "unit": seen.get("unit", "there")}
        if seen.get("proxy") != "set":
            return {"HTTPS_PROXY": "none", "NO_PROXY": "", "login": "its own", **more}
        return {
            "HTTPS_PROXY": seen.get("url", "").rstrip("/"),
            "NO_PROXY": seen.get("no_proxy", ""),
            "login": "of its last start" if seen.get("login") == "other" else "its own",
            **more,
        }

    def first_mend(self) -> str:
        """Return sh that starts a runtime with its proxy that runs without; one that is to come starts with it."""
        unit, url = quote(self.wanted.unit), quote(f"url={self.wanted.proxy.address}")
        return f"""\
systemctl is-active -q {unit} 2>/dev/null || exit 0
moor_seen() {{ (
{self.probe()}
) }}
! moor_seen | sed 's#/$##' | grep -qFx -e {url} || exit 0
{self.mend(None)}"""

    def mend(self, actual: State | None) -> str:
        unit = quote(self.wanted.unit)
        url, around = quote(f"url={self.wanted.proxy.address}"), quote(f"no_proxy={self.wanted.no_proxy}")
        return f"""\
u={unit}
moor_up() {{ cut -d. -f1 /proc/uptime; }}
systemctl daemon-reload && systemctl reset-failed "$u" 2>/dev/null
systemctl restart "$u" >&2 || moor_fail "$u does not start; see journalctl -u $u"
end=$(( $(moor_up) + {self.settle_s} ))
until systemctl is-active -q "$u" && timeout 10 sh -c {quote(self.check)} >/dev/null 2>&1; do
  [ "$(moor_up)" -lt "$end" ] || moor_fail "$u does not work {self.settle_s} s after its start; see journalctl -u $u"
  sleep 1
done
seen=$( {self.probe()} )
printf '%s\\n' "$seen" | sed 's#/$##' | grep -qFx -e {url} && printf '%s\\n' "$seen" | grep -qFx -e {around} && exit 0
others=$(printf '%s\\n' "$seen" | sed -n 's/^other=//p' | tr '\\n' ' ')
others="it is also set in: ${{others:-no file that moor knows}}; take that out"
moor_fail "$u still runs with another proxy than {self.wanted.environment_path} says; $others\""""


# The files of others that set a proxy for a unit, by name alone.
LIST_PROXY_FILES = """\
moor_others() { # UNIT FILE
  { systemctl show -p FragmentPath -p DropInPaths --value "$1" 2>/dev/null | tr ' ' '\\n'
    systemctl show -p EnvironmentFiles --value "$1" 2>/dev/null | sed 's/ (ignore_errors=.*//'
    [ "$1" != docker ] || ! grep -qs '"proxies"' /etc/docker/daemon.json || echo /etc/docker/daemon.json
  } | sort -u | while IFS= read -r f; do
    [ -n "$f" ] && [ "$f" != "$2" ] || continue
    ! grep -qsiE '(https?|no)_proxy=|"proxies"' "$f" || printf 'other=%s\\n' "$f"
  done
}"""


# The cluster's ranges as its parts have them on this host: the address of its DNS, which is a service; flannel's
# network; and on a control plane the flags of the API server and the controllers. k3s and RKE2 add theirs themselves.
_RANGES = """\
{ sed -n '/^clusterDNS:/,/^[a-zA-Z]/s/^ *- *\\([0-9a-fA-F.:]*\\) *$/\\1/p' /var/lib/kubelet/config.yaml
  sed -n 's/^FLANNEL_\\(IPV6_\\)*NETWORK=//p' /run/flannel/subnet.env
  sed -n 's/.*--\\(service-cluster-ip-range\\|cluster-cidr\\)=\\([0-9a-fA-F.:/,]*\\).*/\\2/p' \
    /etc/kubernetes/manifests/kube-apiserver.yaml /etc/kubernetes/manifests/kube-controller-manager.yaml
} 2>/dev/null | tr ',' '\\n' | sort -u | sed -n 's/^\\(.\\)/range=\\1/p'"""
