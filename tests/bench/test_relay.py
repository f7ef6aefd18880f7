"""The relay of the distance: what a network does, seen from its two ends over real sockets."""

from __future__ import annotations

import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.distance.far import Relay, relaying
from bench.distance.pipe import LIMIT_BYTES

WAIT_S, DELAY_S = 20, 0.02
FAR, OTHER, REFUSING = "127.99.0.1", "127.99.0.2", "127.99.0.3"


@pytest.fixture(scope="module")
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listening:
        listening.settimeout(WAIT_S)
        yield listening


@pytest.fixture(scope="module")
def relay(server: socket.socket) -> Iterator[Relay]:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = closed.getsockname()
    with relaying({FAR: server.getsockname(), OTHER: server.getsockname(), REFUSING: nobody}, DELAY_S) as running:
        yield running


@contextmanager
def connected(relay: Relay, server: socket.socket) -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_connection((FAR, relay.port), WAIT_S) as client:
        host, _ = server.accept()
        host.settimeout(WAIT_S)
        with host:
            yield client, host


def read_all(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(65536), b""))


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def test_nothing_is_earlier_than_over_a_real_distance(relay: Relay, server: socket.socket) -> None:
    began = time.monotonic()
    with connected(relay, server) as (client, host):
        host.sendall(b"SSH-")  # as sshd does, at the end of the handshake
        assert client.recv(4) == b"SSH-"
        assert time.monotonic() - began >= 4 * DELAY_S
        began = time.monotonic()
        client.sendall(b"ping")
        host.sendall(host.recv(4))
        assert client.recv(4) == b"ping"
        assert time.monotonic() - began >= 2 * DELAY_S


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(up=st.lists(st.integers(1, 200_000), max_size=6), down=st.lists(st.integers(1, 200_000), max_size=6))
def test_both_directions_keep_their_bytes_and_their_order(
    relay: Relay, server: socket.socket, up: list[int], down: list[int]
) -> None:
    noise = random.Random(7)  # noqa: S311 - any bytes do
    there, back = ([noise.randbytes(size) for size in sizes] for sizes in (up, down))

    def send(sock: socket.socket, parts: list[bytes]) -> None:
        for part in parts:
            sock.sendall(part)
        sock.shutdown(socket.SHUT_WR)

    with connected(relay, server) as (client, host), ThreadPoolExecutor(4) as pool:
        sending = [pool.submit(send, client, there), pool.submit(send, host, back)]
        got = [pool.submit(read_all, sock) for sock in (host, client)]
        assert [done.result(WAIT_S) for done in got] == [b"".join(there), b"".join(back)]
        assert all(done.result(WAIT_S) is None for done in sending)


def test_a_direction_stays_open_after_the_other_was_closed(relay: Relay, server: socket.socket) -> None:
    with connected(relay, server) as (client, host):
        client.sendall(b"question")
        client.shutdown(socket.SHUT_WR)
        assert read_all(host) == b"question"
        host.sendall(b"answer")
        assert client.recv(6) == b"answer"
        host.close()
        assert read_all(client) == b""


@pytest.mark.parametrize("end", [0, 1])
def test_a_reset_is_passed_on(relay: Relay, server: socket.socket, end: int) -> None:
    with connected(relay, server) as ends:
        ends[end].sendall(b"x")
        assert ends[1 - end].recv(1) == b"x"
        reset(ends[end])
        with pytest.raises(ConnectionResetError):
            ends[1 - end].recv(1)


def test_a_host_that_refuses_the_connection_resets_it(relay: Relay) -> None:
    with socket.create_connection((REFUSING, relay.port), WAIT_S) as client, pytest.raises(ConnectionResetError):
        client.recv(1)


def test_a_client_that_left_before_the_host_was_connected_is_no_harm(relay: Relay, server: socket.socket) -> None:
    with socket.create_connection((OTHER, relay.port), WAIT_S) as early:
        early.sendall(b"gone")
    host, _ = server.accept()
    with host:
        host.settimeout(WAIT_S)
        assert read_all(host) == b"gone"


def test_a_receiver_that_does_not_read_stops_its_sender(relay: Relay, server: socket.socket) -> None:
    most = LIMIT_BYTES * 8
    with connected(relay, server) as (client, host):
        client.settimeout(1)
        sent = 0
        with suppress(TimeoutError):
            while sent < most:
                sent += client.send(bytes(1 << 16))
        assert LIMIT_BYTES <= sent < most
        client.shutdown(socket.SHUT_WR)
        assert len(read_all(host)) == sent


def test_hundreds_wait_beside_each_other_and_the_load_is_told(relay: Relay, server: socket.socket) -> None:
    count = 300
    relay.read_load()
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection((FAR, relay.port), WAIT_S)) for _ in range(count)]
        echoed = threading.Thread(target=echo, args=(server, count))
        echoed.start()
        for number, client in enumerate(clients):
            client.sendall(number.to_bytes(2, "big"))
        assert [int.from_bytes(client.recv(2), "big") for client in clients] == list(range(count))
        echoed.join(WAIT_S)
    load = relay.read_load()
    assert load.connections == count
    assert 0 < load.cpu_s < load.wall_s
    assert load.megabytes == count * 4 / 1e6
    assert load.late_s >= load.late_mean_s >= 0


def echo(server: socket.socket, count: int) -> None:
    for host in [server.accept()[0] for _ in range(count)]:
        with host:
            host.sendall(host.recv(2))
