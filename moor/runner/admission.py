"""The decision which host is asked next, and how many at once: found from what the hosts and this machine bear.

Nothing here contacts a host or reads a clock.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

NEVER = float("inf")
STEADY = 4  # after a refusal, a window is raised by one once it has been filled so many times with success
PAUSE_S, LONGEST_PAUSE_S = 0.25, 4.0  # before the second attempt, and at most before a further one
ALONE = 4  # refusals that do not come of our own other logins, after which a host is given up


@dataclass
class Window:
    """How many may be under way at once: it is raised with success, halved at a refusal, and raised slowly after that.

    Attributes:
        limit: how many may be under way now.
        most: the most that ``limit`` is raised to.
        busy: how many are under way.
        cuts: how often it was halved.
    """

    limit: int
    most: int
    busy: int = 0
    cuts: int = 0
    _successes: int = 0

    @property
    def room(self) -> int:
        """Return how many more may begin."""
        return max(0, self.limit - self.busy)

    def enter(self) -> int:
        """Begin one; return what ``refuse`` wants to know."""
        self.busy += 1
        return self.cuts

    def succeed(self) -> None:
        """Note a success, and raise the window if it is time for that."""
        self._successes += 1
        if not self.cuts or self._successes >= STEADY * self.limit:
            self.limit, self._successes = min(self.most, self.limit + 1), 0

    def refuse(self, entered: int) -> bool:
        """Note that one was refused, before it leaves; return whether it was under way alone.

        Those that were under way together are refused together, so that they halve the window once.

        Args:
            entered: what ``enter`` returned.
        """
        if entered == self.cuts:
            self.limit = max(1, min(self.limit, self.busy) // 2)
            self.cuts, self._successes = self.cuts + 1, 0
        return self.busy <= 1

    def leave(self) -> None:
        """End one."""
        self.busy -= 1


@dataclass(frozen=True)
class Login:
    """A login under way: its way's window, and what the windows' ``enter`` returned, the whole machine's first."""

    way: str
    window: Window | None
    whole: int
    entered: int


@dataclass
class Turn:
    """A host's turn.

    Attributes:
        way: what its logins share with those of other hosts, such as an address.
        alone: refusals while no other login was under way there.
        refused: all refusals.
        paused_s: the sum of the pauses.
        login: the login under way; None while there is none.
    """

    way: str
    alone: int = 0
    refused: int = 0
    paused_s: float = 0.0
    login: Login | None = None


@dataclass
class Admission:
    """The order in which hosts begin: first come, first served, as far as the windows have room.

    A host that is to begin is added, begins when ``next`` returns it, has logged in or is refused, and is done.

    Attributes:
        whole: the window of all hosts.
        new_way: makes the window of logins by one way.
        patience_s: how long the pauses of a host may be in all.
    """

    whole: Window
    new_way: Callable[[], Window]
    patience_s: float
    turns: dict[str, Turn] = field(default_factory=dict)
    _ways: dict[str, Window] = field(default_factory=dict)
    _ready: deque[str] = field(default_factory=deque)
    _blocked: dict[str, deque[str]] = field(default_factory=dict)  # hosts that wait for room, by way
    _paused: list[tuple[float, int, str]] = field(default_factory=list)
    _number: int = 0

    def add(self, name: str, way: str) -> None:
        """Add a host; an empty ``way`` has room for all."""
        self.turns[name] = Turn(way)
        self._ready.append(name)

    def next(self, now: float) -> str | None:
        """Return the host that begins now, None if none can."""
        while self._paused and self._paused[0][0] <= now:
            self._ready.append(heapq.heappop(self._paused)[2])
        while self._ready and self.whole.room:
            name = self._ready.popleft()
            if self._enter(name):
                self.whole.enter()
                return name
        return None

    def due(self) -> float:
        """Return the time from which ``next`` may return a host although none of those under way goes on."""
        return self._paused[0][0] if self._paused and self.whole.room else NEVER

    def goes_on(self, name: str, way: str) -> bool:
        """Give a host that logs in another way, such as the address that turned out to be behind its name.

        Returns:
            Whether it may go on; else ``next`` will return it again once there is room.
        """
        self._leave(name)
        self.turns[name].way = way
        if self._enter(name):
            return True
        self.whole.leave()
        return False

    def logged_in(self, name: str) -> None:
        """Note that a host has logged in; it stays under way."""
        if login := self.turns[name].login:
            self.whole.succeed()
            if login.window:
                login.window.succeed()
            self._leave(name)

    def refused(self, name: str, now: float) -> bool:
        """Note that a host refused the login; return whether it will be returned by ``next`` again, after a pause."""
        turn = self.turns[name]
        window = turn.login.window if turn.login else None
        turn.alone += window is None or turn.login is None or window.refuse(turn.login.entered)
        return self._again(name, now)

    def lacked(self, name: str, now: float) -> bool:
        """Note that this machine had no descriptor left for a host; return as ``refused``."""
        turn = self.turns[name]
        turn.alone += turn.login is None or self.whole.refuse(turn.login.whole)
        return self._again(name, now)

    def done(self, name: str) -> None:
        """Note that a host is under way no more."""
        self._leave(name)
        self.whole.leave()

    def _again(self, name: str, now: float) -> bool:
        """End the attempt, and plan another unless the host is to be given up."""
        turn = self.turns[name]
        pause_s = min(LONGEST_PAUSE_S, PAUSE_S * 2**turn.refused)
        turn.refused += 1
        turn.paused_s += pause_s
        if turn.alone >= ALONE or turn.paused_s > self.patience_s:
            return False
        self.done(name)
        self._number += 1
        heapq.heappush(self._paused, (now + pause_s, self._number, name))
        return True

    def _enter(self, name: str) -> bool:
        """Begin a login if its way has room, else have the host wait for that."""
        turn = self.turns[name]
        window = self._ways.setdefault(turn.way, self.new_way()) if turn.way else None
        if window and not window.room:
            self._blocked.setdefault(turn.way, deque()).append(name)
            return False
        turn.login = Login(turn.way, window, self.whole.cuts, window.enter() if window else 0)
        return True

    def _leave(self, name: str) -> None:
        """End a login, and let hosts that wait for its way be looked at again, before those that came later."""
        login, self.turns[name].login = self.turns[name].login, None
        if login and login.window:
            login.window.leave()
            waiting = self._blocked.get(login.way, ())
            first = [waiting.popleft() for _ in range(min(len(waiting), login.window.room))] if waiting else []
            self._ready.extendleft(reversed(first))
