"""What only Harbor's installation holds: its harbor.yml, its prepared files, its containers."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from shlex import quote
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from moor.errors import HostError
from moor.resources.base import Scripted, State, Value
from moor.resources.file import beside, replaced, sha256
from moor.secrets import Secret
from moor.settings.validation import unknown

INSTALL_S = 1800


@dataclass(frozen=True)
class Configured(Scripted):
    """Hold harbor.yml made from the template of the release that is unpacked, compared by meaning.

    values  by dotted key; a key that the template does not have is refused
    """

    path: str
    values: Mapping[str, Any] = field(hash=False)

    @property
    def id(self) -> str:
        return f"file:{self.path}"

    @property
    def writes(self) -> tuple[str, ...]:
        return (self.path,)

    def desired(self, actual: State | None) -> State:
        return {key: value if isinstance(value, Secret) else _text(value) for key, value in self.values.items()}

    @property
    def late(self) -> bool:
        return True  # the template comes with the installer

    def probe(self) -> str:
        path, template = quote(self.path), quote(f"{self.path}.tmpl")
        return f"""\
for f in {template} {path}; do
  if [ -e "$f" ]; then wc -c < "$f"; cat "$f"; else echo 0; fi
done"""

    def actual(self, output: str) -> State | None:
        template, present = _two_files(output, self.id)
        if not present:
            return {"template": template} if template else None
        known = dict(_leaves(_parsed(present, self.id)))
        shown = {key: _observed(self.values[key], known.get(key)) for key in self.values if key in known}
        return {"template": template, **shown}

    def mend(self, actual: State | None) -> str:
        if not actual:
            return "moor_fail 'the installer is not unpacked: its harbor.yml.tmpl is missing'"
        return f"""\
p={quote(self.path)} t={quote(beside(self.path))}
moor_keep "$p"
{replaced(filled(str(actual["template"]), self.values, self.id), "root:root", "0600", "")}"""


def filled(template: str, values: Mapping[str, Any], name: str) -> str:
    """Fill a release's harbor.yml.tmpl, comments kept; raises HostError with every key that it does not know."""
    tree = _parsed(template, name)
    known = {line.strip("# ").partition(":")[0] for line in template.splitlines() if ":" in line}
    strange = [key for key in values if key.split(".")[-1] not in known]
    if strange:
        raise HostError("\n".join(f"{name}: {key}: {unknown(key.split('.')[-1], known)}" for key in strange))
    for key, value in values.items():
        *above, last = key.split(".")
        node = tree
        for part in above:
            if not isinstance(node.get(part), Mapping):
                node[part] = {}  # the template may leave a key empty whose keys it comments out
            node = node[part]
        node[last] = _quoted(value.reveal() if isinstance(value, Secret) else value)
    out = io.StringIO()
    YAML().dump(tree, out)
    return out.getvalue()


def _quoted(value: Any) -> Any:
    """Quote text that holds what YAML takes for a line's end or cannot hold bare."""
    return DoubleQuotedScalarString(value) if isinstance(value, str) and not value.isprintable() else value


def _parsed(text: str, name: str) -> Any:
    try:
        tree = YAML().load(text) or {}
        wrong = "" if isinstance(tree, Mapping) else "not keys and values"
    except YAMLError as error:
        wrong = f"not YAML: {str(error).splitlines()[0]}"
    if wrong:
        raise HostError(f"{name}: {wrong}; mend it, or move it away to have it made anew")
    return tree


def _leaves(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def _observed(wanted: object, value: object) -> Value:
    return sha256(_text(value)) if isinstance(wanted, Secret) else _text(value)


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _two_files(output: str, name: str) -> tuple[str, str]:
    """Take apart two files, each behind a line with its length in bytes."""
    raw, parts = output.encode("utf-8", "surrogateescape"), []
    for _ in range(2):
        length, _, raw = raw.partition(b"\n")
        if not length.strip().isdigit():
            raise HostError(f"{name}: the host described it as {output[:200]!r}")
        parts.append(raw[: int(length)].decode("utf-8", "surrogateescape"))
        raw = raw[int(length) :]
    return parts[0], parts[1]


@dataclass(frozen=True)
class Prepared(Scripted):
    """Hold what Harbor's prepare makes of harbor.yml, newer than everything that it reads.

    install.sh runs once, when nothing was prepared yet; later changes go through prepare, which renews Harbor's
    internal secrets, so that all containers are made anew.
    """

    directory: str
    flags: tuple[str, ...]
    newer_than: tuple[str, ...]

    @property
    def id(self) -> str:
        return f"prepared:{self.directory}"

    @property
    def bound_s(self) -> float:
        return INSTALL_S

    @property
    def compose(self) -> str:
        return f"{self.directory}/docker-compose.yml"

    def desired(self, actual: State | None) -> State:
        return {"stale": "no", "flags": " ".join(self.flags)}

    def follows(self, paths: frozenset[str]) -> Prepared | None:
        return None if paths.isdisjoint(self.newer_than) else self

    def pending(self, paths: frozenset[str], actual: State | None) -> State | None:
        newer = [path for path in self.newer_than if path in paths]
        return {**actual, "stale": f"older than {' '.join(newer)}"} if actual and newer else actual

    def probe(self) -> str:
        return f"""\
c={quote(self.compose)}; [ -e "$c" ] || exit 0
cat {quote(self.directory)}/.moor-flags 2>/dev/null || echo '(its installation did not come to its end)'
for f in {" ".join(map(quote, self.newer_than))}; do
  [ ! -e "$f" ] || [ -z "$(find "$f" -newer "$c")" ] || printf '%s\\n' "$f"
done"""

    def actual(self, output: str) -> State | None:
        if not output:
            return None
        flags, *newer = output.splitlines()
        return {"flags": flags, "stale": f"older than {' '.join(newer)}" if newer else "no"}

    def mend(self, actual: State | None) -> str:
        flags = " ".join(map(quote, self.flags))
        # The flags are part of the prepared state: prepare without those of the installation would drop components.
        again = f"docker compose down >&2; ./prepare {flags} >&2 && docker compose up -d >&2"
        doing = again if actual else f"TERM=dumb ./install.sh {flags} >&2"
        return f"""\
cd {quote(self.directory)} || exit 1
{{ {doing}; }} || moor_fail {quote(f"{'prepare' if actual else 'install.sh'} failed")}
printf '%s\\n' {quote(" ".join(self.flags))} > .moor-flags"""


@dataclass(frozen=True)
class Containers(Scripted):
    """Hold every service of a compose project running."""

    directory: str

    @property
    def id(self) -> str:
        return f"containers:{self.directory}"

    @property
    def bound_s(self) -> float:
        return 300

    def desired(self, actual: State | None) -> State:
        return {service: "running" for service in actual or {"all": ""}}

    def probe(self) -> str:
        return f"""\
cd {quote(self.directory)} 2>/dev/null && [ -e docker-compose.yml ] || exit 0
docker compose config --services 2>/dev/null | sed 's/$/ absent/'
docker compose ps -a --format '{{{{.Service}}}} {{{{.State}}}}' 2>/dev/null || :"""

    def actual(self, output: str) -> State | None:
        # The services that should be there come first, what is known of them overrides that.
        return dict(line.split(" ", 1) for line in output.splitlines() if " " in line) or None

    def mend(self, actual: State | None) -> str:
        return f"cd {quote(self.directory)} && docker compose up -d --remove-orphans >&2"
