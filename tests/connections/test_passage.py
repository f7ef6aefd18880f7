"""A passage through a jump host, asked for at a socket where the test answers instead of ssh."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from moor.connections.ssh.destination import Destination
from moor.connections.ssh.passage import Passage


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[tuple[Passage, socket.socket]]:
    """Yield a passage that has been asked for, and the end of the connection at which its answer is awaited."""
    ours, theirs = socket.socketpair()
    passage = Passage(Destination("node1", "10.0.0.5", 22, "ops", jumps=(Destination("gate", "10.0.0.1", 22),)), theirs)
    path = str(tmp_path / "control")
    with socket.socket(socket.AF_UNIX) as listener, ours:
        listener.bind(path)
        listener.listen()
        passage.request(path)
        with listener.accept()[0] as ssh:
            yield passage, ssh
    passage.end()


def test_a_passage_that_ssh_gives_up_without_an_answer_was_not_refused(
    asked: tuple[Passage, socket.socket],
) -> None:
    """So ends one of which this side has closed its end, because it had waited long enough."""
    passage, ssh = asked
    ssh.close()
    assert passage.read_answer() is False
    assert not passage.is_refused
    assert passage.errors() == "gate: no answer from 10.0.0.5:22 in time"


def test_a_passage_that_has_ended_was_not_refused(asked: tuple[Passage, socket.socket]) -> None:
    passage, _ = asked
    passage.end()
    assert passage.read_answer() is False
    assert not passage.is_refused
    assert passage.errors() == "gate: no answer from 10.0.0.5:22 in time"
