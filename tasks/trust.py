"""Trust in the registry's CA: an anchor in the system's store, and the bundle that programs read built from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from shlex import quote

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.errors import HostError
from moor.resources.base import Later, Resource, Scripted, State
from moor.resources.file import replaced
from moor.resources.package import Package
from tasks.pki import ca_pem

NAME = "moor-registry-ca"


@dataclass(frozen=True)
class Store:
    """Where a family of systems keeps its trust.

    tool     builds ``bundle`` from ``anchors``, run without arguments
    anchors  the directory of what administrators add
    bundle   one file with every trusted certificate
    """

    tool: str
    anchors: str
    bundle: str


# Source: update-ca-certificates(8) of Debian and of SUSE, update-ca-trust(8)
STORES = (
    Store("update-ca-trust", "/etc/pki/ca-trust/source/anchors", "/etc/pki/tls/certs/ca-bundle.crt"),
    Store("update-ca-certificates", "/etc/pki/trust/anchors", "/etc/ssl/ca-bundle.pem"),
    Store("update-ca-certificates", "/usr/local/share/ca-certificates", "/etc/ssl/certs/ca-certificates.crt"),
)


def desired(host: Host) -> Sequence[Resource]:
    """The system's trust store, and the CA in it."""
    return [Package(("ca-certificates",)), Trusted(NAME, ca_pem(host))]


def trust_ca(task: Task) -> Result:
    """Make the host's programs trust the registry's CA."""
    return converge(task, desired(task.host))


@dataclass(frozen=True)
class Trusted(Scripted):
    """Hold certificates trusted by the system: as an anchor that is called ``name``, and in the bundle.

    An anchor that the bundle lacks is drift: programs read the bundle alone. A former CA of that name is replaced.
    """

    name: str
    pem: str | Later
    stores: tuple[Store, ...] = STORES

    @property
    def id(self) -> str:
        return f"trust-bundle:{self.name}"

    @property
    def bound_s(self) -> float:
        return 180  # other people's hooks of update-ca-certificates run too

    @property
    def writes(self) -> tuple[str, ...]:
        return tuple(f"{store.anchors}/{self.name}.crt" for store in self.stores)

    def desired(self, actual: State | None) -> State:
        return {"anchor": self.pem, "mode": "644", "bundle": "holds it"}

    def follows(self, paths: frozenset[str]) -> BundleBuilt | None:
        return None if paths.isdisjoint(self.writes) else BundleBuilt(self)

    def probe(self) -> str:
        return f"""\
{self.find()}
p=$anchors/{quote(self.name)}.crt; [ -n "$anchors" ] && [ -f "$p" ] || exit 0
stat -L -c %a "$p"; held=; lacks=; body=
while IFS= read -r line || [ -n "$line" ]; do
  case $line in
    *-----BEGIN*) body= ;;
    *-----END*)
      if cat "$bundle" 2>/dev/null | tr -d '\\r\\n' | grep -qF -e "CERTIFICATE-----$body-----END"
      then held=yes; else lacks=yes; fi ;;
    *) body=$body$line ;;
  esac
done < "$p"
if [ -n "$held" ] && [ -z "$lacks" ]; then echo 'holds it'; else echo 'lacks it'; fi
cat "$p\""""

    def actual(self, output: str) -> State | None:
        if not output:
            return None
        try:
            mode, bundle, anchor = output.split("\n", 2)
        except ValueError:
            raise HostError(f"{self.id}: the host described it as {output[:200]!r}") from None
        return {"anchor": anchor, "mode": mode, "bundle": bundle}

    def mend(self, actual: State | None) -> str:
        if isinstance(self.pem, Later):
            return f"moor_fail {quote(f'{self.id}: not known yet: {self.pem.what}')}"
        name, known = quote(self.name), ", ".join(store.anchors for store in self.stores)
        return f"""\
{self.find()}
[ -n "$anchors" ] || moor_fail {quote(f"no trust store that moor knows: {known}")}
p=$anchors/{name}.crt t=$anchors/.{name}.moor
moor_keep "$p"
mkdir -p "$anchors" || exit 1
{replaced(self.pem, '"$(id -u):$(id -g)"', "0644", "")}
# Debian links the certificate here, and renews the links by its hash only where this one is new
link=${{bundle%/*}}/{name}.pem; [ ! -L "$link" ] || rm -f "$link"
"$tool" >&2"""

    def find(self) -> str:
        """Give sh that sets ``$tool``, ``$anchors`` and ``$bundle``, empty where no store is known."""
        return f"tool=; anchors=; bundle=\n{'el'.join(self._branches())}fi"

    def _branches(self) -> Iterator[str]:
        for store in self.stores:
            tool, anchors, bundle = quote(store.tool), quote(store.anchors), quote(store.bundle)
            yield (
                f"if command -v {tool} >/dev/null 2>&1 && {{ [ -d {anchors} ] || [ -e {bundle} ]; }}; then\n"
                f"  tool={tool}; anchors={anchors}; bundle={bundle}\n"
            )


@dataclass(frozen=True)
class BundleBuilt(Scripted):
    """Hold the bundle newer than its anchors, whatever these are: after one of them was put back."""

    of: Trusted

    @property
    def id(self) -> str:
        return f"trust-built:{self.of.name}"

    @property
    def bound_s(self) -> float:
        return self.of.bound_s

    def desired(self, actual: State | None) -> State:
        return {"built": "after its anchors"}

    def pending(self, paths: frozenset[str], actual: State | None) -> State | None:
        return actual if paths.isdisjoint(self.of.writes) else {"built": "before its anchors"}

    def probe(self) -> str:
        return f"""\
{self.of.find()}
if [ -n "$anchors" ] && [ -n "$(find "$anchors" -newer "$bundle" 2>/dev/null)" ]
then echo 'before its anchors'; else echo 'after its anchors'; fi"""

    def actual(self, output: str) -> State | None:
        return {"built": output.strip()}

    def mend(self, actual: State | None) -> str:
        return f'{self.of.find()}\n"$tool" >&2 && touch "$bundle"'
