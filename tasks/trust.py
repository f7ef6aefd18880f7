"""The registry's CA in the system's trust store, and in the bundle that programs read."""

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
from moor.resources.file import replace_file
from moor.tasks.packages import packages
from moor.tasks.pki.issue import ca_pem, refuse_unfit_trust
from moor.tasks.pki.shown_certificate import refuse_other_ca

ANCHOR_NAME = "moor-registry-ca"
PACKAGES = ("ca-certificates",)
BUILD_BUNDLE = '"$tool" $argument >&2'


@dataclass(frozen=True)
class TrustStore:
    """The trust store of one family of Linux distributions.

    Attributes:
        tool: the command that builds ``bundle`` from ``anchors``
        anchors: the directory for CA certificates that an administrator adds
        bundle: the file with every trusted certificate
        suffix: the file name suffix that ``tool`` requires of an anchor
        argument: the argument of ``tool``
        system: the ID in os-release of the only distribution with this store; empty for all others
    """

    tool: str
    anchors: str
    bundle: str
    suffix: str = ".crt"
    argument: str = ""
    system: str = ""

    @property
    def presence_test(self) -> str:
        """Return sh that succeeds on a host that has this store."""
        anchors, bundle = quote(self.anchors), quote(self.bundle)
        known = (
            f"grep -qsx {quote(f'ID={self.system}')} /etc/os-release"
            if self.system
            else (f"{{ [ -d {anchors} ] || [ -e {bundle} ]; }}")
        )
        return f"command -v {quote(self.tool)} >/dev/null 2>&1 && {known}"


# In this order: RHEL and its relatives; Arch; SUSE, whose tool needs -f to rebuild a bundle that is newer than the
# anchors; Flatcar, whose tool has Debian's name but other paths; Debian, Ubuntu and Alpine.
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
    """Raise UnfitInput if clients would refuse the registry's certificate; a run calls this before it starts."""
    refuse_unfit_trust(host)


def package_sets(host: Host) -> list[tuple[str, ...]]:
    """Return the packages that a host may need, each set installed together; a bundle has them."""
    return [PACKAGES]


def desired(host: Host) -> Sequence[Resource]:
    """Return the package with the trust store's tool, and the registry's CA in the store."""
    tools = tuple(dict.fromkeys(store.tool for store in STORES))
    return [*packages(host, PACKAGES, brings=tools), TrustedCa(ANCHOR_NAME, ca_pem(host))]


def retired(host: Host, leaves: bool) -> Sequence[Resource]:
    """Return the trust store without the registry's CA, of a host that leaves; otherwise an apply keeps it right."""
    return [TrustedCa(ANCHOR_NAME, "")] if leaves else []


def talos(host: Host) -> list[dict[str, object]]:
    """Return the document of Talos' machine configuration by which it trusts the registry's CA."""
    pem = ca_pem(host)
    if not pem:
        return []
    return [{"apiVersion": "v1alpha1", "kind": "TrustedRootsConfig", "name": ANCHOR_NAME, "certificates": str(pem)}]


def trust_ca(task: Task) -> Result:
    """Make the host's programs trust the registry's CA."""
    refuse_other_ca(task)
    return converge(task, desired)


@dataclass(frozen=True)
class TrustedCa(Scripted):
    """The registry's CA certificates, each in an anchor file of its own and in the bundle.

    Programs read the bundle only, so a certificate that is an anchor but not in the bundle is drift. The first anchor
    is named ``name``, the next ``name``-2 and so on; any other file with such a name is a former CA and is removed.
    Without a certificate, as where the registry's is a public one, there is no anchor.
    """

    name: str
    pem: str | Later
    stores: tuple[TrustStore, ...] = STORES

    @property
    def id(self) -> str:
        return f"trust-bundle:{self.name}"

    @property
    def bound_s(self) -> float:
        return 180  # update-ca-certificates also runs hooks of other packages

    @property
    def anchors(self) -> dict[str, str | Later]:
        """Return each anchor's content: one certificate, since Debian's rehash skips a file with several."""
        if isinstance(self.pem, Later):
            return {"anchor": self.pem}
        found = certificates_in(self.pem) or ([self.pem] if self.pem else [])
        return {f"anchor{f'-{n}' if n > 1 else ''}": certificate for n, certificate in enumerate(found, 1)}

    @property
    def files(self) -> list[str]:
        """Return the anchors' file names without suffix, in the order of ``anchors``."""
        return [f"{self.name}{anchor.removeprefix('anchor')}" for anchor in self.anchors]

    @property
    def writes(self) -> tuple[str, ...]:
        return tuple(f"{store.anchors}/{file}{store.suffix}" for store in self.stores for file in self.files)

    def desired(self, actual: State | None) -> State | None:
        if not self.anchors:
            return None
        gone = {name: "" for name in actual or {} if name.startswith("anchor") and name not in self.anchors}
        return {**self.anchors, **gone, "mode": "644", "bundle": "holds it"}

    def follows(self, paths: frozenset[str]) -> BundleRebuild | None:
        return None if paths.isdisjoint(self.writes) else BundleRebuild(self)

    def probe(self) -> str:
        return f"""\
{self.find_store()}
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
        found: list[tuple[str, str]] = []
        rest = output.encode("utf-8", "surrogateescape")
        while rest:
            head, _, rest = rest.partition(b"\n")
            try:
                anchor, mode, holds, size = head.decode().split(" ")
                content, rest = rest[: int(size)], rest[int(size) + 1 :]
            except ValueError:
                raise HostError(f"{self.id}: the host's answer was {output[:200]!r}", ErrorKind.ANSWER) from None
            anchors[anchor] = content.decode("utf-8", "surrogateescape")
            found.append((mode, f"{holds} it"))
        if not found:
            return None
        modes, bundles = ([each[part] for each in found] for part in (0, 1))
        return {**anchors, "mode": _first_other(modes, "644"), "bundle": _first_other(bundles, "holds it")}

    def mend(self, actual: State | None) -> str:
        if isinstance(self.pem, Later):
            return f"moor_fail {quote(f'{self.id}: not made yet: {self.pem.what}')}"
        name, directories = quote(self.name), ", ".join(store.anchors for store in self.stores)
        desired = "|".join(f'{quote(file)}"$suffix"' for file in self.files) or "''"
        return f"""\
{self.find_store()}
[ -n "$anchors" ] || moor_fail {quote(f"no trust store that moor knows: {directories}")}
mkdir -p "$anchors" || exit 1
for p in "$anchors"/{name}"$suffix" "$anchors"/{name}-[0-9]*"$suffix"; do
  case ${{p##*/}} in {desired}) ;; *) [ ! -f "$p" ] || {{ moor_keep "$p"; rm -f "$p" || exit 1; }} ;; esac
done
{"".join(self._place(file, str(pem)) for file, pem in zip(self.files, self.anchors.values(), strict=True))}\
# Debian's tool links each anchor into the bundle's directory and rebuilds the hash links only where such a link is new.
# Flatcar's tool may leave a dangling hash link of a removed anchor, at which its next run fails.
for link in "${{bundle%/*}}"/{name}.pem "${{bundle%/*}}"/{name}-[0-9]*.pem; do [ ! -L "$link" ] || rm -f "$link"; done
for link in "${{bundle%/*}}"/*.[0-9]; do
  [ -e "$link" ] || [ ! -L "$link" ] || case $(readlink "$link") in {name}*) rm -f "$link" ;; esac
done
{BUILD_BUNDLE}"""

    def first_mend(self) -> str:
        found = "".join(
            f"{anchor} 644 holds {len(str(pem).encode('utf-8', 'surrogateescape'))}\n{pem}\n"
            for anchor, pem in self.anchors.items()
        )
        return f"""\
moor_found() {{ (
{self.probe()}
) }}
[ "$(moor_found)" != {quote(found.rstrip(chr(10)))} ] || exit 0
{self.mend(None)}"""

    def _place(self, file: str, certificate: str) -> str:
        return f"""\
p=$anchors/{quote(file)}$suffix t=$anchors/{quote(f".{file}.moor")}
moor_keep "$p"
{replace_file(certificate, '"$(id -u):$(id -g)"', "0644", "")}
"""

    def find_store(self) -> str:
        """Return sh that sets ``$tool`` and the other attributes of the host's ``TrustStore``, empty without one."""
        return f"tool=; anchors=; bundle=; suffix=; argument=\n{'el'.join(self._branches())}fi"

    def _branches(self) -> Iterator[str]:
        for store in self.stores:
            words = {name: getattr(store, name) for name in ("tool", "anchors", "bundle", "suffix", "argument")}
            assigned = "; ".join(f"{name}={quote(word)}" for name, word in words.items())
            yield f"if {store.presence_test}; then\n  {assigned}\n"


def _first_other(words: list[str], usual: str) -> str:
    """Return the first word other than ``usual``, else ``usual``."""
    return next((word for word in words if word != usual), usual)


@dataclass(frozen=True)
class BundleRebuild(Scripted):
    """The bundle built again after its anchors changed, also after one of them was put back."""

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
{self.of.find_store()}
if [ -n "$anchors" ] && [ -n "$(find "$anchors" -newer "$bundle" 2>/dev/null)" ]
then echo 'before its anchors'; else echo 'after its anchors'; fi"""

    def actual(self, output: str) -> State | None:
        return {"built": output.strip()}

    def mend(self, actual: State | None) -> str:
        return f'{self.of.find_store()}\n{BUILD_BUNDLE} && touch "$bundle"'
