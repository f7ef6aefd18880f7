"""A kubeconfig's fields, all that client-go's clientcmd API has, and the one context of it that is used.

Source  k8s.io/client-go/tools/clientcmd/api/v1; kubectl is what decides
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from moor.errors import InputError, TooManyAliases
from moor.formats.nesting import refuse_growth
from moor.settings.validation import describe_error
from moor.suggestions import did_you_mean

LARGEST = 4 * 1024 * 1024  # bytes; a kubeconfig of hundreds of clusters has less
LISTS = {"clusters": "cluster", "users": "user", "contexts": "context"}
TOP = {*LISTS, "apiVersion", "kind", "current-context", "preferences", "extensions"}


class Fields(BaseModel):
    """Part of a kubeconfig; types are Go's, which takes no number for a text."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, hide_input_in_errors=True, defer_build=True, populate_by_name=True
    )


class Extension(Fields):
    """What another program keeps in a kubeconfig."""

    name: str = ""
    extension: Any = None


class ClusterEntry(Fields):
    """Where the API is."""

    server: str = ""
    tls_server_name: str = Field("", alias="tls-server-name")
    insecure: bool = Field(False, alias="insecure-skip-tls-verify")
    authority: str = Field("", alias="certificate-authority")
    authority_data: str = Field("", alias="certificate-authority-data")
    proxy_url: str = Field("", alias="proxy-url")
    disable_compression: bool = Field(False, alias="disable-compression")
    extensions: list[Extension] = []


class Variable(Fields):
    """A variable of a plugin's environment."""

    name: str = ""
    value: str = ""


class Exec(Fields):
    """A credential plugin."""

    command: str = ""
    args: list[str] = []
    env: list[Variable] = []
    api_version: str = Field("", alias="apiVersion")
    install_hint: str = Field("", alias="installHint")
    provide_cluster_info: bool = Field(False, alias="provideClusterInfo")
    interactive_mode: str = Field("", alias="interactiveMode")


class UserEntry(Fields):
    """Who asks."""

    certificate: str = Field("", alias="client-certificate")
    certificate_data: str = Field("", alias="client-certificate-data")
    key: str = Field("", alias="client-key")
    key_data: str = Field("", alias="client-key-data")
    token: str = ""
    token_file: str = Field("", alias="tokenFile")
    impersonate: str = Field("", alias="as")
    uid: str = Field("", alias="as-uid")
    groups: list[str] = Field([], alias="as-groups")
    extra: dict[str, list[str]] = Field({}, alias="as-user-extra")
    username: str = ""
    password: str = ""
    auth_provider: dict[str, Any] | None = Field(None, alias="auth-provider")
    exec: Exec | None = None
    extensions: list[Extension] = []


class Context(Fields):
    """Which user at which cluster."""

    cluster: str = ""
    user: str = ""
    namespace: str = ""
    extensions: list[Extension] = []


@dataclass(frozen=True)
class Chosen:
    """One context of a kubeconfig with its cluster and its user."""

    path: Path
    context: str
    cluster_name: str
    cluster: ClusterEntry
    user_name: str
    user: UserEntry

    def beside(self, name: str) -> Path:
        """Return a file that the kubeconfig names; a relative one is relative to the kubeconfig."""
        return self.path.parent / name

    @property
    def shown(self) -> str:
        """Name address, file and user, for errors."""
        acting = f" as {self.user.impersonate}" if self.user.impersonate else ""
        return f"{self.cluster.server}, {self.path}, user {self.user_name}{acting}"


Part = TypeVar("Part", bound=Fields)


def read_kubeconfig(path: Path, context: str = "") -> Chosen:
    """Read a context of a kubeconfig, by default the current one; raises InputError where it is none."""
    tree = _tree(path)
    listed = {name: _named(path, tree, name) for name in LISTS}
    wanted = context or tree.get("current-context") or ""
    if not isinstance(wanted, str):
        raise InputError(f"{path}: current-context must be text; put it in quotes")
    if not wanted:
        raise InputError(
            f"{path}: it has no current-context; write data.cluster.context: {_one_of(listed['contexts'])}"
        )
    found = _part(Context, path, listed, "contexts", wanted, "data.cluster.context" if context else "current-context")
    if not found.cluster or not found.user:
        lacking = "cluster" if not found.cluster else "user"
        raise InputError(f"{path}: contexts: {wanted} names no {lacking}; kubectl config set-context mends it")
    cluster = _part(ClusterEntry, path, listed, "clusters", found.cluster, f"contexts: {wanted}: cluster")
    user = _part(UserEntry, path, listed, "users", found.user, f"contexts: {wanted}: user")
    return Chosen(path, wanted, found.cluster, cluster, found.user, user)


def _tree(path: Path) -> dict[str, Any]:
    import yaml  # as kubectl does: YAML 1.1, in which yes is true

    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; data.cluster.kubeconfig names it") from None
    if len(text) > LARGEST:
        raise InputError(f"{path}: not a kubeconfig: it has more than {LARGEST} bytes")
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is not None:
            refuse_growth(node)
        tree = loader.construct_document(node) if node is not None else None
    except TooManyAliases as error:
        raise InputError(f"{path}:{error.line}: {error}") from None
    except (yaml.YAMLError, ValueError, RecursionError, TypeError, LookupError, AttributeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}: {getattr(error, 'problem', '')}" if mark else ""
        raise InputError(f"{path}: not a kubeconfig: not YAML{where}") from None
    if not isinstance(tree, dict):
        raise InputError(f"{path}: not a kubeconfig: it must be a mapping with clusters, users, contexts")
    if strange := sorted(str(key) for key in tree if key not in TOP):
        raise InputError("\n".join(f"{path}: {_strange(key, TOP)}" for key in strange))
    return tree


def _strange(key: str, known: set[str]) -> str:
    return f"no such key: {key}{did_you_mean(key, known)}; kubectl passes over it, so take it out or mend it"


def _named(path: Path, tree: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the entries of a list of named things; raises InputError where it is none, or two have one name."""
    inner, listed = LISTS[name], tree.get(name) or []
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise InputError(f"{path}: {name} must be a list: lines that begin with '-'")
    found: dict[str, Any] = {}
    for entry in listed:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise InputError(f"{path}: {name}: each entry needs a name, in quotes where it looks like a number")
        if entry["name"] in found:
            raise InputError(f"{path}: {name}: two entries are called {entry['name']}; rename one")
        if strange := [str(key) for key in entry if key not in ("name", inner)]:
            raise InputError(f"{path}: {name}: {entry['name']}: {_strange(strange[0], {'name', inner})}")
        found[entry["name"]] = entry.get(inner)
    return found


def _part(model: type[Part], path: Path, listed: Mapping[str, Any], kind: str, name: str, named_by: str) -> Part:
    entries = listed[kind]
    if name not in entries:
        hint = did_you_mean(name, entries) or f"; there: {', '.join(sorted(entries)) or 'none'}"
        raise InputError(f"{path}: {named_by} names {name}, which is not in {kind}{hint}")
    place = f"{path}: {kind}: {name}"
    content = _without_nulls(entries[name] if entries[name] is not None else {})
    if not isinstance(content, dict):
        raise InputError(f"{place}: must be a mapping: keys with values below it")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise InputError("\n".join(_said(place, model, error))) from None


def _said(place: str, model: type[Fields], error: ValidationError) -> Iterator[str]:
    for detail in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in detail["loc"])
        more = "; kubectl passes over it, so take it out or mend it" if detail["type"] == "extra_forbidden" else ""
        yield f"{place}: {where}: {describe_error(model, detail)}{more}"


def _without_nulls(value: Any) -> Any:
    """Drop keys without a value, which Go takes for keys that are not there."""
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


def _one_of(names: Mapping[str, Any]) -> str:
    return " or ".join(sorted(names)) or "(it has no contexts)"
