"""One loop in one thread that takes the steps of many jobs, such as the logins of hundreds of hosts.

Every job that can go on gets one step in each turn, so that a job whose descriptor is always ready delays no other. How
much a step does is bounded by the steps themselves.
"""

from __future__ import annotations

import heapq
import select
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Generic, TypeVar

from moor.connections.ssh.steps import NOTHING, Steps, Wait

Found = TypeVar("Found")
NEVER = float("inf")
EVENTS = 1024  # the most that one turn handles
STARTED = (
    16  # the most jobs that ``Loop.run`` lets begin in one turn, since a first step may cost as much as many others
)
# With so many jobs, a turn begins at most every ``PACE_S``: what arrives in several packets is then read at once, and
# one look at the sockets serves many hosts. A step waits 5 ms more on average, while the other hosts have theirs.
MANY, PACE_S = 16, 0.01


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Found]):
    """How a job ended: with a value, or with an exception."""

    value: Found | None = None
    error: Exception | None = None

    def take(self) -> Found:
        """Return the value; raise the exception instead if there is one."""
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]  # None only where Found allows it


Ended = Callable[[Outcome[Any]], None]
Admit = Callable[[float], float]


class Job:
    """A job in the loop: its steps, and what they wait for.

    Attributes:
        queued: the time of the job's entry in the heap of deadlines; a later deadline needs no further entry.
    """

    __slots__ = ("ended", "queued", "steps", "wait")

    def __init__(self, steps: Steps[Any], ended: Ended) -> None:
        self.steps, self.ended, self.queued = steps, ended, NEVER
        self.wait: Wait | None = None


class Loop:
    """A loop over epoll; it is used by one thread, and closed at its end."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._jobs: set[Job] = set()
        self._by_descriptor: dict[int, Job] = {}  # of the jobs that wait for an event
        self._deadlines: list[tuple[float, int, Job]] = []
        self._numbers = count()
        self._turned = 0.0  # the time at which the latest turn began

    def __enter__(self) -> Loop:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self._jobs)

    def close(self) -> None:
        """End every job where it is, without calling what is to be called at its end."""
        for job in list(self._jobs):
            job.steps.close()
        self._jobs.clear()
        self._by_descriptor.clear()
        self._deadlines.clear()
        self._epoll.close()

    def start(self, steps: Steps[Any], ended: Ended) -> None:
        """Take the first step of a job; ``ended`` is called at its end, which may be at once.

        Args:
            steps: the job.
            ended: is called with the outcome, and may start further jobs.
        """
        job = Job(steps, ended)
        self._jobs.add(job)
        self._go_on(job, None)

    def run(self, admit: Admit = lambda now: NEVER) -> None:
        """Take steps until no job is left.

        Args:
            admit: is called before each wait with the time of ``time.monotonic``. It may start a job, and returns when
                to call it again even if no job goes on by then: at once if it is to start another, ``NEVER`` if only
                the end of a job could let another begin.
        """
        while True:
            again = self._admit(admit)
            if not self._jobs and again == NEVER:
                return
            self.turn(again)

    def turn(self, until: float = NEVER) -> None:
        """Wait until a job can go on, or for ``until``; then take one step of every job that can."""
        self._keep_pace()
        for descriptor, events in self._epoll.poll(self._timeout(until), EVENTS):
            if job := self._by_descriptor.get(descriptor):
                self._go_on(job, events)
        now = time.monotonic()
        for job in list(self._overdue(now)):
            self._go_on(job, 0)

    def _keep_pace(self) -> None:
        """Wait for the time of the next turn if there are many jobs."""
        now = time.monotonic()
        if len(self._jobs) >= MANY and (early_s := self._turned + PACE_S - now) > 0:
            time.sleep(early_s)
            now += early_s
        self._turned = now

    @staticmethod
    def _admit(admit: Admit) -> float:
        """Let some jobs begin; return when to ask again."""
        for _ in range(STARTED):
            now = time.monotonic()
            again = admit(now)
            if again > now:
                return again
        return 0.0

    def _timeout(self, until: float) -> float | None:
        first = self._deadlines[0][0] if self._deadlines else NEVER
        end = min(first, until)
        # epoll rounds up to milliseconds, so that a deadline is over when it wakes
        return None if end == NEVER else max(0.0, end - time.monotonic())

    def _overdue(self, now: float) -> Iterator[Job]:
        """Yield each job whose time is over; those whose deadline has moved since get a new entry in the heap."""
        while self._deadlines and self._deadlines[0][0] <= now:
            queued, _, job = heapq.heappop(self._deadlines)
            if job.wait is None or queued != job.queued:
                continue  # it has ended, or has another entry
            job.queued = NEVER
            if job.wait.until <= now:
                yield job
            else:
                self._queue(job, job.wait.until)

    def _queue(self, job: Job, until: float) -> None:
        if until < job.queued:
            job.queued = until
            heapq.heappush(self._deadlines, (until, next(self._numbers), job))

    def _go_on(self, job: Job, events: int | None) -> None:
        """Take one step of a job; ``events`` is None for its first."""
        if job.wait is not None:
            self._by_descriptor.pop(job.wait.descriptor, None)
        try:
            wait = next(job.steps) if events is None else job.steps.send(events)
            self._await(job, wait)
        except StopIteration as end:
            self._end(job, Outcome(end.value))
        except Exception as error:  # whatever a job raises is its own outcome
            job.steps.close()
            self._end(job, Outcome(error=error))

    def _await(self, job: Job, wait: Wait) -> None:
        job.wait = wait
        if wait.descriptor != NOTHING:
            self._arm(wait.descriptor, wait.events)
            self._by_descriptor[wait.descriptor] = job
        self._queue(job, wait.until)

    def _arm(self, descriptor: int, events: int) -> None:
        """Have epoll report one event of a descriptor.

        A registration counts for one event and is renewed at each wait, which costs a microsecond. One that stayed
        would be lost unnoticed when a job closes its socket and opens another, since that gets the same number.
        """
        once = events | select.EPOLLONESHOT
        try:
            self._epoll.modify(descriptor, once)
        except FileNotFoundError:
            self._epoll.register(descriptor, once)

    def _end(self, job: Job, outcome: Outcome[Any]) -> None:
        job.wait = None
        self._jobs.discard(job)
        job.ended(outcome)
