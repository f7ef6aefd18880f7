"""The demo's web service."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from moor_lab.demo import BASE_REFERENCE, CONTEXT
from moor_lab.demo.context.app import answer


@pytest.mark.parametrize(
    ("text", "root"), [("2", 1.4142135623730951), ("9", 3.0), ("0", 0.0), ("0.25", 0.5), ("1e4", 100.0)]
)
def test_a_number_has_its_square_root(text: str, root: float) -> None:
    assert answer(f"/sqrt/{text}", {}) == (200, {"number": float(text), "sqrt": root})


@pytest.mark.parametrize("text", ["-1", "two", "", "nan", "inf", "1/2"])
def test_what_has_no_square_root_is_refused_with_a_reason(text: str) -> None:
    status, body = answer(f"/sqrt/{text}", {})
    assert status == 400
    assert text in str(body["error"])


def test_the_service_says_where_it_runs() -> None:
    status, body = answer("/", {"POD_NAME": "sqrt-1", "NODE_NAME": "node1"})
    assert (status, body["pod"], body["node"]) == (200, "sqrt-1", "node1")


def test_an_unknown_path_is_not_found() -> None:
    assert answer("/favicon.ico", {})[0] == 404


def test_the_dockerfile_starts_from_the_base_image() -> None:
    assert (CONTEXT / "Dockerfile").read_text().startswith(f"FROM {BASE_REFERENCE}\n")


@pytest.fixture
def running() -> Iterator[tuple[subprocess.Popen[str], str]]:
    argv = [sys.executable, str(CONTEXT / "app.py")]
    environment = os.environ | {"PORT": "0"}
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    assert process.stdout
    port = re.search(r"\d+", process.stdout.readline())
    assert port
    yield process, f"http://127.0.0.1:{port[0]}"
    process.kill()
    process.wait()
    process.stdout.close()


def test_it_answers_over_http_and_ends_when_it_is_told_to(running: tuple[subprocess.Popen[str], str]) -> None:
    process, url = running
    reply = httpx.get(f"{url}/sqrt/2?x=1")
    assert reply.headers["content-type"] == "application/json"
    assert json.loads(reply.text)["sqrt"] == 1.4142135623730951
    assert httpx.get(f"{url}/healthz").json() == {"status": "ok"}
    process.terminate()
    assert process.wait(5) == 0
