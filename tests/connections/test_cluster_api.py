"""Requests follow the kubeconfig, and every answer becomes an object or an error of one sentence."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moor.connections.apis.cluster.answers import judge_answer
from moor.connections.apis.kubernetes import calling_api, client_of, is_missing, untyped_class
from moor.errors import HostError
from moor.secrets.masking import mask
from tests.connections.kubeconfigs import NODES, Answering, Issuer, Pair, answering, encoded, kubeconfig, plugin

ISSUER = Issuer()
V1 = "client.authentication.k8s.io/v1"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Answering]:
    with answering(ISSUER.pair(["127.0.0.1"]), tmp_path, ISSUER.authority) as server:
        yield server


def written(served: Answering, place: Path, user: dict[str, Any], **cluster: Any) -> Path:
    known = {"server": served.url, "certificate-authority-data": encoded(ISSUER.authority), **cluster}
    return kubeconfig(place / "home/kubeconfig", known, user)


def asked(path: Path, kind: str = "Node") -> list[Any]:
    """List objects by moor's client."""
    with closing(client_of(path, "", 3)) as client, calling_api("list it"):
        place: dict[str, Any] = {} if kind == "Node" else {"namespace": "demo"}
        return [found.to_dict() for found in client.list(untyped_class("v1", kind), **place)]


def refusal(path: Path) -> str:
    with pytest.raises(HostError) as refused:
        asked(path)
    return str(refused.value)


def test_requests_impersonate_the_user_that_the_kubeconfig_names(served: Answering, tmp_path: Path) -> None:
    user = {
        "token": "t",
        "as": "ops",
        "as-uid": "7",
        "as-groups": ["a", "ü"],
        "as-user-extra": {"Scopes/x": ["1", "2"]},
    }
    asked(written(served, tmp_path, user))
    sent = [(name.lower(), value) for name, value in served.headers if name.lower().startswith("impersonate")]
    assert sent == [
        ("impersonate-user", "ops"),
        ("impersonate-uid", "7"),
        ("impersonate-group", "a"),
        ("impersonate-group", "ü".encode().decode("latin-1")),
        ("impersonate-extra-scopes%2fx", "1"),
        ("impersonate-extra-scopes%2fx", "2"),
    ]
    assert served.header("Authorization") == "Bearer t"


def test_a_password_is_sent_and_compression_can_be_disabled(served: Answering, tmp_path: Path) -> None:
    asked(written(served, tmp_path, {"username": "u", "password": "p"}, **{"disable-compression": True}))
    assert served.header("Authorization") == f"Basic {base64.b64encode(b'u:p').decode()}"
    assert served.header("Accept-Encoding") == "identity"


def test_a_path_before_the_api_is_kept(served: Answering, tmp_path: Path) -> None:
    asked(written(served, tmp_path, {"token": "t"}, server=f"{served.url}/k8s/clusters/c-m-x"))
    assert served.asked[-1][0].startswith("/k8s/clusters/c-m-x/api/v1/nodes")


def test_the_certificate_is_for_the_name_that_the_kubeconfig_gives(tmp_path: Path) -> None:
    with answering(ISSUER.pair(["kubernetes.moor.test"]), tmp_path) as served:
        plainly = written(served, tmp_path, {"token": "t"})
        assert "its certificate is not trusted" in refusal(plainly)
        assert "tls-server-name" in refusal(plainly)
        asked(written(served, tmp_path, {"token": "t"}, **{"tls-server-name": "kubernetes.moor.test"}))
        with through() as (proxy, heard):
            known = {"tls-server-name": "kubernetes.moor.test", "proxy-url": proxy}
            asked(written(served, tmp_path, {"token": "t"}, **known))
        assert heard[0].startswith("CONNECT 127.0.0.1:")


def test_a_proxy_that_refuses_is_named_without_its_login(served: Answering, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        nobody = f"127.0.0.1:{door.getsockname()[1]}"
    words = refusal(written(served, tmp_path, {"token": "t"}, **{"proxy-url": f"http://me:hushed@{nobody}"}))
    assert f"it was asked through http://{nobody}, the kubeconfig's proxy-url" in words
    assert "hushed" not in words


@contextmanager
def through() -> Iterator[tuple[str, list[str]]]:
    """Run a proxy on loopback for one connection; yield its URL and the requests that it got."""
    heard: list[str] = []

    def pump(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                target.sendall(data)
        except OSError:
            pass

    def serve() -> None:
        client, _ = door.accept()
        with client:
            heard.append(client.recv(4096).decode())
            host, _, port = heard[0].split()[1].partition(":")
            with socket.create_connection((host, int(port)), 5) as server:
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                back = threading.Thread(target=pump, args=(server, client))
                back.start()
                pump(client, server)
                server.shutdown(socket.SHUT_RDWR)
                back.join()

    with socket.create_server(("127.0.0.1", 0)) as door:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{door.getsockname()[1]}", heard
        thread.join()


def certificate(pair: Pair) -> dict[str, str]:
    return {"client-certificate-data": encoded(pair.certificate), "client-key-data": encoded(pair.key)}


def test_a_client_certificate_is_sent_and_relative_paths_start_at_the_kubeconfig(
    served: Answering, tmp_path: Path
) -> None:
    pair = ISSUER.pair()
    asked(written(served, tmp_path, certificate(pair)))
    (tmp_path / "home/pki").mkdir()
    (tmp_path / "home/pki/crt").write_bytes(pair.certificate)
    (tmp_path / "home/pki/key").write_bytes(pair.key)
    (tmp_path / "home/ca").write_bytes(ISSUER.authority)
    known = {"certificate-authority": "ca", "certificate-authority-data": ""}
    asked(written(served, tmp_path, {"client-certificate": "pki/crt", "client-key": "pki/key"}, **known))
    assert served.clients == [True, True]


def unauthorized(right: str) -> Callable[[list[tuple[str, str]]], tuple[int, str, bytes]]:
    """Return a function that answers 401 to every login but one."""
    refused = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "Unauthorized", "code": 401}

    def answer(headers: list[tuple[str, str]]) -> tuple[int, str, bytes]:
        known = any(value == right for _, value in headers)
        return (200 if known else 401), "application/json", json.dumps(NODES if known else refused).encode()

    return answer


def test_an_expired_login_is_reported_with_its_date(served: Answering, tmp_path: Path) -> None:
    served.answer = unauthorized("none")
    expired = certificate(ISSUER.pair(days=-2))
    said = refusal(written(served, tmp_path, expired))
    assert "it ended the TLS handshake: SSLV3_ALERT_CERTIFICATE_EXPIRED; its client certificate ended on 20" in said
    with answering(ISSUER.pair(["127.0.0.1"]), tmp_path) as api:
        api.answer = unauthorized("none")
        said = refusal(written(api, tmp_path, expired))
    assert "the cluster says 401: Unauthorized: its client certificate ended on 20" in said
    claims = base64.urlsafe_b64encode(json.dumps({"exp": 1_600_000_000}).encode()).decode().rstrip("=")
    token = f"eyJhbGciOiJSUzI1NiJ9.{claims}.c2lnbmF0dXJl"
    said = refusal(written(served, tmp_path, {"token": token}))
    assert "its token ended on 2020-09-13 12:26 UTC; log in anew" in said
    assert mask(token) == "***"
    path = written(served, tmp_path, {"token": "other"})
    assert refusal(path).endswith(f"({served.url}, {path}, user u)")


def test_a_token_that_rotates_is_read_again_when_it_is_refused(served: Answering, tmp_path: Path) -> None:
    path = written(served, tmp_path, {"tokenFile": "token"})
    (tmp_path / "home/token").write_text("first\n")
    served.answer = unauthorized("Bearer first")
    with closing(client_of(path, "", 3)) as client:
        assert list(client.list(untyped_class("v1", "Node"))) == []
        served.answer = unauthorized("Bearer second")
        (tmp_path / "home/token").write_text("second\n")
        assert list(client.list(untyped_class("v1", "Node"))) == []
    assert [dict(headers)["Authorization"] for _, headers in served.asked] == [
        "Bearer first",
        "Bearer first",
        "Bearer second",
    ]


def test_a_plugin_gets_the_cluster_and_runs_again_when_its_login_expires(served: Answering, tmp_path: Path) -> None:
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 1))
    body = f"""\
printf %s "$KUBERNETES_EXEC_INFO" >"$OUT/info"; echo run >>"$OUT/runs"
echo '{{"kind": "ExecCredential", "apiVersion": "{V1}",
  "status": {{"token": "given-'$1'", "expirationTimestamp": "{moment}"}}}}'
"""
    plugin(tmp_path / "home/bin/login", body)
    known: dict[str, Any] = {"apiVersion": V1, "command": "bin/login", "args": ["here"], "interactiveMode": "Never"}
    known |= {"provideClusterInfo": True, "env": [{"name": "OUT", "value": str(tmp_path)}]}
    config = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "a"}}
    path = written(served, tmp_path, {"exec": known}, extensions=[config])
    with closing(client_of(path, "", 3)) as client:
        assert list(client.list(untyped_class("v1", "Node"))) == []
        assert list(client.list(untyped_class("v1", "Node"))) == []
    assert served.header("Authorization") == "Bearer given-here"
    assert (tmp_path / "runs").read_text().split() == ["run", "run"]
    told_it = json.loads((tmp_path / "info").read_text())
    assert told_it["apiVersion"] == V1
    cluster = {
        "server": served.url,
        "certificate-authority-data": encoded(ISSUER.authority),
        "config": {"audience": "a"},
    }
    assert told_it["spec"] == {"interactive": False, "cluster": cluster}


def test_a_plugin_may_give_a_client_certificate(served: Answering, tmp_path: Path) -> None:
    pair = ISSUER.pair()
    status = {"clientCertificateData": pair.certificate.decode(), "clientKeyData": pair.key.decode()}
    beta = "client.authentication.k8s.io/v1beta1"
    (tmp_path / "out").write_text(json.dumps({"kind": "ExecCredential", "apiVersion": beta, "status": status}))
    path = written(served, tmp_path, {"exec": {"apiVersion": beta, "command": "cat", "args": [str(tmp_path / "out")]}})
    asked(path)
    assert served.clients == [True]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (None, "there is no such program on this machine; the kubeconfig says: Get it at the desk"),
        ("echo broken >&2; exit 3", "ended with 3: broken; log in with it by hand first"),
        ("echo hello", "printed no JSON"),
        ("echo '{}'", "printed JSON that is no ExecCredential"),
        ("""echo '{"kind": "ExecCredential", "apiVersion": "x"}'""", "answers in x, and exec.apiVersion is client."),
        (f"""echo '{{"kind": "ExecCredential", "apiVersion": "{V1}"}}'""", "gave neither a token nor a client cert"),
        (
            f"""echo '{{"kind": "ExecCredential", "apiVersion": "{V1}", "status": {{"clientKeyData": "x"}}}}'""",
            "gave a client certificate or a key, and not both",
        ),
    ],
)
def test_a_plugin_that_prints_no_login_is_an_error(
    served: Answering, tmp_path: Path, body: str | None, words: str
) -> None:
    if body is not None:
        plugin(tmp_path / "home/bin/login", body)
    known = {"apiVersion": V1, "command": "./bin/login", "interactiveMode": "IfAvailable"}
    path = written(served, tmp_path, {"exec": {**known, "installHint": "Get it\x1b[31m at\nthe desk"}})
    said = refusal(path)
    assert words in said.replace("\x1b", "").replace("[31m ", "")
    assert f"{path}: users: u: exec: ./bin/login" in said
    assert served.asked == []


STRANGE = {
    "a gateway's page": (200, "text/html", b"<html><title>Sign in - Gateway</title>", "a page with the title 'Sign in"),
    "a page without a title": (403, "text/html", b"<!doctype html><p>no", "a page of HTML or XML"),
    "other JSON": (200, "application/json", b'{"ok": true}', "JSON that is no object of Kubernetes"),
    "a 500 of others": (
        500,
        "application/json",
        b'{"error": "boom"}',
        "says 500, and not as a Kubernetes API does: boom",
    ),
    "a status without words": (500, "application/json", b'{"kind": "Status"}', "says 500: no reason given"),
    "another object": (404, "application/json", b'{"kind": "Pod"}', "with an object of kind Pod"),
    "nothing": (200, "text/plain", b"", "200, and nothing more"),
    "a list of something": (
        200,
        "application/json",
        b'{"kind": "NodeList", "items": {"a": 1}}',
        "a list without a list",
    ),
    "a redirect": (302, "text/html", b"", "302, and nothing more"),
}


@pytest.mark.parametrize("form", STRANGE)
def test_an_answer_that_is_not_from_a_kubernetes_api_is_reported_as_that(
    served: Answering, tmp_path: Path, form: str
) -> None:
    code, kind, body, words = STRANGE[form]
    served.answer = lambda _: (code, kind, body)
    path = written(served, tmp_path, {"token": "t"})
    said = refusal(path)
    assert words in said
    assert "None" not in said
    assert "says 421" not in said, "a status that nobody sent"
    assert said.startswith("list it: ")
    assert str(path) in said
    with pytest.raises(HostError) as refused:
        asked(path)
    assert not is_missing(refused.value)


def test_objects_that_lack_fields_are_read(served: Answering, tmp_path: Path) -> None:
    event = {"eventTime": None, "involvedObject": None, "metadata": {"name": "e", "creationTimestamp": None}}
    found = {"kind": "EventList", "apiVersion": "v1", "metadata": None, "items": [event, None, {"reason": 3}]}
    served.answer = lambda _: (200, "application/json", json.dumps(found).encode())
    path = written(served, tmp_path, {"token": "t"})
    assert asked(path, "Event") == [event, {"reason": 3}]
    served.answer = lambda _: (200, "application/json", b'{"kind": "NodeList", "items": null}')
    assert asked(path) == []


def test_an_api_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://desk.moor.test:3128")
    with socket.create_server(("127.0.0.1", 0)) as door:
        server = f"https://127.0.0.1:{door.getsockname()[1]}"
    path = kubeconfig(tmp_path / "k", {"server": server}, {"token": "t"})
    said = refusal(path)
    assert "Connection refused" in said
    assert "HTTPS_PROXY is not used for it" in said
    assert said.endswith(f"({server}, {path}, user u)")


def test_a_server_of_another_ca_is_reported_with_the_key_to_change(tmp_path: Path) -> None:
    with answering(Issuer().pair(["127.0.0.1"]), tmp_path) as served:
        path = written(served, tmp_path, {"token": "t"})
        assert "give its CA as certificate-authority-data in the kubeconfig" in refusal(path)
    assert served.asked == []


def test_a_server_without_tls_is_reported_as_that(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:

        def answer() -> None:
            connection, _ = door.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent TLS\n")

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"https://127.0.0.1:{door.getsockname()[1]}"
        said = refusal(kubeconfig(tmp_path / "k", {"server": url}, {"token": "t"}))
        thread.join()
    assert "what listens there does not speak TLS; is it the API's port?" in said


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["kind", "status", "code", "message", "items", "details", "reason"]), inner)
    ),
)


@given(
    st.sampled_from([200, 201, 302, 401, 403, 404, 421, 500, 503]), JSONS.map(json.dumps).map(str.encode) | st.binary()
)
def test_every_answer_becomes_an_object_or_a_status_with_a_message(code: int, body: bytes) -> None:
    status, tree = judge_answer(code, body)
    assert isinstance(tree["kind"], str)
    assert status < 300 or (tree["kind"] == "Status" and tree["message"] and tree["code"] == status)
    assert code < 300 or status >= 300
