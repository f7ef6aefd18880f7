"""The node agent waits for events instead of polling, and keeps its connection."""

from __future__ import annotations

import math
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc  # type: ignore[import-untyped]
import pytest

from moor_lab.kubernetes.standin import kinds
from moor_lab.kubernetes.standin.agent import containerd
from moor_lab.kubernetes.standin.agent.client import Client, Failure
from moor_lab.kubernetes.standin.agent.waiting import Bell, ProcessEnd
from tests.kubernetes.served import Api


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    served = Api(tmp_path)
    yield served
    served.close()


@pytest.fixture
def client(api: Api) -> Iterator[Client]:
    opened = Client(api.access.server, api.access.admin_token, api.directory / "kept/ca.crt")
    yield opened
    opened.close()


def waited_s(bell: Bell, processes: list[int], longest_s: float) -> float:
    began = time.monotonic()
    bell.wait(processes, longest_s)
    return time.monotonic() - began


def test_the_end_of_a_process_ends_the_wait() -> None:
    with subprocess.Popen(["sleep", "0.2"]) as process:
        assert 0.1 < waited_s(Bell(), [process.pid], math.inf) < 10


def test_a_process_that_is_over_is_not_waited_for() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    assert waited_s(Bell(), [process.pid], math.inf) < 5
    assert ProcessEnd(process.pid).wait(0)


def test_a_ring_ends_one_wait_and_no_second() -> None:
    bell = Bell()
    threading.Timer(0.1, bell.ring).start()
    assert waited_s(bell, [], math.inf) < 10
    assert waited_s(bell, [], 0.2) >= 0.2


def test_requests_share_one_connection(api: Api, client: Client) -> None:
    for name in ("a", "b", "c"):
        client.create(kinds.NAMESPACE, "", {"metadata": {"name": name}})
    with pytest.raises(Failure):
        client.get(kinds.NAMESPACE, "", "d")
    assert len(api.connections) == 1


def test_a_connection_that_the_server_closed_is_opened_anew(api: Api, client: Client) -> None:
    client.create(kinds.NAMESPACE, "", {"metadata": {"name": "a"}})
    with api.down():
        pass
    assert client.get(kinds.NAMESPACE, "", "a")["metadata"]["name"] == "a"


def test_who_takes_connections_and_says_nothing_is_not_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(containerd, "ANSWER_S", 0.1)
    address = tmp_path / "containerd.sock"
    assert not containerd.is_up(address)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(address))
        silent.listen()
        assert not containerd.is_up(address)


def test_who_speaks_grpc_is_up(tmp_path: Path) -> None:
    address = tmp_path / "containerd.sock"
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_insecure_port(f"unix://{address}")
    server.start()
    assert containerd.is_up(address)
    server.stop(None).wait()
    assert not containerd.is_up(address)
