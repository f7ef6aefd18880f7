"""Trust in the registry's CA: an anchor in the system's store, and the bundle that programs read built from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from shlex import quote

from nornir.core.inventory import Host
from nornir.core.task import Result, Task

from moor.engine.converge import converge
from moor.errors import ErrorKind, HostError
from moor.pki.pem import certificates_in
from moor.resources.base import Later, Resource, Scripted, State
from moor.resources.file import replaced
from moor.resources.package import Package
from moor.tasks.pki.issue import ca_pem
from moor.tasks.pki.own_certificate import refuse_unfit_certificate

ANCHOR_NAME = "moor-registry-ca"
BUILD_BUNDLE = '"$tool" $argument >&2'


@dataclass(frozen=True)
class TrustStore:
    """Where a family of systems keeps its trust.

    Attributes:
        tool: builds ``bundle`` from ``anchors``
        anchors: the directory of what administrators add
        bundle: one file with every trusted certificate
        suffix: what an anchor's name must end in
        argument: of ``tool``
        system: the ID in os-release of the only one that it is for
    """

    tool: str
    anchors: str
    bundle: str
    suffix: str = ".crt"
    argument: str = ""
    system: str = ""

    @property
    def here(self) -> str:
        """Return sh that succeeds on a host of that family."""
        anchors, bundle = quote(self.anchors), quote(self.bundle)
        known = (
            f"grep -qsx {quote(f'ID={self.system}')} /etc/os-release"
            if self.system
            else (f"{{ [ -d {anchors} ] || [ -e {bundle} ]; }}")
        )
        return f"command -v {quote(self.tool)} >/dev/null 2>&1 && {known}"


# RHEL and what is like it; Arch; SUSE, whose tool leaves a bundle alone that somebody wrote after it; Flatcar, whose
# tool is no Debian's; Debian, Ubuntu, Alpine.
# Source: update-ca-trust(8) of Fedora and of Arch, github.com/openSUSE/ca-certificates, update-ca-certificates(8) of
# Debian, flatcar.org "Custom certificate authorities"
STORES = (
    TrustStore(
        "update-ca-trust", "/etc/pki/ca-trust/source/anchors", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"
    ),
    TrustStore(
        "update-ca-trust",
        "/etc/ca-certificates/trust-source/anchors",
        "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
    ),
    TrustStore(
        "update-ca-certificates", "/etc/pki/trust/anchors", "/var/lib/ca-certificates/ca-bundle.pem", argument="-f"
    ),
    TrustStore(
        "update-ca-certificates", "/etc/ssl/certs", "/etc/ssl/certs/ca-certificates.crt", ".pem", system="flatcar"
    ),
    TrustStore("update-ca-certificates", "/usr/local/share/ca-certificates", "/etc/ssl/certs/ca-certificates.crt"),
)


def judge(host: Host) -> None:
    """Raise UnfitInput if clients would refuse the user's own certificate; a run calls this before it starts."""
    refuse_unfit_certificate(host)


def desired(host: Host) -> Sequence[Resource]:
    """Return the system's trust store, and the CA in it."""
    tools = tuple(dict.fromkeys(store.tool for store in STORES))
    return [Package(("ca-certificates",), brings=tools), TrustedCa(ANCHOR_NAME, ca_pem(host))]


def trust_ca(task: Task) -> Result:
    """Make the host's programs trust the registry's CA."""
    return converge(task, desired)


@dataclass(frozen=True)
class TrustedCa(Scripted):
    """Hold certificates trusted by the system: each as an anchor of its own, and in the bundle.

    An anchor that the bundle lacks is drift: programs read the bundle alone. The first anchor is called ``name``, the
    others ``name``-2 and so on; whatever else is called so is a former CA of ours, and goes.
    """

    name: str
    pem: str | Later
    stores: tuple[TrustStore, ...] = STORES

    @property
    def id(self) -> str:
        return f"trust-bundle:{self.name}"

    @property
    def bound_s(self) -> float:
        return 180  # other people's hooks of update-ca-certificates run too

    @property
    def anchors(self) -> dict[str, str | Later]:
        """Return what each anchor holds: one certificate, since Debian's rehash skips a file with several."""
        if isinstance(self.pem, Later):
            return {"anchor": self.pem}
        found = certificates_in(self.pem) or [self.pem]
        return {f"anchor{f'-{n}' if n > 1 else ''}": certificate for n, certificate in enumerate(found, 1)}

    @property
    def files(self) -> list[str]:
        """Return the names of their files, in the same order, without a suffix."""
        return [f"{self.name}{anchor.removeprefix('anchor')}" for anchor in self.anchors]

    @property
    def writes(self) -> tuple[str, ...]:
        return tuple(f"{store.anchors}/{file}{store.suffix}" for store in self.stores for file in self.files)

    def desired(self, actual: State | None) -> State:
        gone = {name: "" for name in actual or {} if name.startswith("anchor") and name not in self.anchors}
        return {**self.anchors, **gone, "mode": "644", "bundle": "holds it"}

    def follows(self, paths: frozenset[str]) -> BundleRebuild | None:
        return None if paths.isdisjoint(self.writes) else BundleRebuild(self)

    def probe(self) -> str:
        return f"""\
{self.find()}
[ -n "$anchors" ] || exit 0
for p in "$anchors"/{quote(self.name)}"$suffix" "$anchors"/{quote(self.name)}-[0-9]*"$suffix"; do
  [ -f "$p" ] || continue
  held=; lacks=; body=
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      *-----BEGIN*) body= ;;
      *-----END*)
        if cat "$bundle" 2>/dev/null | tr -d '\\r\\n' | grep -qF -e "CERTIFICATE-----$body-----END"
        then held=yes; else lacks=yes; fi ;;
      *) body=$body$line ;;
    esac
  done < "$p"
  if [ -n "$held" ] && [ -z "$lacks" ]; then held=holds; else held=lacks; fi
  n=${{p##*/}}; n=${{n%"$suffix"}}
  printf 'anchor%s %s %s %s\\n' "${{n#{quote(self.name)}}}" "$(stat -L -c %a "$p")" "$held" "$(wc -c < "$p")"
  cat "$p"; echo
done"""

    def actual(self, output: str) -> State | None:
        anchors: dict[str, str] = {}
        told: list[tuple[str, str]] = []
        rest = output.encode("utf-8", "surrogateescape")
        while rest:
            head, _, rest = rest.partition(b"\n")
            try:
                anchor, mode, holds, size = head.decode().split(" ")
                content, rest = rest[: int(size)], rest[int(size) + 1 :]
            except ValueError:
                raise HostError(f"{self.id}: the host described it as {output[:200]!r}", ErrorKind.ANSWER) from None
            anchors[anchor] = content.decode("utf-8", "surrogateescape")
            told.append((mode, f"{holds} it"))
        if not told:
            return None
        modes, bundles = ([each[part] for each in told] for part in (0, 1))
        return {**anchors, "mode": _first_other(modes, "644"), "bundle": _first_other(bundles, "holds it")}

    def mend(self, actual: State | None) -> str:
        if isinstance(self.pem, Later):
            return f"moor_fail {quote(f'{self.id}: not known yet: {self.pem.what}')}"
        name, known = quote(self.name), ", ".join(store.anchors for store in self.stores)
        wanted = "|".join(f'{quote(file)}"$suffix"' for file in self.files)
        return f"""\
{self.find()}
[ -n "$anchors" ] || moor_fail {quote(f"no trust store that moor knows: {known}")}
mkdir -p "$anchors" || exit 1
for p in "$anchors"/{name}"$suffix" "$anchors"/{name}-[0-9]*"$suffix"; do
  case ${{p##*/}} in {wanted}) ;; *) [ ! -f "$p" ] || {{ moor_keep "$p"; rm -f "$p" || exit 1; }} ;; esac
done
{"".join(self._placed(file, str(pem)) for file, pem in zip(self.files, self.anchors.values(), strict=True))}\
# Debian links each certificate here, and renews the links by its hash only where this one is new; what Flatcar links by
# a hash may stay behind when its certificate is gone, and ends its next run.
for link in "${{bundle%/*}}"/{name}.pem "${{bundle%/*}}"/{name}-[0-9]*.pem; do [ ! -L "$link" ] || rm -f "$link"; done
for link in "${{bundle%/*}}"/*.[0-9]; do
  [ -e "$link" ] || [ ! -L "$link" ] || case $(readlink "$link") in {name}*) rm -f "$link" ;; esac
done
{BUILD_BUNDLE}"""

    def _placed(self, file: str, certificate: str) -> str:
        return f"""\
p=$anchors/{quote(file)}$suffix t=$anchors/{quote(f".{file}.moor")}
moor_keep "$p"
{replaced(certificate, '"$(id -u):$(id -g)"', "0644", "")}
"""

    def find(self) -> str:
        """Return sh that sets ``$tool`` and what else a ``TrustStore`` has, empty where no store is known."""
        return f"tool=; anchors=; bundle=; suffix=; argument=\n{'el'.join(self._branches())}fi"

    def _branches(self) -> Iterator[str]:
        for store in self.stores:
            words = {name: getattr(store, name) for name in ("tool", "anchors", "bundle", "suffix", "argument")}
            assigned = "; ".join(f"{name}={quote(word)}" for name, word in words.items())
            yield f"if {store.here}; then\n  {assigned}\n"


def _first_other(words: list[str], usual: str) -> str:
    """Return the first word that is not the usual one, if any."""
    return next((word for word in words if word != usual), usual)


@dataclass(frozen=True)
class BundleRebuild(Scripted):
    """Hold the bundle newer than its anchors, whatever these are: after one of them was put back."""

    of: TrustedCa

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
        return f'{self.of.find()}\n{BUILD_BUNDLE} && touch "$bundle"'
