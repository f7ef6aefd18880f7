"""The fleet's names on hosts that run dnsmasq: a configuration file, and a check that dnsmasq answers by it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from shlex import quote

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.engine.shell_functions import RUNS
from moor.resources.base import Resource, Scripted, State
from moor.resources.file import File
from moor.resources.leftover import Leftover
from moor.resources.requirement import Requirement
from moor.resources.service import STARTED_CS, TOLERANCE_CS, Service
from moor.tasks.names import Addresses, full_names, names_for, uses_dns
from moor.tasks.names.dns_query import DNS_SAYS, resolver

GROUP = "dns"
CONFIG = "/etc/dnsmasq.d/moor.conf"
VALIDATE = 'dnsmasq --test --conf-file="$t"'
STALE: State = {"stale": f"runs with the removed {CONFIG}"}
SETTLE_S = 5  # how long dnsmasq may take from its start to its first answer
HEAD = "# Written by moor; change the inventory instead."
LACKING = "dnsmasq is not installed, and a host of the group dns runs it; install it, or take the host out of the group"


def desired(host: Host) -> Sequence[Resource]:
    """Return the file of records, the service, and the answers it has to give; nothing if DNS holds no names."""
    if not uses_dns(host):
        return []
    names = names_for(host)
    expected = {name: " ".join(map(str, its)) for name, its in full_names(names).items()}
    return [
        Requirement("dnsmasq", "command -v dnsmasq || :", lambda found: "" if found.strip() else LACKING),
        File(CONFIG, records(names), validate=VALIDATE),
        Service("dnsmasq", newer_than=(CONFIG,), put_back=True),
        DnsmasqAnswers(expected, query_addresses(host)),
    ]


def retired(host: Host, leaves: bool) -> Sequence[Resource]:
    """Return the absence of moor's file, where the host is not to serve names any more; dnsmasq itself stays."""
    if not leaves and host.has_parent_group(GROUP) and uses_dns(host):
        return []
    return [Leftover(CONFIG, HEAD), DnsmasqForgets()]


def serve_names(task: Task) -> Result:
    """Make a host's dnsmasq serve the fleet's names."""
    return converge(task, desired)


def records(names: Mapping[str, Addresses]) -> str:
    """Return dnsmasq's configuration: one line per address, names in their order."""
    return "".join(f"{line}\n" for line in (HEAD, *_lines(names)))


def _lines(names: Mapping[str, Addresses]) -> Iterator[str]:
    for addresses in dict.fromkeys(names.values()):
        known = (name for name, its in names.items() if its == addresses)
        yield f"host-record={','.join((*known, *map(str, addresses)))}"


def query_addresses(host: Host) -> tuple[str, ...]:
    """Return the addresses at which the host queries its own dnsmasq: the one that others use, then loopback."""
    try:
        return (str(ip_address(host.hostname or "")), "127.0.0.1")
    except ValueError:
        return ("127.0.0.1",)


@dataclass(frozen=True)
class DnsmasqAnswers(Scripted):
    """The answers of a host's dnsmasq: the expected addresses for each of ``names``; to mend is to wait.

    The resolver omits an address family that the host itself lacks, so one address of two is enough. Other lines of
    dnsmasq's configuration or the host's /etc/hosts, which are not moor's, may cause other answers.
    """

    names: Mapping[str, str] = field(hash=False)
    servers: tuple[str, ...]

    @property
    def id(self) -> str:
        return "answers:dnsmasq"

    def desired(self, actual: State | None) -> State:
        return dict(self.names)

    def probe(self) -> str:
        return f'{self._functions()}\nfor n in {self._words()}; do echo "$n $(ask "$n")"; done'

    def actual(self, output: str) -> State:
        lines = [line.split() for line in output.splitlines()]
        return {words[0]: self._state_of(words[0], words[1:]) for words in lines if words}

    def _state_of(self, name: str, found: list[str]) -> str:
        wanted = self.names.get(name, "")
        return wanted if found and set(found) <= set(wanted.split()) else " ".join(found) or "nothing"

    def mend(self, actual: State | None) -> str:
        wanted = " ".join(quote(f"{name}={address}") for name, address in self.names.items())
        return f"""\
{self._functions()}
for p in {wanted}; do
  n=${{p%%=*}} a=${{p#*=}} tries={SETTLE_S}
  until found=$(ask "$n"); right "$a" $found; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || moor_fail "dnsmasq gives $n as ${{found:-nothing}} instead of $a: \
another line wins, or it does not read {CONFIG}; run on it: grep -rn $n /etc/dnsmasq.conf /etc/dnsmasq.d /etc/hosts"
    sleep 1
  done
done"""

    def _functions(self) -> str:
        return f"""\
{DNS_SAYS}
ask() {{ moor_dns "$1" {resolver(*self.servers)}; }}
right() {{ # WANTED FOUND...
  w=$1; shift; [ $# -gt 0 ] || return 1
  for f; do case " $w " in *" $f "*) ;; *) return 1 ;; esac; done
}}"""

    def _words(self) -> str:
        return " ".join(map(quote, self.names))


@dataclass(frozen=True)
class DnsmasqForgets(Scripted):
    """A dnsmasq that runs without the names of a file which moor has removed.

    A removed file makes no service older than its files, but the directory is newer then. That counts only where moor
    has kept the former file of a run, so that nobody else's edits restart the service.
    """

    runs: str = RUNS
    config: str = CONFIG

    @property
    def id(self) -> str:
        return "dnsmasq:running"

    @property
    def late(self) -> bool:
        return True

    def desired(self, actual: State | None) -> State | None:
        return {"stale": "no"} if actual else None

    def pending(self, paths: frozenset[str], actual: State | None) -> State | None:
        return STALE if actual and self.config in paths else actual

    def probe(self) -> str:
        return f"""\
u=dnsmasq
systemctl is-active -q "$u" 2>/dev/null || exit 0
echo runs
f={quote(self.config)}
for k in {quote(self.runs)}/*/files"$f"; do [ ! -e "$k" ] || break; done
[ ! -e "$f" ] && [ -e "$k" ] || exit 0
{STARTED_CS}
changed=$(stat -c %y "${{f%/*}}") && changed=$(date -d "$changed" +%s%N) || exit 0
[ "${{changed%???????}}" -le $(( started + {TOLERANCE_CS} )) ] || echo stale"""

    def actual(self, output: str) -> State | None:
        words = output.split()
        return (STALE if "stale" in words else {"stale": "no"}) if words else None

    def mend(self, actual: State | None) -> str:
        return "systemctl try-restart dnsmasq >&2"
