"""Kubeconfigs: all fields of client-go's clientcmd API, and the one context that is used.

References:
    k8s.io/client-go/tools/clientcmd/api/v1; kubectl's behaviour decides what that leaves open
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

LARGEST_BYTES = 4 * 1024 * 1024  # a kubeconfig of hundreds of clusters has less
LISTS = {"clusters": "cluster", "users": "user", "contexts": "context"}
TOP_KEYS = {*LISTS, "apiVersion", "kind", "current-context", "preferences", "extensions"}


class KubeconfigFields(BaseModel):
    """A mapping in a kubeconfig; types are strict as in Go, which accepts no number for a string."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, hide_input_in_errors=True, defer_build=True, populate_by_name=True
    )


class Extension(KubeconfigFields):
    """An extension: data that another program keeps in a kubeconfig."""

    name: str = ""
    extension: Any = None


class ClusterEntry(KubeconfigFields):
    """A cluster: the address of its API, and how to connect to it."""

    server: str = ""
    tls_server_name: str = Field("", alias="tls-server-name")
    insecure: bool = Field(False, alias="insecure-skip-tls-verify")
    authority: str = Field("", alias="certificate-authority")
    authority_data: str = Field("", alias="certificate-authority-data")
    proxy_url: str = Field("", alias="proxy-url")
    disable_compression: bool = Field(False, alias="disable-compression")
    extensions: list[Extension] = []


class Variable(KubeconfigFields):
    """An environment variable of a credential plugin."""

    name: str = ""
    value: str = ""


class ExecPlugin(KubeconfigFields):
    """A credential plugin: the program that prints a login."""

    command: str = ""
    args: list[str] = []
    env: list[Variable] = []
    api_version: str = Field("", alias="apiVersion")
    install_hint: str = Field("", alias="installHint")
    provide_cluster_info: bool = Field(False, alias="provideClusterInfo")
    interactive_mode: str = Field("", alias="interactiveMode")


class UserEntry(KubeconfigFields):
    """A user: the login at a cluster."""

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
    exec: ExecPlugin | None = None
    extensions: list[Extension] = []


class ContextEntry(KubeconfigFields):
    """A context: a cluster, and the user to log in as."""

    cluster: str = ""
    user: str = ""
    namespace: str = ""
    extensions: list[Extension] = []


@dataclass(frozen=True)
class KubeconfigContext:
    """One context of a kubeconfig, with its cluster and its user."""

    path: Path
    context: str
    cluster_name: str
    cluster: ClusterEntry
    user_name: str
    user: UserEntry

    def beside(self, name: str) -> Path:
        """Return the path of a file that the kubeconfig names; a relative one starts at the kubeconfig's directory."""
        return self.path.parent / name

    @property
    def description(self) -> str:
        """Return the API's address, the kubeconfig and the user, for errors."""
        acting = f" as {self.user.impersonate}" if self.user.impersonate else ""
        return f"{self.cluster.server}, {self.path}, user {self.user_name}{acting}"


Entry = TypeVar("Entry", bound=KubeconfigFields)


def read_kubeconfig(path: Path, context: str = "") -> KubeconfigContext:
    """Read a context of a kubeconfig, by default the current one; raises InputError."""
    tree = _tree(path)
    listed = {name: _entries_by_name(path, tree, name) for name in LISTS}
    wanted = context or tree.get("current-context") or ""
    if not isinstance(wanted, str):
        raise InputError(f"{path}: current-context must be text; put it in quotes")
    if not wanted:
        raise InputError(
            f"{path}: it has no current-context; write data.cluster.context: {_list_names(listed['contexts'])}"
        )
    found = _entry(
        ContextEntry, path, listed, "contexts", wanted, "data.cluster.context" if context else "current-context"
    )
    if not found.cluster or not found.user:
        lacking = "cluster" if not found.cluster else "user"
        raise InputError(f"{path}: contexts: {wanted} names no {lacking}; kubectl config set-context mends it")
    cluster = _entry(ClusterEntry, path, listed, "clusters", found.cluster, f"contexts: {wanted}: cluster")
    user = _entry(UserEntry, path, listed, "users", found.user, f"contexts: {wanted}: user")
    return KubeconfigContext(path, wanted, found.cluster, cluster, found.user, user)


def _tree(path: Path) -> dict[str, Any]:
    import yaml  # YAML 1.1 as in kubectl, in which yes is true

    try:
        with path.open("rb") as file:
            text = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; data.cluster.kubeconfig names it") from None
    if len(text) > LARGEST_BYTES:
        raise InputError(f"{path}: not a kubeconfig: it has more than {LARGEST_BYTES} bytes")
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
    if strange := sorted(str(key) for key in tree if key not in TOP_KEYS):
        raise InputError("\n".join(f"{path}: {_explain_unknown_key(key, TOP_KEYS)}" for key in strange))
    return tree


def _explain_unknown_key(key: str, known: set[str]) -> str:
    return f"no such key: {key}{did_you_mean(key, known)}; kubectl passes over it, so take it out or mend it"


def _entries_by_name(path: Path, tree: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the entries of a list by their names; raises InputError if an entry has no name, or two have the same."""
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
            raise InputError(f"{path}: {name}: {entry['name']}: {_explain_unknown_key(strange[0], {'name', inner})}")
        found[entry["name"]] = entry.get(inner)
    return found


def _entry(model: type[Entry], path: Path, listed: Mapping[str, Any], kind: str, name: str, named_by: str) -> Entry:
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
        raise InputError("\n".join(_problems(place, model, error))) from None


def _problems(place: str, model: type[KubeconfigFields], error: ValidationError) -> Iterator[str]:
    for detail in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in detail["loc"])
        more = "; kubectl passes over it, so take it out or mend it" if detail["type"] == "extra_forbidden" else ""
        yield f"{place}: {where}: {describe_error(model, detail)}{more}"


def _without_nulls(value: Any) -> Any:
    """Drop keys without a value, which Go treats as missing."""
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


def _list_names(names: Mapping[str, Any]) -> str:
    return " or ".join(sorted(names)) or "(it has no contexts)"
