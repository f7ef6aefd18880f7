"""Asking the cluster's API: objects as they travel, its warnings, and patience while it restarts."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from nornir.core.task import Task

from moor.connections.apis.kubernetes import MANAGER, code_of, told, untyped_class
from moor.engine.findings import Finding
from moor.engine.results import FindingResult
from moor.errors import ApiRefusal, ErrorKind, HostError

# See moor.connections.apis.kubernetes for when lightkube is imported.
if TYPE_CHECKING:
    from lightkube import Client

Tree = dict[str, Any]
T = TypeVar("T")

PATIENCE_S = 60.0  # how long an apply asks again; a plan says at once that nobody answers
PAUSE_S = 1.0
TOLD_S = 3.0  # a silence that lasted longer is told in the result
STARTING_S = 30.0  # for so long an API server that starts may know no user yet
REFUSALS = (400, 403, 405, 409, 413, 415, 422, 500)  # 500 is what a server-side apply says of an unknown field
NOT_YET = (408, 429, 502, 503, 504)
WARNING = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')


def cluster_of(task: Task) -> Client:
    """Return the client of the cluster that the host's task has opened."""
    client: Client = task.host.connections["kubernetes"].connection
    return client


def as_dict(found: Any) -> Tree:
    """Return an object of the API as plain data."""
    tree: Tree = found.to_dict()
    return tree


def ask(task: Task, doing: str, call: Callable[[Client], T], until: float | None = None) -> T:
    """Return what the API answers; while it restarts or is silent, ask again.

    Args:
        until: of the monotonic clock; without it an apply waits for PATIENCE_S, and a plan does not wait.

    Raises:
        ApiRefusal: the API has refused this.
        HostError: it does not answer, or with something else.
    """  # noqa: DOC501  # refusal() makes a ApiRefusal
    began = time.monotonic()
    end = until if until is not None else began + (0 if task.is_dry_run() else PATIENCE_S)
    words = ""
    while True:
        try:
            with told(doing):
                found = call(cluster_of(task))
            break
        except HostError as error:
            if not passes(error, time.monotonic() - began) or time.monotonic() >= end:
                raise refusal(error) from error.__cause__
            words = str(error)
            time.sleep(PAUSE_S)
    _tell_silence(task, time.monotonic() - began if words else 0, words)
    return found


def _tell_silence(task: Task, lasted_s: float, words: str) -> None:
    if lasted_s >= TOLD_S:
        what = f"the cluster's API was asked again for {lasted_s:.0f} s, then it answered; before that: {words}"
        task.results.append(FindingResult(task.host, Finding("cluster:api", what, host=task.host.name)))


def passes(error: HostError, lasted_s: float = 0) -> bool:
    """Return whether an error is of the kind that ends by itself: no answer, a restart, too many requests."""
    from httpx2 import HTTPStatusError, TransportError

    cause = error.__cause__
    if isinstance(cause, TransportError):
        return "CERTIFICATE" not in str(cause).upper()
    code = code_of(error) or (cause.response.status_code if isinstance(cause, HTTPStatusError) else 0)
    if code == 500:
        return "typed patch" not in str(error)
    return code in NOT_YET or (code == 401 and lasted_s < STARTING_S)


def is_silent(error: BaseException) -> bool:
    """Return whether nobody answered, so that asking about something else is in vain."""
    from httpx2 import TransportError

    return isinstance(error.__cause__, TransportError)


def refusal(error: HostError) -> HostError:
    """Return the error as a ApiRefusal where the API itself has said no to this one request."""
    refused = code_of(error) in REFUSALS
    return ApiRefusal(str(error), error.kind if error.kind != ErrorKind.UNHEALTHY else None) if refused else error


def lacks_namespace(error: BaseException) -> bool:
    """Return whether the API has said that the namespace does not exist."""
    from lightkube.core.exceptions import ApiError

    cause = error.__cause__
    details = cause.status.details if isinstance(cause, ApiError) and cause.status.code == 404 else None
    return details is not None and details.kind == "namespaces"


def lacks_right(error: BaseException) -> bool:
    """Return whether the user may not do this, whatever the object says."""
    return code_of(error) == 403 and bool(re.search(r'User ".*" cannot \w+ ', str(error)))


def kind_of(content: Mapping[str, Any]) -> type[Any] | None:
    """Return the class for an object, or None where lightkube has none."""
    from lightkube.core.exceptions import LoadResourceError

    try:
        return untyped_class(str(content.get("apiVersion")), str(content["kind"]))
    except (LoadResourceError, ImportError):
        return None


def put(task: Task, doing: str, content: Mapping[str, Any], dry_run: bool = False) -> Tree:
    """Apply an object server-side as moor, and return what it is then."""
    from lightkube.types import PatchType

    kind, metadata = untyped_class(content["apiVersion"], content["kind"]), content["metadata"]
    place = {"namespace": metadata["namespace"]} if "namespace" in metadata else {}

    def apply(cluster: Client) -> Any:
        how: dict[str, Any] = {"patch_type": PatchType.APPLY, "field_manager": MANAGER, "force": True}
        return cluster.patch(kind, metadata["name"], dict(content), **place, **how, dry_run=dry_run)

    return as_dict(ask(task, doing, apply))


@contextmanager
def warned(task: Task, what: str) -> Iterator[None]:
    """Put into the task's results, each once, what the API warns of meanwhile (its Warning headers)."""
    # lightkube gives no way to an answer's headers but the httpx client below it.
    heard, hooks = list[str](), cluster_of(task)._client._client.event_hooks["response"]

    def hear(response: Any) -> None:
        heard.extend(warnings_in(response.headers.get_list("warning")))

    hooks.append(hear)
    try:
        yield
    finally:
        hooks.remove(hear)
    for words in dict.fromkeys(heard):
        found = Finding(f"warning:{what}", f"the cluster warns: {words}", host=task.host.name)
        if found not in [sub.found for sub in task.results if isinstance(sub, FindingResult)]:
            task.results.append(FindingResult(task.host, found))


def warnings_in(headers: list[str]) -> list[str]:
    """Return the texts of Warning headers, without their backslashes."""
    return [re.sub(r"\\(.)", r"\1", text) for header in headers for text in WARNING.findall(header)]
