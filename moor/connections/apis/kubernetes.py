"""The connection to a Kubernetes cluster's API, by lightkube."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from nornir.core.configuration import Config

from moor.connections.apis.cluster.answers import STRANGER
from moor.connections.ssh.failures import kind_of_request_error, kind_of_status
from moor.errors import ErrorKind, HostError, InputError

# lightkube and its models take longer to import than a check of forty hosts; only sites with a cluster import them.
if TYPE_CHECKING:
    from lightkube import Client

# The client builds its decoders at the first use of a kind, in compiled code that is not safe for threads: a process
# that verified five nodes crashed in it.
DECODER_LOCK = RLock()
MANAGER = "moor"  # the field manager of what moor applies, in managedFields
MISSING, FORBIDDEN = 404, 403
ABSENT = "no such file; copy the cluster's own to it, or make one with kubectl config view --minify --flatten --raw"


class KubernetesPlugin:
    """The Nornir connection plugin ``kubernetes``.

    Its extras are ``kubeconfig``, a path, ``context``, empty for the current one, and ``timeout_s`` of one request.
    """

    connection: Client

    def open(
        self,
        hostname: str | None,
        username: str | None,
        password: str | None,
        port: int | None,
        platform: str | None,
        extras: dict[str, Any] | None = None,
        configuration: Config | None = None,
    ) -> None:
        """Read the kubeconfig; the first request connects. Raises InputError if it cannot be used."""
        known = extras or {}
        self.connection = client_of(Path(known["kubeconfig"]), known.get("context") or "", known.get("timeout_s"))

    def close(self) -> None:
        """Close the open connections."""
        self.connection.close()


def client_of(path: Path, context: str, timeout_s: float | None = None) -> Client:
    """Return a client of the cluster that a kubeconfig names.

    Args:
        context: empty for the kubeconfig's current one
        timeout_s: of one request; None for lightkube's own

    Raises:
        InputError: the kubeconfig is missing or cannot be used.
    """
    import httpx2
    from lightkube import Client, KubeConfig
    from lightkube.config.models import Cluster, User

    from moor.connections.apis.cluster.kubeconfig import read_kubeconfig
    from moor.connections.apis.cluster.transport import ClusterTransport
    from moor.connections.apis.cluster.usability import require_usable

    if not path.is_file():
        raise InputError(f"data.cluster.kubeconfig: {path}: {ABSENT}")
    chosen = read_kubeconfig(path, context)
    require_usable(chosen)
    # lightkube gets the address alone; the transport does everything else that the kubeconfig asks for.
    config = KubeConfig.from_one(cluster=Cluster(server=chosen.cluster.server), user=User()).get()
    timeout = httpx2.Timeout(timeout_s) if timeout_s else None
    transport = ClusterTransport(chosen)
    return Client(config, field_manager=MANAGER, timeout=timeout, trust_env=False, transport=transport)


def explain_unusable_kubeconfig(path: Path, context: str) -> str:
    """Return why a kubeconfig cannot be used, one fault a line, without connecting; empty if it can, or is missing."""
    if not path.is_file():
        return ""
    try:
        client_of(path, context).close()
    except InputError as error:
        return str(error)
    except HostError:  # no login at the moment, which is an error of whatever needs one
        return ""
    return ""


@contextmanager
def calling_api(doing: str) -> Iterator[None]:
    """Let one thread at a time call the API; raise its errors as HostError, beginning with ``doing``."""
    with raising_host_errors(doing), DECODER_LOCK:
        yield


@contextmanager
def raising_host_errors(doing: str) -> Iterator[None]:
    """Raise errors of the API as HostError, beginning with ``doing``; any number of threads may be in it."""
    import httpx2
    from lightkube.core.exceptions import ApiError
    from msgspec import MsgspecError

    try:
        yield
    except ApiError as error:
        said = str(error.status.message)
        words = said if said.startswith(STRANGER) else f"the cluster says {error.status.code}: {said}"
        raise HostError(f"{doing}: {words}{_where(error)}", kind_of_status(int(error.status.code or 0))) from error
    except httpx2.HTTPError as error:
        words = f"{doing}: the cluster's API does not answer: {error}{_where(error)}"
        raise HostError(words, kind_of_request_error(error)) from error
    except MsgspecError as error:
        words = f"{doing}: the cluster's answer is of another shape than this kind has: {error}"
        raise HostError(words, ErrorKind.ANSWER) from error


def _where(error: Any) -> str:
    """Return address, kubeconfig and user of a failed request, in parentheses."""
    from moor.connections.apis.cluster.transport import DESCRIPTION

    request = getattr(error, "_request", None)
    shown = request.extensions.get(DESCRIPTION) if request is not None else None
    return f" ({shown})" if shown else ""


def is_missing(error: BaseException | None) -> bool:
    """Return whether the API refused because there is no such object; ``error`` may come from ``calling_api``."""
    return code_of(error) == MISSING


def is_forbidden(error: BaseException | None) -> bool:
    """Return whether the API refused because this user lacks the right; ``error`` may come from ``calling_api``."""
    return code_of(error) == FORBIDDEN


def code_of(error: BaseException | None) -> int:
    """Return the HTTP status with which the API refused; 0 if the error is not the API's own."""
    from lightkube.core.exceptions import ApiError

    cause = error.__cause__ if isinstance(error, HostError) else error
    return int(cause.status.code or 0) if isinstance(cause, ApiError) else 0


@cache
def untyped_class(api_version: str, kind: str) -> type[Any]:
    """Return lightkube's class for a kind, but one whose objects are plain data.

    lightkube's own classes drop fields that they do not know, and refuse a whole list for one object that lacks a
    field, such as an event of a kubelet whose ``eventTime`` is null.

    Raises:
        LoadResourceError: lightkube has no such kind
    """
    from lightkube.core.resource import NamespacedResource, api_info
    from lightkube.core.resource_registry import resource_registry
    from lightkube.generic_resource import GenericGlobalResource, GenericNamespacedResource, create_api_info

    typed: Any = resource_registry.load(api_version, kind)
    info = api_info(typed)
    base = GenericNamespacedResource if issubclass(typed, NamespacedResource) else GenericGlobalResource
    group, version, name = info.resource
    return type(name, (base,), {"_api_info": create_api_info(group, version, name, info.plural)})
