"""Requests to the cluster's API: retried while it restarts, with its refusals and warnings reported."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from nornir.core.task import Task

from moor.connections.apis.kubernetes import MANAGER, calling_api, code_of, untyped_class
from moor.engine.findings import Finding
from moor.engine.results import FindingResult
from moor.errors import ApiRefusal, ErrorKind, HostError
from moor.settings import settings_of
from moor.tasks.cluster.settings import ClusterSettings

# See moor.connections.apis.kubernetes for when lightkube is imported.
if TYPE_CHECKING:
    from lightkube import Client

Tree = dict[str, Any]
T = TypeVar("T")

PATIENCE_S = 60.0  # how long an apply retries; a plan fails at the first request without an answer
PAUSE_S = 1.0
REPORTED_SILENCE_S = 3.0  # an outage that lasted longer becomes a finding
STARTING_S = 30.0  # an API server that is starting may reject every login for this long
REFUSALS = (400, 403, 405, 409, 413, 415, 422, 500)  # 500 is its answer to a server-side apply with an unknown field
NOT_YET = (408, 429, 502, 503, 504)
WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')


def open_cluster(task: Task) -> None:
    """Connect to the cluster of this host unless the connection is open."""
    if "kubernetes" not in task.host.connections:
        cluster = settings_of(task.host, ClusterSettings)
        extras = {"kubeconfig": str(cluster.kubeconfig), "context": cluster.context}
        task.host.open_connection("kubernetes", task.nornir.config, extras=extras, default_to_host_attributes=False)


def cluster_of(task: Task) -> Client:
    """Return the client of the cluster to which the host's task is connected."""
    client: Client = task.host.connections["kubernetes"].connection
    return client


def as_dict(found: Any) -> Tree:
    """Return an object of the API as plain data."""
    tree: Tree = found.to_dict()
    return tree


def ask(task: Task, doing: str, call: Callable[[Client], T], until: float | None = None) -> T:
    """Make a request and return its result; retry while the API restarts or does not answer.

    Args:
        doing: what the request is for; the beginning of every error message
        until: when to stop retrying, on the monotonic clock; by default an apply retries for PATIENCE_S, and a plan
            does not retry

    Raises:
        ApiRefusal: the API refused the request
        HostError: the API did not answer, or not with an object
    """  # noqa: DOC501 - as_refusal makes an ApiRefusal
    began = time.monotonic()
    end = until if until is not None else began + (0 if task.is_dry_run() else PATIENCE_S)
    words = ""
    while True:
        try:
            with calling_api(doing):
                found = call(cluster_of(task))
            break
        except HostError as error:
            if not is_transient(error, time.monotonic() - began) or time.monotonic() >= end:
                raise as_refusal(error) from error.__cause__
            words = str(error)
            time.sleep(PAUSE_S)
    _report_silence(task, time.monotonic() - began if words else 0, words)
    return found


def _report_silence(task: Task, lasted_s: float, words: str) -> None:
    if lasted_s >= REPORTED_SILENCE_S:
        what = f"the cluster's API answered only after {lasted_s:.0f} s of retries; before that: {words}"
        task.results.append(FindingResult(task.host, Finding("cluster:api", what, host=task.host.name)))


def is_transient(error: HostError, lasted_s: float = 0) -> bool:
    """Return whether a retry may succeed: no answer, a restart of the API server, too many requests."""
    from httpx2 import HTTPStatusError, TransportError

    cause = error.__cause__
    if isinstance(cause, TransportError):
        return "CERTIFICATE" not in str(cause).upper()
    code = code_of(error) or (cause.response.status_code if isinstance(cause, HTTPStatusError) else 0)
    if code == 500:
        return "typed patch" not in str(error)
    return code in NOT_YET or (code == 401 and lasted_s < STARTING_S)


def is_silent(error: BaseException) -> bool:
    """Return whether the API did not answer, so that further requests would fail too."""
    from httpx2 import TransportError

    return isinstance(error.__cause__, TransportError)


def as_refusal(error: HostError) -> HostError:
    """Return the error as a ApiRefusal if the API itself refused this request; otherwise return it unchanged."""
    refused = code_of(error) in REFUSALS
    return ApiRefusal(str(error), error.kind if error.kind != ErrorKind.UNHEALTHY else None) if refused else error


def lacks_namespace(error: BaseException) -> bool:
    """Return whether the API answered that the namespace does not exist."""
    from lightkube.core.exceptions import ApiError

    cause = error.__cause__
    details = cause.status.details if isinstance(cause, ApiError) and cause.status.code == 404 else None
    return details is not None and details.kind == "namespaces"


def lacks_right(error: BaseException) -> bool:
    """Return whether the user lacks the right to this request, whatever the object contains."""
    return code_of(error) == 403 and bool(re.search(r'User ".*" cannot \w+ ', str(error)))


def class_of(content: Mapping[str, Any]) -> type[Any] | None:
    """Return the class for an object, or None if lightkube has none."""
    from lightkube.core.exceptions import LoadResourceError

    try:
        return untyped_class(str(content.get("apiVersion")), str(content["kind"]))
    except (LoadResourceError, ImportError, ValueError):  # the last for an apiVersion with two slashes
        return None


def apply_server_side(
    task: Task, doing: str, content: Mapping[str, Any], dry_run: bool = False, *, force: bool = True
) -> Tree:
    """Apply an object server-side with moor as field manager, and return the resulting object.

    Args:
        force: whether moor takes over fields that others own; if not, the API refuses such an apply
    """
    from lightkube.types import PatchType

    kind, metadata = untyped_class(content["apiVersion"], content["kind"]), content["metadata"]
    place = {"namespace": metadata["namespace"]} if "namespace" in metadata else {}

    def apply(cluster: Client) -> Any:
        how: dict[str, Any] = {"patch_type": PatchType.APPLY, "field_manager": MANAGER, "force": force}
        return cluster.patch(kind, metadata["name"], dict(content), **place, **how, dry_run=dry_run)

    return as_dict(ask(task, doing, apply))


@contextmanager
def report_warnings(task: Task, what: str) -> Iterator[None]:
    """Add the warnings of the API (its Warning headers) to the task's results, each once."""
    # lightkube does not expose the headers of an answer; only its httpx client does.
    warnings, hooks = list[str](), cluster_of(task)._client._client.event_hooks["response"]

    def collect(response: Any) -> None:
        warnings.extend(warnings_in(response.headers.get_list("warning")))

    hooks.append(collect)
    try:
        yield
    finally:
        hooks.remove(collect)
    for words in dict.fromkeys(warnings):
        found = Finding(f"warning:{what}", f"the cluster warns: {words}", host=task.host.name)
        if found not in [sub.found for sub in task.results if isinstance(sub, FindingResult)]:
            task.results.append(FindingResult(task.host, found))


def warnings_in(headers: list[str]) -> list[str]:
    """Return the texts of Warning headers, without their backslashes."""
    return [re.sub(r"\\(.)", r"\1", text) for header in headers for text in WARNING.findall(header)]
