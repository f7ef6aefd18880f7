"""Commands on a site whose cluster answers oddly and whose hosts are unreachable: no internal error, no traceback."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from moor.cli import main
from moor.settings.modules import SHIPPED, load_tasks
from tests.connections.kubeconfigs import Answering, Issuer, answering, encoded, kubeconfig
from tests.harness.closed import HOSTS, Site

DEPLOYMENT = {"kind": "Deployment", "apiVersion": "apps/v1"}
META = {"name": "sqrt", "namespace": "demo", "uid": "u1", "resourceVersion": "1"}
JSON, HTML = "application/json", "text/html"


def tree(code: int, content: object) -> tuple[int, str, bytes]:
    return code, JSON, json.dumps(content).encode()


def items(*entries: object) -> tuple[int, str, bytes]:
    return tree(200, {"kind": "List", "apiVersion": "v1", "metadata": {}, "items": list(entries)})


ODD = {
    "an object without metadata": tree(200, DEPLOYMENT),
    "an object whose metadata are null": tree(200, {**DEPLOYMENT, "metadata": None, "spec": None, "status": None}),
    "an object with metadata alone": tree(200, {**DEPLOYMENT, "metadata": META}),
    "an object of other types": tree(200, {**DEPLOYMENT, "metadata": META, "spec": [], "status": "x", "data": 7}),
    "a template of nulls": tree(200, {**DEPLOYMENT, "metadata": META, "spec": {"template": None, "selector": None}}),
    "a list of objects without metadata": items(DEPLOYMENT, {}),
    "a list of nulls": items(None, 7, "x", []),
    "nodes and pods without fields": items({"metadata": {"name": "a"}}, {"metadata": {"name": 5}, "status": []}),
    "pods of other types": items({"metadata": META, "spec": {"containers": None}, "status": {"conditions": "x"}}),
    "pods with odd containers": items(
        {"metadata": META, "spec": {"nodeName": 7, "containers": ["x"]}, "status": {"containerStatuses": [None, 3]}}
    ),
    "a page with 200": (200, HTML, b"<html><title>Login</title></html>"),
    "JSON of another service": tree(200, {"message": "hello"}),
    "a refusal of another service": tree(500, {"error": ["x"]}),
    "JSON that is cut off": (200, JSON, b'{"kind": "Deployment", "metadata": {"na'),
    "nothing": (200, JSON, b""),
}  # fmt: skip
COMMANDS = ("diagnose", "hosts")  # the commands that read most of a cluster


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Answering]]:
    """Yield the kubeconfig of a server that answers every request alike, and the server."""
    folder, issuer = tmp_path_factory.mktemp("odd"), Issuer()
    with answering(issuer.pair(["127.0.0.1"]), folder) as served:
        cluster = {"server": served.url, "certificate-authority-data": encoded(issuer.authority)}
        yield kubeconfig(folder / "kubeconfig", cluster, {"token": "t"}), served


@pytest.mark.parametrize("answer", ODD.values(), ids=list(ODD))
@pytest.mark.parametrize("command", COMMANDS)
def test_no_answer_of_a_cluster_ends_a_command_with_an_internal_error(
    odd: tuple[Path, Answering],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    answer: tuple[int, str, bytes],
) -> None:
    site = Site(tmp_path / "site").build()
    for port in site.doors.values():
        port.close()  # connections are refused at once
    hosts = site.folder / HOSTS
    hosts.write_text(re.sub(r"(cp1: .*port: )\d+", r"\g<1>1", hosts.read_text()))
    site.write("lab/kubeconfig", odd[0].read_text())
    served = odd[1]
    served.answer = lambda _: answer
    served.asked.clear()
    try:
        with pytest.raises(SystemExit) as ended:
            main([*command.split(), "--site", str(site.folder)])
    finally:
        load_tasks(SHIPPED)
    assert served.asked  # or the command ended before it came to the cluster
    assert ended.value.code in (0, 1, 2)
    printed = "".join(capsys.readouterr())
    assert "internal error" not in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize("command", ["check", "drift"])
def test_the_cluster_is_examined_although_the_host_of_its_control_plane_is_not_reached(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    site = Site(tmp_path / "site").build()
    for port in site.doors.values():
        port.close()
    try:
        with pytest.raises(SystemExit) as ended:
            main([command, "--site", str(site.folder)])
    finally:
        load_tasks(SHIPPED)
    assert ended.value.code == 1
    printed = capsys.readouterr().out
    assert "https://127.0.0.1:9" in printed  # the cluster's API, at which nobody listens
    assert "cp1" in printed
