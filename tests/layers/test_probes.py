"""What the answers of a node mean, and that its questions run in every shell."""

import pytest

from moor.resources.base import Required
from moor.secrets import Secret
from tasks.proofs import Door, Proof, chain, header, http_status
from tests.shells import SHELLS, sh

DOOR = Door("registry.moor.test", "10.77.0.11", 443)
LOGIN = ("robot$demo+puller", Secret("Pu11erSecret"))
DIGEST = "sha256:" + "a" * 64
PROOFS: dict[str, Proof] = {proof.name: proof for proof in chain(DOOR, "demo/sqrt:1.0", LOGIN, DIGEST)}
OK = "HTTP/1.1 200 OK\r\nDocker-Content-Digest: " + DIGEST + "\r\n\r\n"


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        ("name", "10.77.0.11\n10.77.0.11\n", ""),
        ("name", "", "does not resolve; moor apply names"),
        ("name", "10.0.0.9\n", "resolves to 10.0.0.9 instead of 10.77.0.11"),
        ("name", "10.0.0.9\n10.77.0.11\n", "resolves to 10.0.0.9, 10.77.0.11 instead of"),
        ("route", "CONNECTED(00000003)\n", ""),
        ("route", "connect:errno=111\n", "is refused: nothing listens"),
        ("route", "connect:errno=113\n", "finds no route"),
        ("route", "", "times out"),
        ("route", "moor: no openssl\n", "openssl is not installed"),
        ("tls", "CONNECTED\nVerify return code: 0 (ok)\n", ""),
        (
            "tls",
            "verify error:num=20:unable to get local issuer certificate\n",
            "unable to get local issuer certificate",
        ),
        ("tls", "verify error:num=62:hostname mismatch\n", "hostname mismatch"),
        ("tls", "", "no handshake"),
        ("login", "HTTP/1.1 200 OK\r\n\r\n{}", ""),
        ("login", "HTTP/1.1 401 Unauthorized\r\n\r\n", "answers 401 to robot$demo+puller"),
        ("login", "", "answers nothing"),
        ("manifest", OK, ""),
        ("manifest", OK.replace("aaa", "bbb"), "here, sha256:aaa"),
        ("manifest", "HTTP/1.1 404 Not Found\r\n\r\n", "answers 404 when asked for demo/sqrt:1.0"),
        ("pull", "registry.moor.test/demo/sqrt:1.0: resolved\nmoor: pulled\n", ""),
        (
            "pull",
            "ctr: x509: certificate signed by unknown authority\n",
            "x509: certificate signed by unknown authority",
        ),
    ],
)
def test_each_answer_is_judged(name: str, answer: str, words: str) -> None:
    proof = PROOFS[name]
    state = proof.actual(answer)
    if words:
        assert words in proof.remedy(state)
        assert state != proof.desired(None)
    else:
        assert state == proof.desired(None)


def test_without_a_login_nobody_is_asked_and_the_mend_is_named() -> None:
    proofs = {proof.name: proof for proof in chain(DOOR, "demo/sqrt:1.0", None, "not there")}
    assert proofs["login"].fragment == ":"
    assert "moor apply registry" in proofs["login"].remedy(proofs["login"].actual(""))


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", PROOFS)
def test_on_a_host_that_has_nothing_every_question_is_answered(shell: str, name: str) -> None:
    done = sh(shell, f"PATH=/nowhere\n{PROOFS[name].probe()}" if name != "pull" else "exit 0")
    assert done.returncode == 0
    assert isinstance(PROOFS[name], Required)


@pytest.mark.parametrize("text", ["", "garbage", "HTTP/1.1", "HTTP/1.1 abc", "\r\n\r\n"])
def test_an_answer_that_is_no_http_has_no_status_and_no_header(text: str) -> None:
    assert http_status(text) is None
    assert header(text, "docker-content-digest") == ""
