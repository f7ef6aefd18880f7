"""A Dask scheduler and its workers, as a controller sees them."""

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

CONNECT_S = 10  # how long a scheduler may take to answer
JOIN_S = 120  # how long workers may take to open the site
CLOSE_S = 10  # how long workers may take to close what they hold
LOOK_S = 0.5  # how often the list of workers is read
TICK_S = 0.1
Event = list[Any]


@dataclass
class WorkerLease:
    """A worker that opens the site, or has: its session lives there as long as this does.

    Attributes:
        token: of the session, once it is there
        trouble: why the worker is not fit
    """

    session: Future[WorkerSession | str]
    introduction: Future[tuple[str, str]]
    token: str = ""
    trouble: str = ""

    @property
    def pending(self) -> bool:
        return not self.token and not self.trouble

    def look(self) -> None:
        """Take the worker's answer, if it is there by now."""
        if self.pending and self.introduction.done():
            failed = self.introduction.status != "finished"
            self.token, self.trouble = ("", "it did not open the site; see its log") if failed else _given(self)


def _given(lease: WorkerLease) -> tuple[str, str]:
    answer: tuple[str, str] = lease.introduction.result(timeout=CONNECT_S)
    return answer


class DaskCluster:
    """A connected scheduler; ``fit`` are the workers that have opened the site."""

    def __init__(self, options: DaskOptions, site: SiteSettings, dry_run: bool) -> None:
        self.address, self._site, self._dry_run = options.scheduler, site, dry_run
        self._client = connect(options)
        self._leases: dict[str, WorkerLease] = {}
        self._joining = ExitStack()
        self._likeness: WorkerRequirements | None = None  # while workers join
        self._heard: SimpleQueue[Event] = SimpleQueue()
        self._looked = 0.0
        # The scheduler forgets a topic of a client's own name with the client, however that ends.
        self.topic: str = self._client.id
        self._client.subscribe_topic(self.topic, lambda event: self._heard.put(event[1]))

    def open(self) -> None:
        """Have every worker open the site; raises MoorError where one cannot, or there is none."""
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
        """Return the workers that may be given hosts, by address, with the tokens of their sessions."""
        return {address: lease.token for address, lease in self._leases.items() if lease.token}

    @property
    def lost(self) -> bool:
        """Return whether the scheduler is gone for good."""
        return self._client.status in ("closing", "closed")

    def look(self) -> None:
        """Take note of workers that came, went or answered."""
        if time.monotonic() - self._looked >= LOOK_S and self._client.status == "running":
            self._looked = time.monotonic()
            self._compare(self._present())
        for lease in self._leases.values():
            lease.look()
        if not any(lease.pending for lease in self._leases.values()):
            self._joining.close()
            self._likeness = None

    def _present(self) -> set[str]:
        with suppress(OSError):  # the scheduler has just gone, which `lost` tells soon
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
        """Have a worker join anew: it is not the one that it was."""
        self._leases.pop(address, None)

    def order(self, address: str, function: Callable[..., bool], raw: bytes) -> Future[bool]:
        """Have a worker's session carry out an order."""
        return self.submit(address, function, self._leases[address].session, raw)

    def leave_to(self, address: str, function: Callable[..., None], names: tuple[str, ...]) -> None:
        """Have a worker's session do something that nobody waits for."""
        fire_and_forget(self.submit(address, function, self._leases[address].session, names))

    def submit(self, address: str, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Have a function run on one worker and no other."""
        return self._client.submit(function, *args, workers=[address], allow_other_workers=False, pure=False, retries=0)

    def heard(self) -> Iterator[Event]:
        """Yield what workers have told since, after waiting a little for the first."""
        with suppress(Empty):
            yield self._heard.get(timeout=TICK_S)
            while True:
                yield self._heard.get_nowait()

    def ask(self, function: Callable[[str], Any], bound_s: float) -> dict[str, Any]:
        """Call a function on the event loop of each fit worker, with its session's token.

        Returns what they said within the bound, by their addresses. It does not wait for orders that are under way.
        """
        said: dict[str, Any] = {}

        def ask_one(address: str, token: str) -> None:
            with suppress(Exception):  # it is gone, or busy: what it would have said is not known
                said.update(self._client.run(function, token, workers=[address]))

        asking = [Thread(target=ask_one, args=pair, daemon=True) for pair in self.fit.items()]
        for thread in asking:
            thread.start()
        deadline = time.monotonic() + bound_s
        for thread in asking:
            thread.join(max(0.0, deadline - time.monotonic()))
        return dict(said)

    def close(self) -> None:
        """Have the workers close what they hold, and leave the scheduler."""
        self._joining.close()
        if self._client.status == "running":
            self._end_sessions()
        self._leases.clear()
        self._client.close(timeout=CONNECT_S)

    def _end_sessions(self) -> None:
        present, deadline = self._present(), time.monotonic() + CLOSE_S
        leases = {name: lease for name, lease in self._leases.items() if lease.token and name in present}
        for ending in [self.submit(name, end_session, lease.session) for name, lease in leases.items()]:
            with suppress(Exception):  # a session that is not ended now is once nobody wants it any more
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
    """Keep Dask's own words off standard error: what concerns a user is told by results."""
    dask.config.set({"distributed.logging.distributed": "critical"})
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
