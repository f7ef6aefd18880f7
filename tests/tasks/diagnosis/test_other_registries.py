"""Registries that are no Harbor, asked as nodes and the controller ask: by a token, a login, or nothing."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from moor.connections.apis.harbor import Harbor
from moor.errors import HarborUnreachable
from moor.secrets.secret import Secret
from moor.tasks.diagnosis.evidence.node_answers import evidence_of
from moor.tasks.diagnosis.evidence.probe_request import ControllerFacts, ProbeRequest, RegistryEndpoint
from moor.tasks.diagnosis.evidence.probes import registry_probe
from moor.tasks.diagnosis.rules import RULES
from moor.tasks.diagnosis.rules.layers import judge
from moor_lab.kubernetes.certificates import make_certificates
from tests.harness.servers import free_port
from tests.harness.shells import SHELLS, sh, text
from tests.harness.waiting import until

SCRIPT = Path(__file__).parents[2] / "lab/small_registry.py"
NAME = "localhost"
RIGHT, WRONG = ("robot", Secret("right")), ("robot", Secret("wrong"))
CONFIG = json.dumps({"architecture": "amd64"}).encode()
ASKED = ("challenge", "login", "rights", "manifest")


Login = tuple[str, Secret] | None


@dataclass(frozen=True)
class Small:
    """A registry that asks for a login by ``mode``."""

    mode: str
    port: int
    ca: Path

    def request(
        self, login: tuple[str, Secret] | None, image: str = "app/web:1", api: str = "distribution"
    ) -> ProbeRequest:
        endpoint = RegistryEndpoint(NAME, "127.0.0.1", self.port, api=api, own=False, makes_robots=False)
        return ProbeRequest(endpoint, image, login, anonymous=login is None)

    def judged(self, shell: str, request: ProbeRequest) -> dict[str, list[str]]:
        """Ask as a node does, and return the rules that match, by layer."""
        script = f"SSL_CERT_FILE={self.ca}; export SSL_CERT_FILE\n{registry_probe(request, 'registry').probe()}"
        answer = text(sh(shell, script).stdout)
        assert "ticket" not in answer
        found = evidence_of({"registry": answer}, request, ControllerFacts("answers"), "node1", 0)
        results = judge({layer: found[layer] for layer in ASKED}, RULES)
        return {one.layer: [v.rule for v in one.verdicts] or [one.status] for one in results}

    @contextmanager
    def client(self) -> Iterator[Harbor]:
        trust = ssl.create_default_context(cafile=self.ca)
        with closing(Harbor(NAME, "127.0.0.1", self.port, None, trust, own=False)) as client:
            yield client


@contextmanager
def served(mode: str, folder: Path) -> Iterator[Small]:
    made, port = make_certificates([NAME], []), free_port()
    kind = "application/vnd.oci.image"
    config = {
        "mediaType": f"{kind}.config.v1+json",
        "size": len(CONFIG),
        "digest": f"sha256:{sha256(CONFIG).hexdigest()}",
    }
    manifest = {"schemaVersion": 2, "mediaType": f"{kind}.manifest.v1+json", "config": config, "layers": []}
    (folder / "blobs").mkdir()
    (folder / "blobs/manifest.json").write_text(json.dumps(manifest))
    (folder / "blobs" / config["digest"]).write_bytes(CONFIG)  # type: ignore[operator]
    for name, content in (("tls.crt", made.certificate), ("tls.key", made.key), ("ca.crt", made.authority)):
        (folder / name).write_text(content)
    small = Small(mode, port, folder / "ca.crt")
    process = subprocess.Popen([sys.executable, str(SCRIPT), str(folder), mode, str(port)], stderr=subprocess.DEVNULL)
    try:
        until(lambda: answers(small), "the registry answers")
        yield small
    finally:
        process.kill()
        process.wait()


def answers(small: Small) -> bool:
    try:
        with small.client() as client:
            return client.ask("GET", "/v2/").status_code > 0
    except HarborUnreachable:
        return False


@pytest.fixture(scope="module", params=["token", "basic"])
def small(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    with served(request.param, tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.mark.parametrize("shell", SHELLS)
def test_a_right_login_finds_the_image(small: Small, shell: str) -> None:
    assert small.judged(shell, small.request(RIGHT)) == {layer: ["ok"] for layer in ASKED}


@pytest.mark.parametrize("shell", SHELLS)
def test_a_wrong_login_an_image_that_is_missing_and_no_login_are_told_apart(small: Small, shell: str) -> None:
    unknown = ["unknown"]
    wrong = small.judged(shell, small.request(WRONG))
    assert wrong == {"challenge": ["ok"], "login": ["login-wrong"], "rights": unknown, "manifest": unknown}
    assert small.judged(shell, small.request(RIGHT, "app/web:2"))["manifest"] == ["tag-missing"]
    assert small.judged(shell, small.request(None)) == {
        **{layer: ["ok"] for layer in ASKED},
        "manifest": ["manifest-denied"],
    }


def test_basic_authentication_is_no_harbors(small: Small) -> None:
    asked = small.judged("dash", small.request(RIGHT, api="harbor"))["challenge"]
    assert asked == (["ok"] if small.mode == "token" else ["registry-other"])


def test_the_controller_sees_what_a_login_sees(small: Small) -> None:
    right, wrong = ("robot", "right"), ("robot", "wrong")
    with small.client() as client:
        found = client.manifest("app/web", "1", right)
        assert found
        assert client.blob("app/web", found[1]["config"]["digest"], right)["architecture"] == "amd64"
        assert client.manifest("app/web", "2", right) is None
        assert client.manifest("app/web", "1", wrong) is None
        assert client.logs_in(*right)
        assert not client.logs_in(*wrong)


def test_a_login_never_goes_to_a_token_service_over_plain_http(small: Small) -> None:
    with small.client() as client:
        realm = f"http://{NAME}:{small.port}/token"
        assert client._token({"realm": realm, "service": "small"}, ("robot", "right")) == ""
