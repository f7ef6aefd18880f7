"""The cluster's API, through lightkube."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

from nornir.core.configuration import Config

from moor.errors import HostError, InputError

# lightkube and its models take longer to import than a check of forty hosts, so that only who has a cluster does.
if TYPE_CHECKING:
    from lightkube import Client

# The client builds its decoders of objects at their first use, in compiled code that several threads must not enter
# at once: a process that verified five nodes has crashed in it.
ONE_AT_A_TIME = RLock()
MANAGER = "moor"  # the owner, in managedFields, of what moor applies
MISSING = 404


class KubernetesPlugin:
    """Nornir connection plugin ``kubernetes``.

    extras  ``kubeconfig``: path; ``context``: the current one where it is empty
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
        """Read the kubeconfig; the first request connects. Raises InputError where it cannot be used."""
        known = extras or {}
        self.connection = client_of(Path(known["kubeconfig"]), known.get("context") or "")

    def close(self) -> None:
        """Close what is open."""
        self.connection.close()


def client_of(path: Path, context: str, timeout_s: float | None = None) -> Client:
    """Give a client of the cluster that a kubeconfig names; raises InputError where it cannot be used.

    context    the current one where it is empty
    timeout_s  of one request; lightkube's own where it is None
    """
    import httpx2
    from lightkube import Client, KubeConfig
    from lightkube.core.exceptions import ConfigError
    from yaml import YAMLError

    try:
        config = KubeConfig.from_file(path).get(context or None)
    except (ConfigError, OSError, ValueError, LookupError, TypeError, AttributeError, YAMLError) as error:
        raise InputError(f"{path}: not a kubeconfig that can be used: {error}") from error
    if config is None:
        raise InputError(f"{path}: it has no context {context or 'that is current'}")
    if config.cluster.insecure:
        raise InputError(
            f"{path}: insecure-skip-tls-verify leaves the cluster's certificate unchecked, which moor never does; "
            "take it out, and give certificate-authority-data"
        )
    timeout = httpx2.Timeout(timeout_s) if timeout_s else None
    # A proxy of the operator's desk is no way to the cluster.
    return Client(config, field_manager=MANAGER, timeout=timeout, trust_env=False)


@contextmanager
def told(doing: str) -> Iterator[None]:
    """Speak to the API, one thread at a time; what it or the way to it says is a HostError: ``doing: words``."""
    import httpx2
    from lightkube.core.exceptions import ApiError

    try:
        with ONE_AT_A_TIME:
            yield
    except ApiError as error:
        raise HostError(f"{doing}: the cluster says {error.status.code}: {error.status.message}") from error
    except httpx2.HTTPError as error:
        raise HostError(f"{doing}: the cluster's API does not answer: {error}") from error


def is_missing(error: BaseException | None) -> bool:
    """Tell whether the API has said, perhaps by way of ``told``, that there is no such object."""
    from lightkube.core.exceptions import ApiError

    cause = error.__cause__ if isinstance(error, HostError) else error
    return isinstance(cause, ApiError) and cause.status.code == MISSING
