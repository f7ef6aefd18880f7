"""harbor.yml: made from the unpacked release's template, edited by key, and parsed as Harbor parses it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from shlex import quote
from typing import Any

from moor.errors import ErrorKind, HostError
from moor.resources.base import Scripted, State, Value
from moor.resources.file import replace_file, sha256, temporary_path
from moor.secrets.secret import Secret
from moor.settings.validation import unknown_name
from moor.tasks.harbor import keys as harbor_keys
from moor.tasks.harbor.options import LOGIN_IN_URL, SECRET_KEY, flatten

RECORD = ".moor-options"  # beside harbor.yml: the dotted keys of data.harbor.options that moor has set
COMPOSE = "docker-compose.yml"  # made by prepare
FLAGS = ".moor-flags"  # the flags of the last prepare; written when an installation is complete
FIRST_START = ("harbor_admin_password",)  # Harbor reads it only when it creates the database
ABSENT = "(not set)"
Tree = Mapping[str, Any]


@dataclass(frozen=True)
class HarborYml(Scripted):
    """The values of harbor.yml, by dotted key; comments and other keys stay unchanged.

    A key that Harbor reads at its first start only is not compared from then on. An option that moor had set and that
    is no longer in the inventory gets the template's value again.
    """

    path: str
    values: Mapping[str, Any] = field(hash=False)

    @property
    def id(self) -> str:
        return f"file:{self.path}"

    @property
    def writes(self) -> tuple[str, ...]:
        return (self.path,)

    @property
    def late(self) -> bool:
        return True  # the template comes with the installer

    def pending(self, paths: frozenset[str], actual: State | None) -> State | None:
        if not actual or f"{self.path.rpartition('/')[0]}/{COMPOSE}" not in paths:
            return actual
        # An upgrade in the plan writes it, with these values, from the next release's template.
        return {**actual, "template": "", "record": "", **self._as_read()}

    def _as_read(self) -> State:
        return {key: _observed_value(value, _revealed(value)) for key, value in self.values.items()}

    def probe(self) -> str:
        folder = self.path.rpartition("/")[0]
        paths = " ".join(quote(path) for path in (f"{self.path}.tmpl", self.path, f"{folder}/{RECORD}"))
        return f"""\
for f in {paths}; do
  if [ -e "$f" ]; then wc -c < "$f"; cat "$f"; else echo 0; fi
done
[ ! -e {quote(f"{folder}/{COMPOSE}")} ] || [ ! -e {quote(f"{folder}/{FLAGS}")} ] || echo installed"""

    def actual(self, output: str) -> State | None:
        (template, present, record), rest = split_files(output, 3, self.id)
        if not template and not present:
            return None
        fixed = {"template": template, "present": present, "record": record, "installed": rest.strip()}
        if not present:
            return fixed
        known = dict(flatten(load_harbor_yml(present, self.id)))
        default = dict(flatten(load_harbor_yml(template, f"{self.id}.tmpl")))
        shown = {key: _observed_value(self.values[key], known[key]) for key in self.values if key in known}
        gone = {key: _restored_value(key, known, default) for key in self._gone(record)}
        return {**fixed, **shown, **gone}

    def desired(self, actual: State | None) -> State:
        state = actual or {}
        self._refuse_unknown(str(state.get("template", "")))
        values = self._desired_values(state)
        texts = {key: value if isinstance(value, Secret) else shown_text(value) for key, value in values.items()}
        return {**texts, **(self._defaults(state) if state.get("present") else {})}

    def mend(self, actual: State | None) -> str:
        if not actual:
            return "moor_fail 'the installer is not unpacked: its harbor.yml.tmpl is missing'"
        self._refuse_unknown(str(actual["template"]))
        return f"""\
p={quote(self.path)} t={quote(temporary_path(self.path))}
moor_keep "$p"
{replace_file(self.after(actual), "root:root", "0600", "")}"""

    def after(self, actual: State) -> str:
        """Return the file's content after a mend, given the actual state."""
        template = str(actual["template"])
        base = str(actual["present"]) or template
        return edit_harbor_yml(base, self._desired_values(actual), self._gone(str(actual["record"])), template, self.id)

    def _desired_values(self, state: State) -> dict[str, Any]:
        past = FIRST_START if state.get("installed") and state.get("present") else ()
        return {key: value for key, value in self.values.items() if key not in past}

    def _gone(self, record: str) -> list[str]:
        return [key for key in record.split() if key not in self.values]

    def _defaults(self, state: State) -> dict[str, Value]:
        default = dict(flatten(load_harbor_yml(str(state.get("template", "")), f"{self.id}.tmpl")))
        return {key: _restored_value(key, default, default) for key in self._gone(str(state.get("record", "")))}

    def _refuse_unknown(self, template: str) -> None:
        """Raise HostError with every key that is neither in the release's template nor in moor's own table."""
        if not template:
            return
        names = set(re.findall(r"^[\s#]*([A-Za-z_][A-Za-z0-9_]*):", template, re.MULTILINE))
        present = {key for key, _ in flatten(load_harbor_yml(template, f"{self.id}.tmpl"))}
        strange = [key for key in self.values if not harbor_keys.is_known(key) and key not in present]
        strange = [key for key in strange if key.rpartition(".")[2] not in names]
        if strange:
            lines = (f"{self.id}: {key}: {unknown_name(key.rpartition('.')[2], names)}" for key in strange)
            raise HostError("\n".join(lines))


def edit_harbor_yml(base: str, values: Tree, gone: list[str], template: str, name: str) -> str:
    """Return ``base`` with ``values`` set by dotted key; all other lines stay unchanged.

    Args:
        gone: keys that get the template's value again, or are removed if the template has none
        template: the release's harbor.yml.tmpl
        name: the file's name in error messages

    Raises:
        HostError: the file cannot be parsed or edited.
    """
    from moor.formats.yaml_text import rewrite  # imported late: most hosts have no Harbor

    change = partial(_change, values=values, gone=gone, default=load_harbor_yml(template, f"{name}.tmpl"))
    try:
        return rewrite(base, change)
    except ValueError as error:
        raise HostError(f"{name}: {error}; mend it, or move it away to have it made again") from None


def _change(tree: dict[str, Any], values: Tree, gone: list[str], default: Tree) -> dict[str, Any]:
    for key, value in values.items():
        _set(tree, key, _revealed(value))
    origin = dict(flatten(default))
    for key in gone:
        if key in origin:
            _set(tree, key, origin[key])
        else:
            _drop(tree, key.split("."), default)
    return tree


def _set(tree: Any, dotted: str, value: Any) -> None:
    *above, last = dotted.split(".")
    for part in above:
        if not isinstance(tree.get(part), Mapping):
            tree[part] = {}  # the template may have the keys below this one commented out
        tree = tree[part]
    tree[last] = value


def _drop(tree: Any, path: list[str], default: Any) -> None:
    """Remove a key, and its parents that are empty then, unless the template has them."""
    first, *rest = path
    if not isinstance(tree, Mapping) or first not in tree:
        return
    origin = default.get(first) if isinstance(default, Mapping) else None
    if rest:
        _drop(tree[first], rest, origin)
    if not rest or (not tree[first] and not (isinstance(default, Mapping) and first in default)):
        del tree[first]  # type: ignore[attr-defined]  # parsed mappings are mutable


def load_harbor_yml(text: str, name: str) -> Tree:
    """Parse harbor.yml as Harbor's prepare does, by PyYAML; raise HostError if it is malformed."""
    from moor.formats.yaml_text import parse_yaml  # imported late: most hosts have no Harbor

    try:
        return parse_yaml(text)
    except ValueError as error:
        raise HostError(f"{name}: {error}; mend it, or move it away to have it made again") from None


def _revealed(value: object) -> object:
    return value.reveal() if isinstance(value, Secret) else value


def _observed_value(desired: object, value: object) -> Value:
    return sha256(shown_text(value)) if isinstance(desired, Secret) else shown_text(value)


def _restored_value(key: str, values: Tree, default: Tree) -> str:
    """Return the value of an option that moor resets; of a secret, only whether it is the template's."""
    text = shown_text(values[key]) if key in values else ABSENT
    if SECRET_KEY.fullmatch(key.rpartition(".")[2]) or LOGIN_IN_URL.search(text):
        return "the template's" if values.get(key) == default.get(key) else "what moor had set"
    return text


def shown_text(value: object) -> str:
    """Return a value as text for a state."""
    return "" if value is None else str(value)


def split_files(output: str, count: int, name: str) -> tuple[list[str], str]:
    """Split off ``count`` files, each after a line with its length in bytes; return them and the remaining text."""
    raw, parts = output.encode("utf-8", "surrogateescape"), []
    for _ in range(count):
        length, _, raw = raw.partition(b"\n")
        if not length.strip().isdigit():
            raise HostError(f"{name}: the host's answer was {output[:200]!r}", ErrorKind.ANSWER)
        parts.append(raw[: int(length)].decode("utf-8", "surrogateescape"))
        raw = raw[int(length) :]
    return parts, raw.decode("utf-8", "surrogateescape")
