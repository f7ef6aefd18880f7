"""What is read together in one round trip: the script, and the states that its outputs mean.

Hosts that hold the same resources share one Reading, so that the script is made once, and an output that several hosts
gave is parsed once.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from functools import cached_property

from moor.engine.files_together import known_before, numbered_files, read_together
from moor.engine.script import new_mark, probe_script
from moor.resources.base import Probed, State

ROOM_BYTES = 4 * 1024 * 1024  # of outputs that are remembered
VARIETY = 64  # more different outputs or states of one resource than this are not worth remembering


class Reading(tuple[Probed, ...]):
    """Resources that are read together, in their order."""

    @cached_property
    def _template(self) -> tuple[str, list[str]]:
        """Return a mark of our own, and the script for it, split where fragments differ each time."""
        own_mark = new_mark()  # with the script in one value, since two threads may each compute it at the same time
        blank, numbered = f"{own_mark} differs", numbered_files(self)
        fragments = [blank if resource.varies else resource.probe() for resource in self]
        for place, number in numbered.items():
            fragments[place] = known_before(fragments[place], number)
        return own_mark, probe_script(fragments, own_mark, read_together(self, numbered)).split(blank)

    def script(self, mark: str) -> str:
        """Return the script that reads the resources now; ``mark`` separates the outputs."""
        own_mark, (first, *rest) = self._template
        varying = (resource.probe() for resource in self if resource.varies)
        text = first + "".join(f"{fragment}{part}" for fragment, part in zip(varying, rest, strict=True))
        return text.replace(own_mark, mark)

    @cached_property
    def _meanings(self) -> list[Meanings]:
        room = Room(ROOM_BYTES)
        return [Meanings(resource, room) for resource in self]

    def states(self, outputs: Iterator[bytes]) -> dict[str, State | None]:
        """Return the states by id; what one resource's output means is raised as its ``actual`` raises it.

        Args:
            outputs: of each resource's probe, in order.
        """
        return {meaning.id: meaning.of(output) for meaning, output in zip(self._meanings, outputs, strict=True)}


class Room:
    """The bytes that are left for outputs to remember."""

    def __init__(self, left: int) -> None:
        self._left = left

    def take(self, count: int) -> bool:
        """Take some bytes; return whether there were so many."""
        if count > self._left:
            return False
        self._left -= count
        return True


class Meanings:
    """The states that the outputs of one resource's probe have meant."""

    def __init__(self, resource: Probed, room: Room) -> None:
        self.id = resource.id
        self._resource, self._room = resource, room
        self._by_output: dict[bytes, State | None] = {}
        self._by_content: dict[tuple[tuple[str, object], ...], State] = {}

    def of(self, output: bytes) -> State | None:
        """Return the state that an output means; equal states are one object."""
        if output in self._by_output:
            return self._by_output[output]
        state = self._shared(intern_texts(self._resource.actual(output.decode("utf-8", "surrogateescape"))))
        if not self._resource.varies and len(self._by_output) < VARIETY and self._room.take(len(output)):
            self._by_output[output] = state
        return state

    def _shared(self, state: State | None) -> State | None:
        if state is None:
            return None
        content = tuple(state.items())
        if content in self._by_content or len(self._by_content) >= VARIETY:
            return self._by_content.get(content, state)
        self._by_content[content] = state
        return state


def intern_texts(state: Mapping[str, object] | None) -> State | None:
    """Return the state with its texts interned, since most hosts hold the same files."""
    if state is None:
        return None
    return {name: sys.intern(value) if type(value) is str else value for name, value in state.items()}  # type: ignore[misc]
