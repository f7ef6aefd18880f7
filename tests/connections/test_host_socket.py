"""The socket to a ProxyCommand ends with the command, and the command with the socket."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from moor.connections.ssh.destination import Destination
from moor.connections.ssh.host_socket import HostSocket, open_indirect_socket


def start_proxy_command(line: str) -> HostSocket:
    sock = open_indirect_socket(Destination("node1", "node1", 22, proxy=line))
    assert sock
    return sock


def test_data_passes_through_the_command_which_ends_when_the_socket_is_closed() -> None:
    with start_proxy_command("sh -c 'echo $$; exec cat'") as sock:
        pid = int(sock.recv(100))
        sock.sendall(b"there and back")
        assert sock.recv(100) == b"there and back"
    assert not Path(f"/proc/{pid}").exists()
    assert sock.proxy_errors() == ""
    sock.close()


def test_the_errors_of_an_ended_command_are_read_although_its_child_holds_stderr_open() -> None:
    began = time.monotonic()
    sock = start_proxy_command("sh -c 'sleep 20 >&2 & echo no route >&2; echo $!'")
    child = int(sock.recv(100))
    assert sock.proxy_errors() == "no route"
    sock.close()
    assert sock.proxy_errors() == "no route"
    assert time.monotonic() - began < 10
    os.kill(child, signal.SIGKILL)  # it did live
