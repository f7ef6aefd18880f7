"""The lists of a cluster from which its images are known: read by pages, and reduced while they come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from lightkube import Client

from moor.connections.apis.cluster_pages import Decoder, ListChanged, PageAnswer, read_object, read_pages
from moor.connections.apis.kubernetes import is_forbidden, is_missing
from moor.errors import ErrorKind, HostError
from moor.tasks.images_in_use import shapes
from moor.tasks.images_in_use.usage import ClusterUsage, Use
from moor.tasks.registry.logins import DATA_KEYS

PODS, ACCOUNTS, SECRETS, NODES = (f"/api/v1/{one}" for one in ("pods", "serviceaccounts", "secrets", "nodes"))
WORKLOADS = {
    "Deployment": "/apis/apps/v1/deployments",
    "StatefulSet": "/apis/apps/v1/statefulsets",
    "DaemonSet": "/apis/apps/v1/daemonsets",
    "ReplicaSet": "/apis/apps/v1/replicasets",
    "CronJob": "/apis/batch/v1/cronjobs",
    "Job": "/apis/batch/v1/jobs",
}
AT_ONCE = 4  # requests to the API
TRIES = 3

T = TypeVar("T")
Key = tuple[str, str]  # namespace and name
Secret = Mapping[str, Any]


@dataclass
class ClusterImages:
    """What a cluster uses, and by which secrets.

    Attributes:
        nodes: operating system and architecture by the node's name
        secrets: pull secrets as the API has them
        unread: why a pull secret could not be read
        unknown_accounts: why the pull secrets of a ServiceAccount are not known
        unlisted: why objects of a kind could not be listed
        namespaces: those that were read; empty for all
    """

    usage: ClusterUsage = field(default_factory=ClusterUsage)
    nodes: dict[str, tuple[str, str]] = field(default_factory=dict)
    secrets: dict[Key, Secret] = field(default_factory=dict)
    unread: dict[Key, str] = field(default_factory=dict)
    unknown_accounts: dict[Key, str] = field(default_factory=dict)
    unlisted: dict[str, str] = field(default_factory=dict)
    namespaces: tuple[str, ...] = ()


def read_images(client: Client, known: Sequence[str], only: str = "") -> ClusterImages:
    """Read everything of a cluster that names images or logins.

    Args:
        known: namespaces to read instead, if the user may not list the pods of the whole cluster
        only: the only namespace to read; empty for all

    Raises:
        HostError: the API does not answer, or refuses to list pods
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            return _Reading(client, pool, (only,) if only else ()).read()
        except HostError as error:
            if only or not known or not is_forbidden(error):
                raise
        return _Reading(client, pool, tuple(known)).read()


class _Reading:
    """One reading of a cluster, of all its namespaces or of some."""

    def __init__(self, client: Client, pool: ThreadPoolExecutor, namespaces: tuple[str, ...]) -> None:
        self._client, self._pool = client, pool
        self._found = ClusterImages(namespaces=namespaces)
        self._accounts: dict[Key, tuple[str, ...]] = {}

    def read(self) -> ClusterImages:
        """Read all lists, several at once; a kind that may not be listed is left out, pods excepted."""
        pods = self._pool.submit(self._reduced, PODS, shapes.PODS, ClusterUsage, ClusterUsage.add_pod)
        asked = {
            kind: self._pool.submit(self._reduced, path, shapes.WORKLOADS, ClusterUsage, partial(_add_workload, kind))
            for kind, path in WORKLOADS.items()
        }
        accounts = self._pool.submit(self._reduced, ACCOUNTS, shapes.ACCOUNTS, dict[Key, tuple[str, ...]], _add_account)
        nodes = self._pool.submit(self._reduced, NODES, shapes.NODES, dict[str, tuple[str, str]], _add_node)
        secrets = [
            self._pool.submit(
                self._reduced,
                SECRETS,
                shapes.SECRETS,
                dict[Key, Secret],
                _add_secret,
                {"fieldSelector": f"type={kind}"},
            )
            for kind in DATA_KEYS
        ]
        found = self._found
        found.usage = pods.result()
        for kind, one in asked.items():
            found.usage.merge(self._listed(kind, one.result, ClusterUsage))
        found.nodes = self._listed("Node", nodes.result, dict[str, tuple[str, str]])
        known = self._listed("ServiceAccount", accounts.result, dict[Key, tuple[str, ...]])
        if found.unlisted.pop("ServiceAccount", ""):
            known = self._read_accounts()
        found.usage.resolve_accounts(known)
        for several in secrets:
            found.secrets |= self._listed("Secret", several.result, dict[Key, Secret])
        if found.unlisted.pop("Secret", ""):
            self._read_secrets()
        found.unlisted.pop("Node", "")  # the platform of images is then not compared
        return found

    def _listed(self, kind: str, result: Callable[[], T], empty: Callable[[], T]) -> T:
        """Return what a list gave; nothing, and why, if it may not be read."""
        try:
            return result()
        except HostError as error:
            if not is_forbidden(error):
                raise
            self._found.unlisted[kind] = str(error)
            return empty()

    def _reduced(
        self,
        path: str,
        decoder: Decoder[PageAnswer[Any]],
        empty: Callable[[], T],
        add: Callable[[T, Any], object],
        query: Mapping[str, str] | None = None,
    ) -> T:
        """Read a list, and keep of each object only what ``add`` takes of it."""
        for _ in range(TRIES):
            found = empty()
            try:
                for entry in self._entries(path, decoder, query):
                    add(found, entry)
            except ListChanged:
                continue
            return found
        words = f"list {path}: it changes faster than it can be read; run again"
        raise HostError(words, ErrorKind.ANSWER)

    def _entries(self, path: str, decoder: Decoder[PageAnswer[Any]], query: Mapping[str, str] | None) -> Iterator[Any]:
        for place in self._places(path):
            try:
                for entries in read_pages(self._client, f"list {place}", place, decoder, query):
                    yield from entries
            except HostError as error:
                if not is_missing(error):  # the cluster has no such kind
                    raise

    def _places(self, path: str) -> Iterable[str]:
        above, _, plural = path.rpartition("/")
        if path == NODES or not self._found.namespaces:
            return [path]
        return [f"{above}/namespaces/{namespace}/{plural}" for namespace in self._found.namespaces]

    def _read_secrets(self) -> None:
        """Read the secrets that are named, one by one, since they may not be listed."""
        named = dict.fromkeys((use.namespace, name) for use in self._uses() for name in use.secrets)
        found, self._found.unread = self._each("secrets", named, shapes.SECRET)
        self._found.secrets = {key: {"type": one.type, "data": one.data} for key, one in found.items()}

    def _read_accounts(self) -> dict[Key, tuple[str, ...]]:
        """Read the ServiceAccounts of those without pull secrets of their own, since they may not be listed."""
        named = dict.fromkeys((use.namespace, use.account) for use in self._uses() if not use.secrets)
        found, self._found.unknown_accounts = self._each("serviceaccounts", named, shapes.ACCOUNT)
        known: dict[Key, tuple[str, ...]] = {}
        for account in found.values():
            _add_account(known, account)
        return known

    def _uses(self) -> Iterator[Use]:
        return (use for usage in self._found.usage.images.values() for use in usage.uses)

    def _each(self, plural: str, keys: Iterable[Key], decoder: Decoder[T]) -> tuple[dict[Key, T], dict[Key, str]]:
        """Read objects one by one; return those that exist, and why some may not be read."""

        def read(key: Key) -> T | str | None:
            namespace, name = key
            path = f"/api/v1/namespaces/{namespace}/{plural}/{name}"
            try:
                return read_object(self._client, f"{plural} {namespace}/{name}", path, decoder)
            except HostError as error:
                if is_missing(error):
                    return None
                if not is_forbidden(error):
                    raise
                return str(error)

        answers = [(key, self._pool.submit(read, key)) for key in keys]
        found, unread = dict[Key, T](), dict[Key, str]()
        for key, answer in answers:
            one = answer.result()
            if isinstance(one, str):
                unread[key] = one
            elif one is not None:
                found[key] = one
        return found, unread


def _add_workload(kind: str, found: ClusterUsage, workload: shapes.Workload) -> None:
    found.add_workload(kind, workload)


def _add_account(found: dict[Key, tuple[str, ...]], account: shapes.Account) -> None:
    if names := tuple(one.name for one in account.secrets or () if one.name):
        found[account.metadata.namespace, account.metadata.name] = names


def _add_node(found: dict[str, tuple[str, str]], node: shapes.Node) -> None:
    info = node.status.info if node.status else None
    if info and info.architecture:
        found[node.metadata.name] = (info.os or "linux", info.architecture)


def _add_secret(found: dict[Key, Secret], secret: shapes.PullSecret) -> None:
    found[secret.metadata.namespace, secret.metadata.name] = {"type": secret.type, "data": secret.data}
