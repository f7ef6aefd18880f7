"""The controller's connection to a Dask scheduler, and the state of each worker."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import dask.config
from distributed import Client, Future, fire_and_forget
from distributed.security import Security

from moor.errors import MoorError
from moor.settings.access import SiteSettings
from moor.settings.runner import DaskOptions
from moor.workers.same_code import WorkerRequirements, requirements_with_proof
from moor.workers.session import WorkerSession
from moor.workers.worker import begin_session, end_session, introduce_worker

CONNECT_S = 10  # timeout for the scheduler's answer
JOIN_S = 120  # timeout for workers to open the site
CLOSE_S = 10  # timeout for workers to close their connections
LOOK_S = 0.5  # interval at which the list of workers is read
TICK_S = 0.1
Event = list[Any]


@dataclass
class WorkerLease:
    """A worker that is opening the site or has opened it; Dask keeps its session while ``session`` exists.

    Attributes:
        token: the session's token; empty until it exists.
        trouble: why the worker cannot be used; empty if it can.
    """

    session: Future[WorkerSession | str]
    introduction: Future[tuple[str, str]]
    token: str = ""
    trouble: str = ""

    @property
    def pending(self) -> bool:
        return not self.token and not self.trouble

    def look(self) -> None:
        """Read the worker's answer if it has arrived."""
        if self.pending and self.introduction.done():
            failed = self.introduction.status != "finished"
            self.token, self.trouble = ("", "it did not open the site; see its log") if failed else _given(self)


def _given(lease: WorkerLease) -> tuple[str, str]:
    answer: tuple[str, str] = lease.introduction.result(timeout=CONNECT_S)
    return answer


class DaskCluster:
    """A connected Dask scheduler with its workers."""

    def __init__(self, options: DaskOptions, site: SiteSettings, dry_run: bool) -> None:
        self.address, self._site, self._dry_run = options.scheduler, site, dry_run
        self._client = connect(options)
        self._leases: dict[str, WorkerLease] = {}
        self._joining = ExitStack()
        self._likeness: WorkerRequirements | None = None  # while workers join
        self._heard: SimpleQueue[Event] = SimpleQueue()
        self._looked = 0.0
        # The scheduler drops a topic that has the client's id when the client is gone, even after a crash.
        self.topic: str = self._client.id
        self._client.subscribe_topic(self.topic, lambda event: self._heard.put(event[1]))

    def open(self) -> None:
        """Have every worker open the site; raise MoorError if one cannot, or if there is no worker."""
        deadline = time.monotonic() + JOIN_S
        self.look()
        while any(lease.pending for lease in self._leases.values()) and time.monotonic() < deadline:
            time.sleep(TICK_S)
            self.look()
        if wrong := {name: lease.trouble for name, lease in self._leases.items() if lease.trouble}:
            raise MoorError("\n".join(f"worker {name}: {line}" for name, t in wrong.items() for line in t.splitlines()))
        if not self.fit:
            raise MoorError(
                f"scheduler {self.address}: no worker takes hosts; start some: dask worker {self.address}, "
                "with the certificate that config.yaml names where it is tls://"
            )

    @property
    def fit(self) -> dict[str, str]:
        """Return the workers that can run hosts: the token of the session, by the worker's address."""
        return {address: lease.token for address, lease in self._leases.items() if lease.token}

    @property
    def lost(self) -> bool:
        """Return whether the scheduler is gone for good."""
        return self._client.status in ("closing", "closed")

    def look(self) -> None:
        """Update the list of workers: those that joined, left or answered."""
        if time.monotonic() - self._looked >= LOOK_S and self._client.status == "running":
            self._looked = time.monotonic()
            self._compare(self._present())
        for lease in self._leases.values():
            lease.look()
        if not any(lease.pending for lease in self._leases.values()):
            self._joining.close()
            self._likeness = None

    def _present(self) -> set[str]:
        with suppress(OSError):  # the scheduler has just gone, which `lost` will report
            return set(self._client.nthreads())
        return set(self._leases)

    def _compare(self, present: set[str]) -> None:
        for gone in self._leases.keys() - present:
            del self._leases[gone]
        for new in present - self._leases.keys():
            self._likeness = self._likeness or self._joining.enter_context(requirements_with_proof(self._site))
            session = self.submit(new, begin_session, self._likeness, self._dry_run)
            self._leases[new] = WorkerLease(session, self.submit(new, introduce_worker, session))

    def expel(self, address: str) -> None:
        """Forget a worker, so that it joins again, since it was restarted."""
        self._leases.pop(address, None)

    def order(self, address: str, function: Callable[..., bool], raw: bytes) -> Future[bool]:
        """Send an order to a worker's session."""
        return self.submit(address, function, self._leases[address].session, raw)

    def leave_to(self, address: str, function: Callable[..., None], names: tuple[str, ...]) -> None:
        """Call a function with a worker's session, without waiting for the result."""
        fire_and_forget(self.submit(address, function, self._leases[address].session, names))

    def submit(self, address: str, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Run a function on this worker only."""
        return self._client.submit(function, *args, workers=[address], allow_other_workers=False, pure=False, retries=0)

    def heard(self) -> Iterator[Event]:
        """Yield the workers' new messages; wait briefly for the first."""
        with suppress(Empty):
            yield self._heard.get(timeout=TICK_S)
            while True:
                yield self._heard.get_nowait()

    def ask(self, function: Callable[[str], Any], bound_s: float) -> dict[str, Any]:
        """Call a function on the event loop of each fit worker, with its session's token.

        It does not wait for running orders.

        Returns:
            The answers that arrived within ``bound_s``, by the workers' addresses.
        """
        said: dict[str, Any] = {}

        def ask_one(address: str, token: str) -> None:
            with suppress(Exception):  # the worker is gone or busy, so its answer stays unknown
                said.update(self._client.run(function, token, workers=[address]))

        asking = [Thread(target=ask_one, args=pair, daemon=True) for pair in self.fit.items()]
        for thread in asking:
            thread.start()
        deadline = time.monotonic() + bound_s
        for thread in asking:
            thread.join(max(0.0, deadline - time.monotonic()))
        return dict(said)

    def close(self) -> None:
        """End the workers' sessions and disconnect from the scheduler."""
        self._joining.close()
        if self._client.status == "running":
            self._end_sessions()
        self._leases.clear()
        self._client.close(timeout=CONNECT_S)

    def _end_sessions(self) -> None:
        present, deadline = self._present(), time.monotonic() + CLOSE_S
        leases = {name: lease for name, lease in self._leases.items() if lease.token and name in present}
        for ending in [self.submit(name, end_session, lease.session) for name, lease in leases.items()]:
            with suppress(Exception):  # it ends anyway when Dask drops its task
                ending.exception(timeout=max(0.1, deadline - time.monotonic()))


def connect(options: DaskOptions) -> Client:
    """Connect to the scheduler; raises MoorError."""
    _quieten()
    security = Security(
        tls_ca_file=str(options.ca),
        tls_client_cert=str(options.cert),
        tls_client_key=str(options.key),
        require_encryption=True,
    )
    try:
        return Client(
            options.scheduler,
            timeout=CONNECT_S,
            security=security if options.ca else None,
            set_as_default=False,
        )
    except (OSError, ValueError) as error:
        raise MoorError(
            f"scheduler {options.scheduler}: {_cause(error)}; does `dask scheduler` run there, "
            "and has it a certificate of the same CA where it is tls://?"
        ) from error


def _cause(error: Exception) -> str:
    deepest: BaseException = error
    while deepest.__cause__ is not None:
        deepest = deepest.__cause__
    return " ".join(str(deepest).split()) or type(deepest).__name__


def _quieten() -> None:
    """Keep Dask's log off standard error; the results report what concerns the user."""
    dask.config.set({"distributed.logging.distributed": "critical"})
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
