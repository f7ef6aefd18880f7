"""Which recorded exchanges the stand-in for Harbor must answer as Harbor did, and what happened between them."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from tests.harness.waiting import until
from tests.lab_harbor.replay import Exchange, Replayer, differences, read
from tests.lab_harbor.standin import ADMIN_PASSWORD

BEFORE_NGINX = {  # what nginx answers, which stands before the core
    "http-port-redirects",
    "root-portal",
    "service-notifications-blocked",
    "unknown-portal-path",
    "v1-registry-path",
    "v2-no-slash",
}
PARALLEL = {"lock-right-password-during-lock"}  # and all race-*: recorded from several clients at once
AT_ONCE = "a run is over when it is asked for"
COUNTED = "runs are counted apart from other jobs"
AUDIT = "the audit log has pulls and pushes alone"
NOT_LIKE_HARBOR = {
    "audit-logs": AUDIT,
    "audit-logs-dev": AUDIT,
    "audit-logs-q": AUDIT,
    "c-login-wrong-password": "the portal's login is not served",
    "gc-get": COUNTED,
    "gc-history": AT_ONCE,
    "gc-log": COUNTED,
    "gc-run-now": COUNTED,
    "repository-delete": "deletes a copy, and copying is not served",
    "retention-delete-while-running": COUNTED,
    "retention-dry-run": COUNTED,
    "retention-executions": COUNTED,
    "retention-executions-after": COUNTED,
    "session-post-with-token": "the portal's login is not served",
    "session-users-current": "the portal's login is not served",
    "tag-create-conflict": "names the repository by its number, which is another one here",
    "v2-catalog-system-robot": "a proxy cache stores a manifest before its blobs were asked for",
}
NEEDS_A_FAULT = {
    "core-starting",
    "down-core-api",
    "down-core-post",
    "down-core-v2",
    "down-jobservice-gc-schedule",
    "down-jobservice-health",
    "down-registry-health",
    "down-registry-manifest",
    "down-registry-upload",
}
RECORDED_UPSTREAM, RECORDED_DEAD = "http://inner.example.test:8004", "http://inner.example.test:8099"
RECORDED_CORE, DEAD = "http://inner.example.test:8001", "http://127.0.0.1:1"
RECORDED_HELLO = "sha256:e3a707c9425ee0ebe67f74b023554a9eb519d4d7b3b44c1a0d344b3ed941ed76"
RECORDED_CONFIG = "sha256:37896ebd17fb6866b85bcd4124ed3ade1e5e78db28aa11bae4769d0485aa5d9f"
RECORDED_LAYER = "sha256:6ba58a2ac131bd34e88d26403a97418dde49cd0e8be65d189149551a83116112"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
ADMIN = httpx.BasicAuth("admin", ADMIN_PASSWORD)


@dataclass
class Outcome:
    """What came of a replay, by the labels of the exchanges.

    Attributes:
        absent: those that the stand-in says it does not serve
    """

    different: dict[str, list[str]] = field(default_factory=dict)
    same: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)

    @property
    def surprises(self) -> str:
        """Return the differences that nobody expects, as text."""
        lines = {label: found for label, found in self.different.items() if label not in NOT_LIKE_HARBOR}
        return "\n".join(f"{label}: {'; '.join(found)}" for label, found in lines.items())


def replay(replayer: Replayer, before: Callable[[Exchange], bool], upstream: str = DEAD) -> Outcome:
    """Play everything that was recorded; ``before`` makes what an exchange needs, and says whether to compare it."""
    outcome = Outcome()
    for exchange in recorded(upstream):
        between(exchange, replayer)
        wanted = before(exchange)
        if not wanted and exchange.label in NEEDS_A_FAULT:
            continue
        answer = replayer.play(exchange)
        if wanted and not parallel(exchange):
            _note(outcome, exchange, answer, replayer.host)
    return outcome


def _note(outcome: Outcome, exchange: Exchange, answer: httpx.Response, host: str) -> None:
    if answer.status_code == 501:
        outcome.absent.append(exchange.label)
    elif found := differences(exchange, answer, host):
        outcome.different[exchange.label] = found
    else:
        outcome.same.append(exchange.label)


def parallel(exchange: Exchange) -> bool:
    return exchange.label.startswith("race-") or exchange.label in PARALLEL


def recorded(upstream: str = DEAD) -> list[Exchange]:
    """Return what was recorded, with the digests of the image that is pushed here in place of one that is not known.

    Args:
        upstream: the registry that Harbor replicated from, which was its own inner one
    """
    # runs of all kinds are counted together, and Harbor had made three before those that were recorded
    counted = {
        "replication/executions/4": "replication/executions/1",
        r"\"id\":4,\"in_progress\"": r"\"id\":1,\"in_progress\"",
        r"\"execution_id\":4,\"id\":4": r"\"execution_id\":1,\"id\":1",
    }
    image = {RECORDED_HELLO: HELLO.digest, RECORDED_CONFIG: HELLO.blobs[0][1], RECORDED_LAYER: HELLO.blobs[1][1]}
    return read(image | counted | {RECORDED_UPSTREAM: upstream, RECORDED_DEAD: DEAD, RECORDED_CORE: "http://core:8080"})


def between(exchange: Exchange, replayer: Replayer) -> None:
    """What happened between two recorded exchanges without being recorded, or where no stand-in goes."""
    if exchange.label == "artifact-pull-count-at-once":
        push(replayer, "number-crunch/hello", pull=True)
        push(replayer, "secret-lab/team/hello", pull=False)
    if exchange.label == "replication-execution-get":
        until(lambda: has_ended(replayer, exchange.target), "the execution has ended")
    if exchange.label == "retention-executions-after":
        until(lambda: has_run(replayer), "the dry run has ended")
    if exchange.label == "replication-execute":
        push(replayer, "secret-lab/hand", pull=False)
    if exchange.label == "robot-legacy-create":
        grant = {
            "kind": "project",
            "namespace": "number-crunch",
            "access": [{"resource": "repository", "action": "pull"}],
        }
        body = {"name": "legacy", "description": "v1 endpoint", "level": "project", "permissions": [grant]}
        assert replayer.client.post("/api/v2.0/robots", json=body, auth=ADMIN).status_code == 201
        replayer.client.cookies.clear()
    if exchange.label == "artifact-delete-all-tags":
        digest = exchange.target.rpartition("/")[2]
        assert replayer.client.delete(f"/v2/number-crunch/hand/manifests/{digest}", auth=ADMIN).status_code == 202
        replayer.client.cookies.clear()
    if exchange.label == "session-post-with-token":
        replayer.client.post("/api/v2.0/projects", json={"project_name": "by-session"}, auth=ADMIN)
        replayer.client.cookies.clear()


def has_ended(replayer: Replayer, execution: str) -> bool:
    answer = replayer.client.get(execution, auth=ADMIN)
    replayer.client.cookies.clear()
    return answer.status_code != 200 or bool(answer.json()["status"] != "InProgress")  # where parts are stopped, none


def has_run(replayer: Replayer) -> bool:
    [run] = replayer.client.get("/api/v2.0/retentions/2/executions", auth=ADMIN).json()
    replayer.client.cookies.clear()
    return bool(run["status"] == "Success")


@dataclass(frozen=True)
class Image:
    """A manifest, its digest, and its configuration and layer with theirs."""

    manifest: bytes
    digest: str
    blobs: tuple[tuple[bytes, str], ...]


def image() -> Image:
    """Return an image that is as big, blob by blob, as the one that the recorded Harbor held."""
    layer = b"x" * 110
    config = {
        "created": "2024-01-01T00:00:00Z",
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["/hello"], "Labels": {"org.example": "x"}},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]},
        "history": [{"created": "2024-01-01T00:00:00Z", "created_by": "hand made"}],
    }
    blobs = tuple((blob, digest_of(blob)) for blob in (json.dumps(config).encode(), layer))
    kinds = ("application/vnd.oci.image.config.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip")
    parts = [
        {"mediaType": kind, "digest": digest, "size": len(blob)}
        for kind, (blob, digest) in zip(kinds, blobs, strict=True)
    ]
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": parts[0], "layers": parts[1:]}
    encoded = json.dumps(manifest).encode()
    return Image(encoded, digest_of(encoded), blobs)


def digest_of(blob: bytes) -> str:
    return f"sha256:{hashlib.sha256(blob).hexdigest()}"


HELLO = image()


def push(replayer: Replayer, repository: str, *, pull: bool) -> None:
    for blob, digest in HELLO.blobs:
        begun = replayer.client.post(f"/v2/{repository}/blobs/uploads/", auth=ADMIN)
        place = f"{begun.headers['Location']}&digest={digest}"
        assert replayer.client.put(place, content=blob, auth=ADMIN).status_code == 201
    address, kind = f"/v2/{repository}/manifests/1.0", {"Content-Type": MANIFEST}
    assert replayer.client.put(address, content=HELLO.manifest, headers=kind, auth=ADMIN).status_code == 201
    if pull:
        assert replayer.client.get(address, headers={"Accept": MANIFEST}, auth=ADMIN).status_code == 200
    replayer.client.cookies.clear()
