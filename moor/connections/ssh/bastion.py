"""Jump hosts, each of which is logged in to once for all hosts behind it.

A thread for each jump host does what has to wait, so that nobody else needs to: whoever opens a connection has a socket
at once, which can be read when the way is open.
"""

from __future__ import annotations

import atexit
import os
import re
import select
import socket
import time
from collections import deque
from threading import Event, Lock, Thread
from weakref import WeakSet

from moor.connections.ssh.destination import Destination, words_through
from moor.connections.ssh.in_thread import Bell
from moor.connections.ssh.master import Master, is_kept_by_user
from moor.connections.ssh.passage import Passage

LINGER_S = 10.0  # how long a login is kept while nobody goes through: a run may have further hosts
PAUSES_S = (0.5, 1.0, 2.0)  # before another attempt, if the jump host has too many logins at once
BUSY = re.compile(r"kex_exchange_identification: .*(closed|reset)", re.IGNORECASE)  # sshd's MaxStartups
FAILED_S = 2.0  # how long a failed login counts for further hosts too
JOIN_S = 3.0
# Source: openssh-portable, channels.c, channel_input_open_failure
NOT_OPENED = re.compile(r"channel \d+: open failed: ([^\r\n]*)")


class LoginFailed(Exception):
    """A jump host is not logged in to, for the reason that the words give."""


class Bastion:
    """A jump host, the login there, and those who need it: connections, and jump hosts behind it.

    Attributes:
        is_decided: the login has succeeded or failed.
    """

    def __init__(self, jump: Destination) -> None:
        self.jump, self.is_decided = jump, Event()
        self._bell, self._lock = Bell(), Lock()
        self._new: deque[Passage] = deque()
        self._guests: WeakSet[Passage | Bastion] = WeakSet()
        self._master: Master | None = None  # None also if the user keeps a login
        self._before: Bastion | None = None  # the jump host on the way to this one
        self._failure, self._failed_at = "", 0.0
        self._is_over = self._is_ending = False
        self._asked: dict[int, Passage] = {}  # by the descriptor on which the answer comes
        self._poll = select.poll()
        self._poll.register(self._bell.descriptor, select.POLLIN)
        self.thread = Thread(target=self._keep, name=f"moor-jump-{jump.called}", daemon=True)

    def admit(self, guest: Passage | Bastion) -> bool:
        """Let somebody through as soon as the login allows it; return False if the login is over."""
        with self._lock:
            if self._is_over and time.monotonic() > self._failed_at + FAILED_S:
                return False
            if isinstance(guest, Passage):
                guest.keeper = self
            if self._is_over and isinstance(guest, Passage):
                guest.fail(self._failure)
            elif not self._is_over:
                self._guests.add(guest)
                if isinstance(guest, Passage):
                    self._new.append(guest)
                self._bell.ring()
            return True

    def forget(self, guest: Passage | Bastion) -> None:
        """Note that somebody needs the login no more."""
        with self._lock:
            self._guests.discard(guest)
        self._bell.ring()

    def explain_loss(self) -> str:
        """Return why the login, or the attempt, came to its end; empty while it is there."""
        if not self._failure and self._master and self._master.is_gone():
            return f"{self.jump.called}: the connection to it was lost"
        return self._failure

    def way_to(self, jump: Destination) -> str:
        """Return the ProxyCommand that goes through this one's login to another jump host."""
        if self._master is None:
            return jump.proxy
        options = (f"ControlPath={self._master.path}", "ControlMaster=no")
        return words_through(self.jump, jump.hostname, jump.port, *options)

    def end(self) -> None:
        """Have the login ended, whoever needs it."""
        self._is_ending = True
        self._bell.ring()

    def _keep(self) -> None:
        try:
            self._log_in()
            self.is_decided.set()
            self._tell_bastions()
            self._serve()
        except LoginFailed as error:
            self._finish(str(error), time.monotonic())
        except OSError as error:
            self._finish(f"{self.jump.called}: {error.strerror or error}", time.monotonic())

    def _log_in(self) -> None:
        proxy = self._way()
        if is_kept_by_user(self.jump):
            return
        for pause in (*PAUSES_S, 0.0):
            self._master = master = Master(self.jump, proxy)
            while not self._wait(1.0, master.descriptor):
                pass
            if master.is_logged_in():
                self._poll.register(master.hold(), select.POLLIN)
                return
            words = master.new_words() or f"{self.jump.called}: ssh ended without a word"
            if not pause or not BUSY.search(words):
                raise LoginFailed((self._before and self._before.explain_loss()) or words)
            master.end()
            until = time.monotonic() + pause
            while time.monotonic() < until:
                self._wait(until - time.monotonic())

    def _way(self) -> str:
        """Return the ProxyCommand to this jump host; wait for the login at the one before it."""
        if not self.jump.jumps:
            return self.jump.proxy
        before = self._before = admit(self.jump.jumps[-1], self)
        while not before.is_decided.is_set():
            self._wait(1.0)
        if failure := before.explain_loss():
            raise LoginFailed(failure)
        return before.way_to(self.jump)

    def _wait(self, seconds: float, descriptor: int = -1) -> bool:
        """Wait for a descriptor, and return whether it is ready; raise LoginFailed if nobody needs the login."""
        poll = select.poll()
        for number in (self._bell.descriptor, *([descriptor] if descriptor >= 0 else [])):
            poll.register(number, select.POLLIN)
        ready = [number for number, _ in poll.poll(seconds * 1000)]
        if self._bell.descriptor in ready:
            os.eventfd_read(self._bell.descriptor)
        if self._is_ending or not self._guests:
            raise LoginFailed(f"{self.jump.called}: the login there was given up")
        return descriptor in ready

    def _tell_bastions(self) -> None:
        for guest in list(self._guests):
            if isinstance(guest, Bastion):
                guest._bell.ring()

    def _finish(self, words: str, failed_at: float = 0.0) -> None:
        with self._lock:
            self._failure, self._failed_at, self._is_over = words, failed_at, True
            guests = list(self._guests)
            self._bell.close()
        for guest in guests:
            if isinstance(guest, Passage):
                guest.fail(words)
        self.is_decided.set()
        self._tell_bastions()
        if self._master:
            self._master.end()
        if self._before:
            self._before.forget(self)

    def _serve(self) -> None:
        """Open passages until the login is lost, or has not been needed for a while."""
        while not self._is_ending:
            while self._new:
                self._begin(self._new.popleft())
            ready = {number for number, _ in self._poll.poll(LINGER_S * 1000)}
            if self._bell.descriptor in ready:
                os.eventfd_read(self._bell.descriptor)
            elif not ready and self._end_if_unused():
                return
            self._take_answers([number for number in ready if number in self._asked])
            if self._master and self._master.is_gone():
                self._finish(self._describe_loss())
                return
        self._finish(f"{self.jump.called}: the login there was ended")

    def _begin(self, passage: Passage) -> None:
        if self._master is None:
            passage.run_command()
            return
        try:
            descriptor = passage.request(self._master.path)
        except OSError as error:
            passage.fail(f"{self.jump.called}: {error.strerror or error}")
            return
        if descriptor is not None:
            self._asked[descriptor] = passage
            self._poll.register(descriptor, select.POLLIN)

    def _take_answers(self, descriptors: list[int]) -> None:
        refused = []
        for descriptor in descriptors:
            is_open = self._asked[descriptor].read_answer()
            if is_open is None:
                continue
            self._poll.unregister(descriptor)
            passage = self._asked.pop(descriptor)
            if passage.is_refused:
                refused.append(passage)
        if refused and self._master:
            # ssh logs the causes before it answers, but not whose they are
            causes = NOT_OPENED.findall(self._master.new_words())[-len(refused) :]
            words = " or ".join(dict.fromkeys(causes)) or "it gives no reason"
            for passage in refused:
                passage.fail(f"{self.jump.called} opens no connection to {passage.place}: {words}")

    def _end_if_unused(self) -> bool:
        with self._lock:
            self._is_over = not self._guests
        if self._is_over:
            self._finish("")
        return self._is_over

    def _describe_loss(self) -> str:
        lines = self._master.new_words().splitlines() if self._master else []
        causes = [line.strip() for line in lines if not NOT_OPENED.search(line)]
        return f"{self.jump.called}: the connection to it was lost{f' ({causes[-1]})' if causes else ''}"


_BASTIONS: dict[Destination, Bastion] = {}
_LOCK = Lock()


def open_passage(destination: Destination, theirs: socket.socket) -> Passage:
    """Have a connection carried to a host behind jump hosts; return at once.

    Args:
        theirs: one end of a socket pair, at whose other end the host will be read.
    """
    passage = Passage(destination, theirs)
    admit(destination.jumps[-1], passage)
    return passage


def admit(jump: Destination, guest: Passage | Bastion) -> Bastion:
    """Let somebody through a jump host, by the login that there is, or else by a new one."""
    with _LOCK:
        bastion = _BASTIONS.get(jump)
        if bastion is None or not bastion.admit(guest):
            bastion = _BASTIONS[jump] = Bastion(jump)
            bastion.admit(guest)
            bastion.thread.start()
        return bastion


@atexit.register
def end_all() -> None:
    """End the logins at all jump hosts; without it they would end some seconds after this process."""
    bastions = list(_BASTIONS.values())
    for bastion in bastions:
        bastion.end()
    for bastion in bastions:
        bastion.thread.join(JOIN_S)
